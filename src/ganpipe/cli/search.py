"""Search settings of an experiment: trials over the ranges in params.yaml, bad ones stopped early (Optuna)."""

import argparse

from ganpipe.plan import layout

EXAMPLES = ("ganpipe search", "ganpipe search -j 2", "ganpipe search --write")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the number of concurrent stages, and whether to write the result."""
    parser.add_argument("-j", "--jobs", type=int, metavar="N", help="stages at once; default: as many as cores allow")
    parser.add_argument(
        "--write", action="store_true", help="add the best trials to params.yaml and make them the grid"
    )


def run(arguments: argparse.Namespace) -> None:
    """Run the search and print its trials and the entries of the best ones."""
    from ganpipe.common.atomic import write_text
    from ganpipe.common.checkout import private_folder
    from ganpipe.scheduling.repro import default_jobs
    from ganpipe.search.edit_params import as_yaml, with_values
    from ganpipe.search.scored_runs import open_scored_runs
    from ganpipe.search.study import run_search
    from ganpipe.search.study_store import study_writer
    from ganpipe.search.study_table import best_settings, study_table

    jobs = default_jobs() if arguments.jobs is None else arguments.jobs
    with open_scored_runs(private_folder(), jobs) as (params, scores):
        store = study_writer(private_folder() / "search.db", params)
        studies = run_search(params, scores, lambda line: print(line, flush=True), store)
    for study in studies:
        print(f"\n{study_table(study, params)}")
    settings = best_settings(studies, params)
    if not settings:
        print("\nNo trial reached the last rung with a value, so there is nothing to write.")
        return
    print(f"\nThe best trials, which `dvc repro` shows without training:\n\n{as_yaml(settings)}")
    if arguments.write:
        text = layout.PARAMS.read_text(encoding="utf-8")
        write_text(layout.PARAMS, with_values(text, settings))
        print(f"Wrote these settings to {layout.PARAMS}.")

"""Find the best experiment of the grid with less training: drop those that can no longer win, continue the others."""

import argparse

from ganpipe.plan import layout

EXAMPLES = ("ganpipe race", "ganpipe race -j 2 --hours 3", "ganpipe race --write")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the budget, the number of concurrent stages, and whether to write the final grid."""
    parser.add_argument("-j", "--jobs", type=int, metavar="N", help="stages at once; default: as many as cores allow")
    parser.add_argument("--hours", type=float, metavar="H", help="stop before all trainings together exceed H hours")
    parser.add_argument("--runs", type=int, metavar="N", help="stop before more than N trainings or continuations")
    parser.add_argument("--write", action="store_true", help="write the grid of the final ranking to params.yaml")


def run(arguments: argparse.Namespace) -> None:
    """Run the race, print its ladder and write it to out/race."""
    from ganpipe.common.atomic import write_text
    from ganpipe.common.checkout import private_folder
    from ganpipe.scheduling.repro import default_jobs
    from ganpipe.search.edit_params import with_values
    from ganpipe.search.ladder import as_text, write_ladder
    from ganpipe.search.race import Budget, run_race
    from ganpipe.search.scored_runs import open_scored_runs

    seconds = None if arguments.hours is None else 3600 * arguments.hours
    jobs = default_jobs() if arguments.jobs is None else arguments.jobs
    with open_scored_runs(private_folder(), jobs) as (params, scores):
        ladder = run_race(params, scores, Budget(arguments.runs, seconds), lambda line: print(line, flush=True))
    write_ladder(ladder, layout.OUT / "race")
    print(f"\n{as_text(ladder)}\n\nLadder: {layout.OUT / 'race' / 'ladder.md'}")
    if arguments.write:
        text = layout.PARAMS.read_text(encoding="utf-8")
        write_text(layout.PARAMS, with_values(text, ladder.settings))
        print(f"Wrote these settings to {layout.PARAMS}.")

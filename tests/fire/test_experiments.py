"""Experiments of DVC's queue, two at a time, and one with `--temp` at the same time: all finish and none is lost."""

import json
import sqlite3
from contextlib import closing

from tests.fire.stages import assert_records_are_whole, bits, lock_of
from tests.processes import running_in, wait_until
from tests.workspace import Workspace

QUEUED = {"shorter": "experiments.e09-mlp.epochs=1", "stricter": "+select.confidence=0.99"}
TEMPORARY = {"smaller": "experiments.e01-lsgan.batch_size=50"}
TRAINED = {"shorter": "e09-mlp-0", "smaller": "e01-lsgan-0"}
"""The run that each experiment trains; the third one changes the report only."""


def test_parallel_experiments_all_finish_and_are_kept(chain: Workspace) -> None:
    whole, lock = bits(chain.folder / "out"), lock_of(chain)
    for name, change in QUEUED.items():
        chain.run("dvc", "exp", "run", "--queue", "--name", name, "--set-param", change)
    chain.run("dvc", "queue", "start", "--jobs", "2")
    for name, change in TEMPORARY.items():
        chain.run("dvc", "exp", "run", "--temp", "--name", name, "--set-param", change)
    wait_until(lambda: ended(chain, set(QUEUED)), 300)
    wait_until(lambda: not running_in(chain.folder), 60)

    # Each has trained what it changes, and DVC keeps it as its own experiment.
    changes = QUEUED | TEMPORARY
    commits = experiments(chain)
    assert commits.keys() == changes.keys()
    assert len({chain.run("git", "show", f"{commit}:dvc.lock").stdout for commit in commits.values()}) == len(changes)
    assert trained(chain) == TRAINED
    assert_records_are_whole(chain.folder)

    # The workspace is unchanged.
    assert bits(chain.folder / "out") == whole
    assert lock_of(chain) == lock
    assert chain.repro() == set()


def ended(chain: Workspace, names: set[str]) -> bool:
    """Return whether the queue has finished all of these. A failure raises AssertionError with its log."""
    lines = [line.split() for line in chain.run("dvc", "queue", "status").stdout.splitlines()]
    states = {line[1]: line[-1] for line in lines if len(line) > 2 and line[1] in names}
    for name in (name for name, state in states.items() if state == "Failed"):
        raise AssertionError(chain.run("dvc", "queue", "logs", name, check=False).stdout)
    return states == dict.fromkeys(names, "Success")


def experiments(chain: Workspace) -> dict[str, str]:
    """Return the commit in which DVC keeps each experiment, by its name."""
    shown = json.loads(chain.run("dvc", "exp", "show", "--json").stdout)
    revisions = [kept["revs"][0] for state in shown for kept in state["experiments"] or []]
    return {revision["name"]: revision["rev"] for revision in revisions}


def trained(chain: Workspace) -> dict[str, str]:
    """Return the name of the run that MLflow shows for each DVC experiment."""
    query = """
        SELECT tags.value, runs.name FROM runs JOIN tags ON tags.run_uuid = runs.run_uuid
        JOIN experiments ON experiments.experiment_id = runs.experiment_id AND experiments.name = 'ganpipe'
        WHERE tags.key = 'dvc_experiment' AND runs.status = 'FINISHED'
    """
    with closing(sqlite3.connect(chain.folder / "mlflow.db")) as connection:
        return dict(connection.execute(query))

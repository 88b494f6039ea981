import dataclasses
import re
import subprocess
import sys

import pytest

from ganpipe.common.errors import UserError
from ganpipe.records import writers
from ganpipe.records.store import load, write_part
from ganpipe.tracking.experiments import PIPELINE, RUNS
from ganpipe.tracking.stage_tracking import LiveRun, Tracking
from ganpipe.tracking.store import open_store
from ganpipe.tracking.sync import unsynced
from ganpipe.tracking.timeouts import SYNC
from tests.conftest import REPOSITORY
from tests.terminal import terminal
from tests.tracking.conftest import STARTED, Checkout

KEY = "key-e01-0"
KILLED = """
import os, sys
from pathlib import Path
from tests.tracking.conftest import Checkout
from tests.tracking.trainings import log_epoch
from ganpipe.tracking.stage_tracking import LiveRun, Tracking
checkout = Checkout(Path(sys.argv[1]), Path())
with LiveRun(Tracking(checkout.root), checkout.root, "key-e01-0", checkout.part("e01-0")) as live:
    live.wait()
    log_epoch(checkout, live, 1)
    live.wait()
    os.kill(os.getpid(), 9)
"""


def kill_a_training(checkout: Checkout) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(checkout.root)], cwd=REPOSITORY)
    assert done.returncode == -9


def test_a_second_sync_changes_nothing(checkout: Checkout) -> None:
    checkout.prepare()
    checkout.whole()
    assert len(checkout.sync().shown) == 3
    before = checkout.shown()
    result = checkout.sync()
    assert (result.shown, len(result.unchanged)) == ([], 3)
    assert checkout.shown() == before


def test_trainings_have_their_own_experiment_and_no_parents(checkout: Checkout) -> None:
    data, run = checkout.prepare(), checkout.whole()
    checkout.sync()
    assert checkout.runs(RUNS.name).keys() == {run}
    pipeline = checkout.runs(PIPELINE.name)
    assert pipeline.keys() == {data, writers.grid_key([run])}
    assert not any("mlflow.parentRunId" in found.data.tags for found in checkout.runs().values())


def test_the_number_of_records_is_shown_on_a_terminal(checkout: Checkout) -> None:
    checkout.whole()
    with terminal() as shown:
        checkout.sync()
    assert re.search(r"sync: .*/2 ", shown.getvalue())


def test_an_emptied_store_is_restored_completely(checkout: Checkout) -> None:
    checkout.prepare()
    checkout.whole("e01-0", value=20.0)
    checkout.whole("e02-0", value=10.0, started=STARTED + 100_000)
    checkout.report("e02-0", "e01-0", value=10.0, started=STARTED + 200_000)
    checkout.sync()
    before = checkout.shown()
    assert before["aliases"] == [("ganpipe-generator", "champion", 2)]
    checkout.wipe_store()
    checkout.sync()
    after = checkout.shown()
    artifacts = before.pop("artifacts"), after.pop("artifacts")
    assert after == before
    assert strip_run_ids(artifacts[0]) == strip_run_ids(artifacts[1])
    assert len(artifacts[0]) == len(artifacts[1]) > 40


def strip_run_ids(artifacts: list[tuple[str, bytes]]) -> set[tuple[str, bytes]]:
    return {(name.split("/artifacts/")[1], content) for name, content in artifacts}


def test_the_run_of_a_killed_training_is_closed(checkout: Checkout) -> None:
    kill_a_training(checkout)
    assert checkout.runs()[KEY].info.status == "RUNNING"
    assert checkout.sync().closed == [KEY]
    assert checkout.runs()[KEY].info.status == "KILLED"
    assert checkout.sync().closed == []


def test_the_run_of_a_living_training_stays_open(checkout: Checkout) -> None:
    with Tracking(checkout.root) as tracking, LiveRun(tracking, checkout.root, KEY, checkout.part("e01-0")) as live:
        live.wait()
        checkout.sync()
        assert checkout.runs()[KEY].info.status == "RUNNING"


def test_a_killed_and_resumed_training_has_the_points_of_an_undisturbed_one(
    checkout: Checkout,
) -> None:
    """The first report after a resume contains all rows, those that an earlier attempt logged included."""
    kill_a_training(checkout)
    again = checkout.part("e01-0", started=STARTED + 60_000)
    with Tracking(checkout.root) as tracking:
        with LiveRun(tracking, checkout.root, KEY, again) as live:
            assert live.part.started_ms == STARTED
            live.wait()
            live.log_epoch(checkout.rows(), checkout.epochs())
            live.wait()
            writers.write_training(checkout.root, KEY, live.part, checkout.model("e01-0"), {"seconds": 2.5})
        tracking.publish(KEY)
    resumed = checkout.shown()["metrics"]

    checkout.wipe_store()
    checkout.sync()
    assert resumed == checkout.shown()["metrics"]


def test_a_gap_that_a_kill_left_is_filled(checkout: Checkout) -> None:
    """The points of epoch 1 were lost, and those of epoch 2 logged, before the stage was killed."""
    part = checkout.part("e01-0")
    with Tracking(checkout.root) as tracking:
        assert tracking.attempt("begin", key=KEY, part=dataclasses.asdict(part))
        with LiveRun(tracking, checkout.root, KEY, part) as live:
            live.wait()
            points = [point for point in live._curves.add(checkout.rows(), checkout.epochs()) if point.step > 6]
            tracking.attempt("log_points", key=KEY, points=points, resumed=False)
    assert not [row for row in checkout.shown()["metrics"] if row[1] == "loss/loss_d" and row[2] <= 6]
    checkout.train("e01-0")
    checkout.sync()
    filled = checkout.shown()["metrics"]
    checkout.wipe_store()
    checkout.sync()
    assert filled == checkout.shown()["metrics"]


def test_a_damaged_record_does_not_stop_the_others(checkout: Checkout) -> None:
    checkout.train("e01-0")
    checkout.train("e02-0")
    (load(checkout.root, KEY).path("train", "part.json")).write_text("{")
    result = checkout.sync()
    assert (result.damaged, result.shown) == ([KEY], ["key-e02-0"])


def test_a_training_with_new_results_under_the_same_key_gets_a_new_run(checkout: Checkout) -> None:
    checkout.train("e01-0")
    checkout.sync()
    first = checkout.runs()[KEY].info.run_id
    checkout.train("e01-0", started=STARTED + 50, offset=5.0)
    checkout.sync()
    run = checkout.runs()[KEY]
    assert run.info.run_id != first
    assert run.data.metrics["loss/loss_d"] == 9.0


def test_a_new_evaluation_gives_the_latest_value_and_keeps_the_run(checkout: Checkout) -> None:
    checkout.train("e01-0")
    checkout.evaluate("e01-0", value=9.0)
    checkout.sync()
    first = checkout.runs()[KEY].info.run_id
    checkout.evaluate("e01-0", value=8.0, started=STARTED + 90_000)
    checkout.sync()
    run = checkout.runs()[KEY]
    assert (run.info.run_id, run.data.metrics["eval/fd_judge"]) == (first, 8.0)
    assert "| fd_judge | 8 |" in run.data.tags["mlflow.note.content"]


def test_a_failing_store_is_a_user_error(checkout: Checkout) -> None:
    checkout.train("e01-0")
    (checkout.root / "mlflow.db").write_bytes(b"no database" * 1000)
    with pytest.raises(UserError, match=r"ganpipe sync` again"):
        checkout.sync()


def test_a_part_recorded_without_timing_has_no_costs(checkout: Checkout) -> None:
    part = dataclasses.replace(checkout.part("e01-0"), labels={"run": "e01-0", "status": "ok"})
    write_part(checkout.root, KEY, part, {})
    checkout.sync()
    assert not any(name.startswith("resources/") for name in checkout.runs()[KEY].data.metrics)


def test_unsynced_are_the_records_that_sync_would_show(checkout: Checkout) -> None:
    checkout.train("e01-0")
    store = open_store(checkout.root, SYNC)
    assert unsynced(store) == [KEY]
    checkout.sync()
    assert unsynced(store) == []
    checkout.train("e02-0")
    assert unsynced(store) == ["key-e02-0"]


def test_a_run_that_lacks_a_stage_is_unsynced(checkout: Checkout) -> None:
    checkout.train("e01-0")
    checkout.sync()
    checkout.whole()
    assert KEY in unsynced(open_store(checkout.root, SYNC))

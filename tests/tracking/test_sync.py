import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ganpipe.common.errors import UserError
from ganpipe.records import writers
from ganpipe.records.store import file_part, load
from ganpipe.tracking.stage_tracking import LiveRun, Tracking
from tests.terminal import terminal
from tests.tracking.conftest import STARTED, Checkout

KILLED = """
import os, sys
from pathlib import Path
from tests.tracking.conftest import Checkout
from ganpipe.tracking.stage_tracking import LiveRun, Tracking
checkout = Checkout(Path(sys.argv[1]), Path())
with LiveRun(Tracking(checkout.root), checkout.root, "key-e01-0", checkout.part("e01-0")) as live:
    live.settle()
    live.epoch(checkout.rows(6), checkout.epochs(6))
    live.settle()
    os.kill(os.getpid(), 9)
"""


def kill_a_training(checkout: Checkout) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(checkout.root)], cwd=Path(__file__).parents[2])
    assert done.returncode == -9


def test_second_sync_changes_nothing(checkout: Checkout) -> None:
    checkout.whole()
    assert len(checkout.sync().shown) == 2
    before = checkout.shown()
    result = checkout.sync()
    assert (result.shown, len(result.unchanged)) == ([], 2)
    assert checkout.shown() == before


def test_a_terminal_sees_how_many_records_are_looked_at(checkout: Checkout) -> None:
    checkout.whole()
    with terminal() as shown:
        checkout.sync()
    assert re.search(r"sync: .*/2 ", shown.getvalue())


def test_a_wiped_store_comes_back_whole(checkout: Checkout) -> None:
    checkout.whole("e01-0", value=20.0)
    checkout.whole("e02-0", value=10.0, started=STARTED + 100_000)
    checkout.sync()
    before = checkout.shown()
    assert before["aliases"] == [("ganpipe-generator", "champion", 2)]
    checkout.wipe_store()
    checkout.sync()
    after = checkout.shown()
    artifacts = before.pop("artifacts"), after.pop("artifacts")
    assert after == before
    assert strip_run_ids(artifacts[0]) == strip_run_ids(artifacts[1])


def strip_run_ids(artifacts: list[tuple[str, bytes]]) -> set[tuple[str, bytes]]:
    return {(name.split("/artifacts/")[1], content) for name, content in artifacts}


def test_closes_the_run_of_a_killed_training(checkout: Checkout) -> None:
    kill_a_training(checkout)
    assert checkout.runs()["key-e01-0"].info.status == "RUNNING"
    assert checkout.sync().closed == ["grid0", "key-e01-0"]
    assert checkout.runs()["key-e01-0"].info.status == "KILLED"
    assert checkout.sync().closed == []


def test_leaves_the_run_of_a_living_training_open(checkout: Checkout) -> None:
    with (
        Tracking(checkout.root) as tracking,
        LiveRun(tracking, checkout.root, "key-e01-0", checkout.part("e01-0")) as live,
    ):
        live.wait()
        live.epoch(checkout.rows(6), checkout.epochs(6))
        live.wait()
        checkout.sync()
        assert checkout.runs()["key-e01-0"].info.status == "RUNNING"


def test_a_killed_and_resumed_training_looks_like_one_left_alone(checkout: Checkout) -> None:
    kill_a_training(checkout)
    again = checkout.part("e01-0", started=STARTED + 60_000)
    with Tracking(checkout.root) as tracking:
        with LiveRun(tracking, checkout.root, "key-e01-0", again) as live:
            assert live.part.started_ms == STARTED
            live.wait()
            live.epoch(checkout.rows(), checkout.epochs())
            writers.training(checkout.root, "key-e01-0", live.part, checkout.model("e01-0"), {"seconds": 2.5})
        tracking.publish("key-e01-0")
    resumed = checkout.shown()["metrics"]

    checkout.wipe_store()
    checkout.sync()
    assert resumed == checkout.shown()["metrics"]


def test_a_damaged_record_does_not_keep_the_others(checkout: Checkout) -> None:
    checkout.train("e01-0")
    checkout.train("e02-0")
    (load(checkout.root, "key-e01-0").path("train", "part.json")).write_text("{")
    result = checkout.sync()
    assert (result.damaged, result.shown) == (["key-e01-0"], ["key-e02-0"])


def test_another_training_under_the_same_key_gets_a_fresh_run(checkout: Checkout) -> None:
    checkout.train("e01-0")
    checkout.sync()
    first = checkout.runs()["key-e01-0"].info.run_id
    checkout.train("e01-0", started=STARTED + 50, offset=5.0)
    checkout.sync()
    run = checkout.runs()["key-e01-0"]
    assert run.info.run_id != first
    assert run.data.metrics["train/loss_d"] == 9.0


def test_a_new_evaluation_gives_the_latest_value_and_keeps_the_run(checkout: Checkout) -> None:
    checkout.train("e01-0")
    checkout.evaluate("e01-0", value=9.0)
    checkout.sync()
    first = checkout.runs()["key-e01-0"].info.run_id
    checkout.evaluate("e01-0", value=8.0, started=STARTED + 90_000)
    checkout.sync()
    run = checkout.runs()["key-e01-0"]
    assert (run.info.run_id, run.data.metrics["fd_judge"]) == (first, 8.0)
    assert "| fd_judge | 8 |" in run.data.tags["mlflow.note.content"]


def test_failing_store_is_the_users_to_mend(checkout: Checkout) -> None:
    checkout.train("e01-0")
    (checkout.root / "mlflow.db").write_bytes(b"no database" * 1000)
    with pytest.raises(UserError, match="sync again"):
        checkout.sync()


def test_a_part_filed_without_timing_has_no_costs(checkout: Checkout) -> None:
    part = dataclasses.replace(checkout.part("e01-0"), labels={"run": "e01-0", "status": "ok"})
    file_part(checkout.root, "key-e01-0", part, {})
    checkout.sync()
    run = checkout.runs()["key-e01-0"]
    assert not any(name.startswith("cost/") for name in run.data.metrics)

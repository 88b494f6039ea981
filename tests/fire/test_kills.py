"""Stages killed at random points: no incomplete output is accepted, and the next run gives the same bits."""

import contextlib
import os
import random
import signal
import time
from collections import Counter

import pytest

from tests.finished_chain import RUNS
from tests.fire.conftest import LONG
from tests.fire.stages import Stages, assert_records_are_whole, bits, outputs, remove_outputs, statuses
from tests.processes import running_in, wait_until
from tests.workspace import Workspace

STAGES = ("train", "sample", "evaluate", "compare")
BATCHES = range(18 if LONG else 1)
KILLS = 10 if LONG else 8
SIGNALS = (signal.SIGKILL, signal.SIGTERM)


@pytest.fixture(scope="module")
def stages(chain: Workspace) -> Stages:
    return Stages(chain)


@pytest.fixture(scope="module")
def undisturbed(stages: Stages) -> dict[str, float]:
    """Seconds of each stage without a kill, once there is an MLflow store."""
    seconds = {}
    assert stages.run("train", RUNS[0])[0] == 0
    for stage in STAGES:
        remove_outputs(stages.workspace, stage, RUNS[0])
        began = time.perf_counter()
        code, output = stages.run(stage, *_named(stage, RUNS[0]))
        assert code == 0, output
        seconds[stage] = time.perf_counter() - began
    return seconds


@pytest.mark.parametrize("batch", BATCHES)
def test_a_killed_stage_leaves_no_incomplete_output(
    batch: int, chain: Workspace, stages: Stages, undisturbed: dict[str, float]
) -> None:
    chance = random.Random(batch)
    whole = bits(chain.folder / "out")
    baseline = {path: bits(chain.folder / path) for stage in STAGES for run in RUNS for path in outputs(stage, run)}
    lock = (chain.folder / "dvc.lock").read_bytes()
    hits: Counter[str] = Counter()
    for number in range(KILLS):
        stage, run = STAGES[number % len(STAGES)], chance.choice(RUNS)
        remove_outputs(chain, stage, run)
        while True:  # repeated if the kill came too late
            every = chance.choice(("0", "30"))
            process = stages.start(stage, *_named(stage, run), GANPIPE_CHECKPOINT_SECONDS=every)
            time.sleep(chance.uniform(0, undisturbed[stage]))
            with contextlib.suppress(ProcessLookupError):  # it had finished already
                os.kill(process.pid, SIGNALS[number // len(STAGES) % 2])
            process.join()
            if process.exitcode != 0:
                assert process.exitcode == -SIGNALS[number // len(STAGES) % 2]
                break
            remove_outputs(chain, stage, run)
        hits[stage] += 1
        for path in outputs(stage, run):
            found = bits(chain.folder / path)
            assert not found or found == baseline[path], f"incomplete {path} after kill {number}"
        assert_records_are_whole(chain.folder)
        code, output = stages.run(stage, *_named(stage, run), GANPIPE_CHECKPOINT_SECONDS=every)
        assert code == 0, output
        assert bits(chain.folder / "out") == whole, f"{stage} {run}, kill {number}"
    assert chain.repro() == set(), "DVC finds nothing to do"
    assert (chain.folder / "dvc.lock").read_bytes() == lock
    wait_until(lambda: not running_in(chain.folder), 60)
    status = statuses(chain)
    assert set(status.values()) == {"FINISHED"}, status
    print(f"killed and completed with the same bits: {dict(hits)}; {len(whole)} files compared each time")


def _named(stage: str, run: str) -> list[str]:
    return [] if stage == "compare" else [run]

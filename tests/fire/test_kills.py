"""Stages killed at random points of their work: nothing half-written is taken for whole, and the bits stay the same."""

import contextlib
import os
import random
import signal
import time
from collections import Counter

import pytest

from tests.fire.conftest import LONG, RUNS
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
    """Seconds of each stage that is left alone, once there is an MLflow store."""
    seconds = {}
    assert stages.run("train", RUNS[0])[0] == 0
    for stage in STAGES:
        remove_outputs(stages.workspace, stage, RUNS[0])
        began = time.perf_counter()
        code, said = stages.run(stage, *_named(stage, RUNS[0]))
        assert code == 0, said
        seconds[stage] = time.perf_counter() - began
    return seconds


@pytest.mark.parametrize("batch", BATCHES)
def test_a_killed_stage_leaves_nothing_half_done(
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
        while True:  # a kill that comes too late is made up for
            every = chance.choice(("0", "30"))
            process = stages.start(stage, *_named(stage, run), GANPIPE_CHECKPOINT_SECONDS=every)
            time.sleep(chance.uniform(0, undisturbed[stage]))
            with contextlib.suppress(ProcessLookupError):  # it was done already
                os.kill(process.pid, SIGNALS[number // len(STAGES) % 2])
            process.join()
            if process.exitcode != 0:
                assert process.exitcode == -SIGNALS[number // len(STAGES) % 2]
                break
            remove_outputs(chain, stage, run)
        hits[stage] += 1
        for path in outputs(stage, run):
            found = bits(chain.folder / path)
            assert not found or found == baseline[path], f"half of {path} after kill {number}"
        assert_records_are_whole(chain.folder)
        code, said = stages.run(stage, *_named(stage, run), GANPIPE_CHECKPOINT_SECONDS=every)
        assert code == 0, said
        assert bits(chain.folder / "out") == whole, f"{stage} {run}, kill {number}"
    assert chain.repro() == set(), "DVC finds everything as it was"
    assert (chain.folder / "dvc.lock").read_bytes() == lock
    wait_until(lambda: not running_in(chain.folder), 60)
    told = statuses(chain)
    assert set(told.values()) == {"FINISHED"}, told
    print(f"killed and completed with the same bits: {dict(hits)}; {len(whole)} files compared each time")


def _named(stage: str, run: str) -> list[str]:
    return [] if stage == "compare" else [run]

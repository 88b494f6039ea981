"""Pipelines killed at random points: the next run completes with the bits of an undisturbed one."""

import json
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from tests.fire.conftest import LONG
from tests.fire.stages import assert_records_are_whole, bits, lock_of, statuses
from tests.processes import running_in, wait_until
from tests.workspace import Workspace

KILLS = range(20 if LONG else 2)
ORDER = ("plan", "fetch", "prepare", "judge", "reference", "inputs", "protocol", "train", "sample", "evaluate")
FOLDERS = {"fetch": ("raw",), "prepare": ("prepared",), "train": ("models",), "sample": ("samples",)} | {
    "evaluate": ("scores", "metrics")
}
COMMANDS = (("python", "-m", "ganpipe", "repro", "-j", "2"), ("dvc", "repro"))
STARTS = ("fetch", "judge", "train", "sample") if LONG else ("sample",)
"""First stage of a trial: it and all later ones are removed as if they had never run."""


@pytest.mark.parametrize("number", KILLS)
def test_a_killed_chain_completes(number: int, chain: Workspace) -> None:
    chance = random.Random(number)
    whole, lock = bits(chain.folder / "out"), lock_of(chain)
    start, command = chance.choice(STARTS), COMMANDS[number // 2 % 3 // 2]
    _forget_from(chain, start)
    began = time.perf_counter()
    sign = (signal.SIGKILL, signal.SIGTERM)[number % 2]
    scheduler = subprocess.Popen(
        command,
        cwd=chain.folder,
        env=chain.environment(GANPIPE_CHECKPOINT_SECONDS=chance.choice(("0", "30"))),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(chance.uniform(0, _usual_seconds(start)))
    scheduler.send_signal(sign)
    code = scheduler.wait(30)
    wait_until(lambda: not running_in(chain.folder), 60)  # a stage that is still importing notices it last
    assert_records_are_whole(chain.folder)
    found = bits(chain.folder / "out")
    assert found.items() <= whole.items(), "an incomplete output"

    if not _readable(chain.folder / ".dvc" / "tmp" / "rwlock"):  # DVC was killed while it wrote this file
        assert command[0] == "dvc", "ganpipe repro stops DVC only when it does not write"
        chain.run("python", "-m", "ganpipe", "repro")
    chain.run(*COMMANDS[number % 2])
    assert bits(chain.folder / "out") == whole
    assert lock_of(chain) == lock
    assert chain.repro() == set()
    found_status = statuses(chain)
    assert "RUNNING" not in found_status.values(), found_status
    seconds = time.perf_counter() - began
    print(f"{' '.join(command[-3:])} from {start}: {sign.name}, exit {code}, {len(found)} of {len(whole)} files;")
    print(f"completed with the same bits after {seconds:.0f} s")


def _readable(path: Path) -> bool:
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return True
    except ValueError:
        return False
    return True


def _usual_seconds(start: str) -> float:
    """Return roughly how long the pipeline takes from this stage on."""
    return {"fetch": 100, "judge": 90, "train": 60, "sample": 40}[start]


def _forget_from(chain: Workspace, start: str) -> None:
    gone = ORDER[ORDER.index(start) :]
    for stage in gone:
        for folder in FOLDERS.get(stage, (stage,)):
            shutil.rmtree(chain.folder / "out" / folder)
    shutil.rmtree(chain.folder / "out" / "report")
    shutil.rmtree(chain.folder / ".dvc" / "cache" / "runs")
    shutil.rmtree(chain.folder / ".ganpipe" / "records")
    path = chain.folder / "dvc.lock"
    lock = yaml.safe_load(path.read_text())
    lock["stages"] = {
        name: entry for name, entry in lock["stages"].items() if name.partition("@")[0] not in (*gone, "compare")
    }
    path.write_text(yaml.safe_dump(lock, sort_keys=False))

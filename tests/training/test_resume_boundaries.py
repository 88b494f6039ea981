"""A training that is killed at any boundary resumes to the bits of an uninterrupted one.

A kill is an exception that no code catches, raised before, during or after a call. Every family is killed at all
positions of CHAIN, one after another, with and without a terminal; a GAN also once at each position of SINGLE. Two
processes are killed by a signal.
"""

import io
import os
import signal
import subprocess
import sys
from contextlib import redirect_stderr
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch

from ganpipe.common.hashing import file_digest
from ganpipe.config import Training
from ganpipe.data.dataset import Dataset, Split, load
from ganpipe.training import per_class_log, workdir
from ganpipe.training.checkpoint import Checkpoint
from ganpipe.training.loop import train
from ganpipe.training.per_class_log import PerClassLog
from tests.conftest import REPOSITORY
from tests.methods.families import training
from tests.terminal import terminal
from tests.training import kills
from tests.training.kills import CHAIN, RESULT, SINGLE, Follower, Kill, Killed, renames
from tests.training.runs import CPU, contents, folder

CLASSES, PER_CLASS = 3, 6
SMALL = {"epochs": 2, "batch_size": 6, "images": None, "latent": 4, "generator": {"width": 2}}
"""Two epochs of three steps on 18 images."""
PAIR = {"discriminator": {"width": 2}}
FAMILIES: dict[str, dict[str, Any]] = {
    "gan": PAIR,
    "conditional": PAIR,
    "critic": PAIR | {"batch_size": 3},
    "scheduled": {"discriminator": {"width": 2, "norm": "none"}},
    "adaptive": PAIR,
    "bigan": PAIR | {"encoder": {"width": 2}},
    "vae": {"encoder": {"width": 2}},
    "diffusion": {"sampling_steps": 2},
    "flow": {},
    "paired-flow": {},
    "conditional-flow": {},
    "conditional-edm": {},
    "per-class": PAIR | {"panel_every": 1},
    "per-class, sequential": PAIR | {"panel_every": 1, "penalty": "r1"},
    "pretrained": {},
}


@pytest.fixture(scope="module")
def digits(mnist: Dataset) -> Dataset:
    """Few real digits of few classes."""
    assert mnist.train.labels is not None
    kept = np.concatenate([np.flatnonzero(mnist.train.labels == label)[:PER_CLASS] for label in range(CLASSES)])
    train_split = Split(mnist.train.images[kept], mnist.train.labels[kept])
    heldout = Split(mnist.heldout.images[:10], None)
    return replace(mnist, train=train_split, heldout=heldout, classes=mnist.classes[:CLASSES])


def settings(family: str, root: Path) -> Training:
    if family == "pretrained":
        weights = root / "uninterrupted" / "gan" / "model"
        digest = file_digest(weights / "generator.safetensors")
        changes = {"method": "pretrained", "weights": str(weights), "weights_sha256": digest}
        return training("gan").model_copy(update=changes)
    return training(family.partition(",")[0], **SMALL | FAMILIES[family])


@dataclass
class Attempts:
    """Attempts of the train stage at one training, in one working folder; the result is copied to `model`."""

    run: Training
    dataset: Dataset
    root: Path

    def start(self) -> Follower:
        """Run one attempt."""
        torch.manual_seed(99)  # a new process would have other random states
        callback = Follower()
        with workdir.locked(self.root / "work") as work:
            train(self.run, self.dataset, work, callback, CPU, checkpoint_every=0.0)
            workdir.copy_result(work, self.root / "model")
        return callback

    def killed(self, kill: Kill) -> None:
        """Run one attempt that is killed."""
        with kill.armed(), pytest.raises(Killed):
            self.start()

    def files(self) -> dict[str, bytes]:
        """Return the contents of all files that depend only on the inputs: checkpoints contain the time."""
        kept = ("model/", "work/result/", "work/progress/", "work/panels/", "work/tables/")
        return {name: content for name, content in contents(self.root).items() if name.startswith(kept)}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("boundaries")


@pytest.fixture(scope="module")
def uninterrupted(digits: Dataset, root: Path) -> dict[str, tuple[Attempts, Follower]]:
    """An uninterrupted training of each family, and what it reported."""
    finished = {}
    for family in FAMILIES:
        attempts = Attempts(settings(family, root), digits, folder(root / "uninterrupted" / family))
        finished[family] = attempts, attempts.start()
    return finished


def assert_same(attempts: Attempts, callback: Follower, expected: tuple[Attempts, Follower]) -> None:
    """Compare all files, and all rows if the last attempt ended an epoch, with those of an uninterrupted training."""
    files, reference = attempts.files(), expected[0].files()
    assert [name for name in files if ".part" in name] == []
    assert {name for name in files if files[name] != reference.get(name)} == set() and files.keys() == reference.keys()
    if callback.epochs_seen:
        assert (callback.steps_seen, callback.epochs_seen) == (expected[1].steps_seen, expected[1].epochs_seen)


@pytest.mark.parametrize("on_terminal", [False, True], ids=["log", "terminal"])
@pytest.mark.parametrize("family", FAMILIES)
def test_family_resumes_after_a_kill_at_every_boundary(
    family: str,
    on_terminal: bool,
    uninterrupted: dict[str, tuple[Attempts, Follower]],
    digits: Dataset,
    root: Path,
    tmp_path: Path,
) -> None:
    chain = list(RESULT if family == "pretrained" else CHAIN)
    if family.startswith("per-class"):
        chain.insert(chain.index(Kill(PerClassLog, "append", "after")), Kill(per_class_log, "save_png", "after"))
    attempts = Attempts(settings(family, root), digits, tmp_path)
    with terminal() if on_terminal else redirect_stderr(io.StringIO()):
        for kill in chain:
            attempts.killed(kill)
        callback = attempts.start()
    assert_same(attempts, callback, uninterrupted[family])


@pytest.mark.parametrize("kill", SINGLE, ids=str)
def test_gan_resumes_after_a_single_kill(
    kill: Kill, uninterrupted: dict[str, tuple[Attempts, Follower]], digits: Dataset, root: Path, tmp_path: Path
) -> None:
    attempts = Attempts(settings("gan", root), digits, tmp_path)
    attempts.killed(kill)
    assert_same(attempts, attempts.start(), uninterrupted["gan"])


SIGNALS = {
    "checkpoint": Kill(Checkpoint, "save", "during", call=5),
    "result": Kill(Path, "replace", "after", matches=renames("result")),
}


@pytest.mark.parametrize("position", SIGNALS)
def test_process_killed_by_a_signal_is_resumed(
    position: str,
    uninterrupted: dict[str, tuple[Attempts, Follower]],
    digits: Dataset,
    root: Path,
    mnist_folder: Path,
    tmp_path: Path,
) -> None:
    attempts = Attempts(settings("gan", root), digits, tmp_path)
    if position == "result":  # one to be replaced
        attempts.killed(Kill(workdir, "copy_result", "before"))
    code = f"from tests.training.test_resume_boundaries import *; end_by_signal({position!r}, *map(Path, sys.argv[1:]))"
    command = [sys.executable, "-c", code, str(root), str(mnist_folder), str(tmp_path)]
    process = subprocess.run(command, cwd=REPOSITORY, check=False, capture_output=True)
    assert process.returncode == -signal.SIGKILL, process.stderr.decode()
    assert list((tmp_path / "work").glob(".*.part"))  # what the process could not delete
    assert_same(attempts, attempts.start(), uninterrupted["gan"])
    assert not list((tmp_path / "work").rglob(".*.part"))


def end_by_signal(position: str, root: Path, mnist_folder: Path, work: Path) -> None:
    """Train and kill this process at a position."""
    dataset = digits.__wrapped__(load(mnist_folder))  # type: ignore[attr-defined]
    kill = partial(os.kill, os.getpid(), signal.SIGKILL)
    with mock.patch.object(kills, "kill_process", kill), SIGNALS[position].armed():
        Attempts(settings("gan", root), dataset, work).start()

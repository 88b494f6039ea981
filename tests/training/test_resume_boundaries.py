"""A training that is killed at any boundary resumes to the bits of an uninterrupted one.

A kill is an exception that no code catches, raised before, during or after a call. Every family is killed at all
positions of CHAIN, one after another, with and without a terminal; a GAN also once at each position of SINGLE. Two
processes are killed by a signal.
"""

import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, redirect_stderr
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal
from unittest import mock

import numpy as np
import pytest
import torch

from ganpipe.common.hashing import file_digest
from ganpipe.common.progress import ProgressCallback
from ganpipe.config import Training
from ganpipe.data.dataset import Dataset, Split, load
from ganpipe.training import loop, per_class_log, result, workdir
from ganpipe.training.checkpoint import Checkpoint
from ganpipe.training.history import EpochLog
from ganpipe.training.loop import train
from ganpipe.training.per_class_log import PerClassLog
from ganpipe.training.table import Table
from tests.conftest import REPOSITORY
from tests.methods.families import training
from tests.terminal import terminal
from tests.training.runs import CPU, contents, folder

CLASSES, PER_CLASS = 3, 6
SMALL = {"epochs": 2, "batch_size": 6, "images": None, "latent": 4, "generator": {"width": 2}}
"""Two epochs of three steps on 18 images."""
PAIR = {"discriminator": {"width": 2}}
FAMILIES: dict[str, dict[str, Any]] = {
    "gan": PAIR,
    "conditional": PAIR,
    "critic": PAIR | {"batch_size": 3},
    "bigan": PAIR | {"encoder": {"width": 2}},
    "vae": {"encoder": {"width": 2}},
    "diffusion": {"sampling_steps": 2},
    "per-class": PAIR | {"panel_every": 1},
    "per-class, sequential": PAIR | {"panel_every": 1, "penalty": "r1"},
    "pretrained": {},
}


class Killed(BaseException):
    """The process is killed."""


def kill_process() -> None:
    raise Killed


@dataclass(frozen=True)
class Kill:
    """A kill before, during or after a call (counted from 1 in each attempt) of the function `owner.name`.

    matches: which calls count, by their arguments.
    """

    owner: Any
    name: str
    when: Literal["before", "during", "after"]
    call: int = 1
    matches: Callable[..., bool] = lambda *_, **__: True

    def __str__(self) -> str:
        return f"{self.when} {getattr(self.owner, '__name__', self.owner).rpartition('.')[2]}.{self.name} {self.call}"

    @contextmanager
    def armed(self) -> Iterator[None]:
        """Kill at this position while the block runs."""
        function, calls = getattr(self.owner, self.name), 0

        def called(*arguments: Any, **options: Any) -> Any:
            nonlocal calls
            matches = self.matches(*arguments, **options)
            calls += matches
            due = matches and calls == self.call
            if due and self.when == "before":
                kill_process()
            with HALFWAY[self.name]() if due and self.when == "during" else ExitStack():
                returned = function(*arguments, **options)
            if due:
                kill_process()
            return returned

        with mock.patch.object(self.owner, self.name, called):
            yield


def half_file(save: Callable[..., None] = torch.save) -> AbstractContextManager[Any]:
    """Let torch.save write half of a file and be killed; the half remains, as no process is left to delete it."""

    def save_half(content: Any, path: Path) -> None:
        buffer = io.BytesIO()
        save(content, buffer)
        for name in (path, path.with_name(f".{path.name}.remains.part")):
            name.write_bytes(buffer.getvalue()[: buffer.tell() // 2])
        kill_process()

    return mock.patch.object(torch, "save", save_half)


def half_folder(copy: Callable[..., Any] = shutil.copyfile) -> AbstractContextManager[Any]:
    """Let shutil.copytree copy one file and be killed."""

    def copy_half(source: Path, destination: Path, **_: Any) -> None:
        file = next(path for path in sorted(source.iterdir()) if path.is_file())
        remains = destination.with_name(f".{destination.name}.remains.part")
        remains.mkdir()
        for name in (destination, remains):
            copy(file, name / file.name)
        kill_process()

    return mock.patch.object(shutil, "copytree", copy_half)


def half_row() -> AbstractContextManager[Any]:
    """Let a table write half of a row and be killed."""

    def array(rows: Any, dtype: Any) -> Any:
        content = np.array(rows, dtype).tobytes()
        return np.frombuffer(content[: len(content) // 2 + 1], np.uint8)

    return mock.patch.object(np, "ascontiguousarray", array)


HALFWAY: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "save": half_file,
    "copy_result": half_folder,
    "append": half_row,
}


class Follower(ProgressCallback):
    """The progress display of the stage, and a record of all rows."""

    def __init__(self) -> None:
        super().__init__("run-0", epochs=2)
        self.steps_seen: list[Any] = []
        self.epochs_seen: list[Any] = []

    def on_epoch(self, history: Sequence[Mapping[str, float]], epochs: Sequence[Mapping[str, float]]) -> None:
        super().on_epoch(history, epochs)
        self.steps_seen += history
        self.epochs_seen += epochs


def renames(name: str) -> Callable[..., bool]:
    return lambda source, target: source.name == name or target.name == name


RESULT = [
    Kill(loop, "write_result", "before"),
    Kill(result, "save_generator", "before"),
    Kill(result, "save_generator", "after"),
    Kill(result, "write_text", "after"),
    Kill(Path, "replace", "before", matches=renames("result")),
    Kill(Path, "replace", "after", matches=renames("result")),  # the folder appears
    Kill(Path, "replace", "after", matches=renames("result")),  # the folder of the attempt before is moved away
    Kill(loop, "write_result", "after"),
    Kill(workdir, "copy_result", "before"),
    Kill(workdir, "copy_result", "during"),
    Kill(Path, "replace", "before", matches=renames("model")),
    Kill(Path, "replace", "after", matches=renames("model")),
    Kill(Path, "replace", "after", matches=renames("model")),
    Kill(workdir, "copy_result", "after"),
]
"""Positions after the last epoch, in an order in which each can be reached after those before it."""

EPOCH = [
    Kill(Checkpoint, "restore", "before"),
    Kill(Checkpoint, "restore", "after"),
    Kill(Follower, "on_start", "before"),
    Kill(Follower, "on_start", "after"),
    Kill(Follower, "on_step", "before"),
    Kill(Follower, "on_step", "after"),
    Kill(Table, "append", "during"),
    Kill(Checkpoint, "save", "before"),
    Kill(Checkpoint, "save", "during"),
    Kill(Checkpoint, "save", "after"),
    Kill(Checkpoint, "save", "after"),
    Kill(Follower, "on_step", "after"),  # the epoch's last batch
    Kill(Checkpoint, "save", "before"),
    Kill(Checkpoint, "save", "during"),
    Kill(Checkpoint, "save", "after"),  # all batches are done, the epoch is not
    Kill(loop, "save_grid", "before"),
    Kill(loop, "save_grid", "after"),
    Kill(Table, "append", "during"),
    Kill(EpochLog, "append", "after"),
    Kill(PerClassLog, "append", "before"),
    Kill(PerClassLog, "append", "after"),
    Kill(Follower, "on_epoch", "before"),
    Kill(Follower, "on_epoch", "after"),
    Kill(Checkpoint, "save", "before"),
    Kill(Checkpoint, "save", "during"),
    Kill(Checkpoint, "save", "after"),  # between two epochs, or after the last
]
"""Positions of one epoch, each reached by an attempt that resumes after the kill before it."""

CHAIN = [*EPOCH, *EPOCH, *RESULT]

SINGLE = [
    *(Kill(Checkpoint, "save", when, call) for call in range(1, 9) for when in ("before", "during", "after")),
    *(Kill(Table, "append", "during", call) for call in range(1, 9)),
    *(Kill(Follower, "on_step", "after", call) for call in range(1, 7)),
    *(
        Kill(owner, name, when, epoch)
        for owner, name in ((loop, "save_grid"), (EpochLog, "append"), (Follower, "on_epoch"))
        for when in ("before", "after")
        for epoch in (1, 2)
    ),
    *(kill for kill in RESULT if kill.owner is not Path),
]
"""Positions of a training that is killed once. With a checkpoint after every step, an epoch writes four."""


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
        train(self.run, self.dataset, self.root / "work", callback, CPU, checkpoint_every=0.0)
        workdir.copy_result(self.root / "work", self.root / "model")
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


def end_by_signal(position: str, root: Path, mnist_folder: Path, work: Path) -> None:
    """Train and kill this process at a position."""
    dataset = digits.__wrapped__(load(mnist_folder))  # type: ignore[attr-defined]
    kill = partial(os.kill, os.getpid(), signal.SIGKILL)
    with mock.patch(f"{__name__}.kill_process", kill), SIGNALS[position].armed():
        Attempts(settings("gan", root), dataset, work).start()

"""Kills of a training at every boundary: an exception that no code catches, before, during or after a call."""

import io
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from unittest import mock

import numpy as np
import torch

from ganpipe.common.progress import ProgressCallback
from ganpipe.training import loop, result, workdir
from ganpipe.training.checkpoint import Checkpoint
from ganpipe.training.history import EpochLog
from ganpipe.training.per_class_log import PerClassLog
from ganpipe.training.table import Table


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

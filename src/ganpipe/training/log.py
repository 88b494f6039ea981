"""Everything that one training records, and how much of it a checkpoint needs."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganpipe.training.history import EpochLog, History
from ganpipe.training.per_class_log import PerClassLog
from ganpipe.training.table import Rows


class TrainingLog:
    """Steps, epochs and classes of a training, and the seconds of all its attempts.

    folder: the working folder of the training. writes: False for all processes of a group but the first.
    started: value of `time.perf_counter` at the start of this attempt.
    """

    def __init__(
        self,
        folder: Path,
        classes: PerClassLog,
        images_per_step: int,
        steps_per_epoch: int,
        writes: bool,
        started: float,
    ) -> None:
        self.folder = folder
        self.history = History(folder, images_per_step, steps_per_epoch, writes)
        self.epochs = EpochLog(folder, writes)
        self.classes = classes
        self.problem = ""
        """Why the training diverged, or ""."""
        self._started = started
        self._earlier_seconds = 0.0
        self._reported = (0, 0)

    @property
    def images(self) -> int:
        """Images processed so far."""
        return len(self.history) * self.history.images_per_step

    @property
    def seconds(self) -> float:
        """Seconds of this attempt and of the earlier ones that it continues."""
        return self._earlier_seconds + time.perf_counter() - self._started

    def unreported_rows(self) -> tuple[Rows, Rows]:
        """Return the rows of steps and of epochs since the previous call; all rows at the first call."""
        rows = self.history.rows(self._reported[0]), self.epochs.rows(self._reported[1])
        self._reported = (len(self.history), len(self.epochs))
        return rows

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` needs: lengths, not rows, so that its size does not grow with the training."""
        return {
            "history": self.history.state_dict(),
            "epochs": self.epochs.state_dict(),
            "classes": self.classes.state_dict(),
            "seconds": self.seconds,
        }

    def load_state_dict(self, state: Mapping[str, Any] | None) -> None:
        """Continue from a state; None deletes the rows of an attempt that ended before its first checkpoint.

        Raises ValueError if rows are missing on disk.
        """
        self.history.load_state_dict(state and state["history"])
        self.epochs.load_state_dict(state and state["epochs"])
        self.classes.load_state_dict(state and state["classes"])
        self._earlier_seconds = state["seconds"] if state else 0.0

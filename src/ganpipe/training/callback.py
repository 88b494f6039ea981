"""The interface between a training and whoever follows it."""

from typing import Protocol

from ganpipe.training.table import Rows


class Callback(Protocol):
    """Follows a training, such as a progress bar or a tracker; it cannot change the result."""

    def on_start(self, done: int, total: int) -> None:
        """Handle the start or resume of a training, after `done` of `total` images."""

    def on_step(self, images: int) -> None:
        """Handle the end of a step on that many images."""

    def on_epoch(self, history: Rows, epochs: Rows) -> None:
        """Handle the end of an epoch.

        The first call after `on_start` receives all rows so far, also those of earlier attempts; every later call
        receives only the rows since the previous one. They equal the rows of history.csv and epochs.csv.
        """

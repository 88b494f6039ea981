"""A training's progress for people: a bar with speed and time left on a terminal, one line an epoch in a log."""

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tqdm import tqdm


class Progress:
    """Observer that shows images done, images a second, time left and the losses of the last epoch."""

    def __init__(self, run: str, epochs: int) -> None:
        self.run, self.epochs = run, epochs
        self._done = self._total = self._first = 0
        self._started = time.perf_counter()
        self._bar: tqdm[Any] | None = None

    def start(self, done: int, total: int) -> None:
        """Begin to count, where an earlier attempt has done some of the images."""
        self._done, self._first, self._total = done, done, total
        self._started = time.perf_counter()
        self._bar = tqdm(
            desc=self.run,
            total=total,
            initial=done,
            unit=" images",
            unit_scale=True,
            dynamic_ncols=True,
            disable=None,  # silent without a terminal
        )
        if done:
            tqdm.write(f"{self.run}: going on after {done} of {total} images", file=sys.stderr)

    def step(self, images: int) -> None:
        """Count one step."""
        self._done += images
        if self._bar is not None:
            self._bar.update(images)

    def epoch(self, history: Sequence[Mapping[str, float]], epochs: Sequence[Mapping[str, float]]) -> None:  # noqa: ARG002
        """Show the means of the last epoch, and without a terminal the speed and the time left."""
        means = epochs[-1]
        number = int(means["epoch"])
        losses = ", ".join(f"{name} {value:.3g}" for name, value in means.items() if name.startswith("loss"))
        assert self._bar is not None
        self._bar.set_postfix_str(losses)
        if self._bar.disable:
            speed = (self._done - self._first) / (time.perf_counter() - self._started)
            left = (self._total - self._done) / speed
            print(
                f"{self.run}: epoch {number}/{self.epochs}, {losses}, {speed:.0f} images/s, {left:.0f} s left",
                flush=True,
            )
        if number == self.epochs:
            self._bar.close()

"""Progress for people: a bar on a terminal for whatever takes seconds, and in a log one line an epoch of a training."""

import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

if TYPE_CHECKING:
    from torch import nn

_TICK_S = 1.0


@contextmanager
def working(title: str, total: int | None = None, unit: str = "") -> "Iterator[tqdm[Any]]":
    """A bar for the time of a block, whose clock goes on by itself: silent without a terminal, and gone at the end.

    total: how many units of work there are, where that is known. Without a unit it shows the time alone.
    """
    layout = None if unit else "{desc}: {elapsed}"
    bar = tqdm(desc=title, total=total, unit=unit, bar_format=layout, dynamic_ncols=True, leave=False, disable=None)
    with bar, _ticking(bar):
        yield bar


@contextmanager
def counting(bar: "tqdm[Any]", network: "nn.Module") -> Iterator[None]:
    """Count on a bar the images that a network makes in a block."""

    def count(_module: "nn.Module", inputs: tuple[Any, ...], _images: Any) -> None:
        bar.update(len(inputs[0]))

    hook = network.register_forward_hook(count)
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def _ticking(bar: "tqdm[Any]") -> Iterator[None]:
    """Draw a bar anew every second, also while nothing is counted."""
    if bar.disable:
        yield
        return
    ended = threading.Event()

    def tick() -> None:
        while not ended.wait(_TICK_S):
            bar.refresh()

    clock = threading.Thread(target=tick, daemon=True)
    clock.start()
    try:
        yield
    finally:
        ended.set()
        clock.join()


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

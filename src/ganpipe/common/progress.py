"""Progress on standard error: a bar on a terminal, and in a log one line per training epoch."""

import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

if TYPE_CHECKING:
    from torch import nn

_REFRESH_S = 1.0


@contextmanager
def progress_bar(title: str, total: int | None = None, unit: str = "") -> "Iterator[tqdm[Any]]":
    """Show a bar with a running clock while the block runs; it is removed at the end, and silent without a terminal.

    total: number of units of work, if known. Without a unit only the elapsed time is shown.
    """
    layout = None if unit else "{desc}: {elapsed}"
    bar = tqdm(desc=title, total=total, unit=unit, bar_format=layout, dynamic_ncols=True, leave=False, disable=None)
    with bar, _refreshed(bar):
        yield bar


@contextmanager
def count_images(bar: "tqdm[Any]", network: "nn.Module") -> Iterator[None]:
    """Advance a bar by every image that the network generates while the block runs."""

    def count(_module: "nn.Module", inputs: tuple[Any, ...], _images: Any) -> None:
        bar.update(len(inputs[0]))

    hook = network.register_forward_hook(count)
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def _refreshed(bar: "tqdm[Any]") -> Iterator[None]:
    """Redraw a bar every second from a thread, so that its clock runs even if nothing is counted."""
    if bar.disable:
        yield
        return
    finished = threading.Event()

    def refresh() -> None:
        while not finished.wait(_REFRESH_S):
            bar.refresh()

    thread = threading.Thread(target=refresh, name="progress clock", daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()


class ProgressCallback:
    """Training callback that shows images processed, images per second, time left and the last epoch's losses."""

    def __init__(self, run: str, epochs: int) -> None:
        self.run, self.epochs = run, epochs
        self._processed = self._resumed_at = self._total = 0
        self._started = time.perf_counter()
        self._bar: tqdm[Any] | None = None

    def on_start(self, done: int, total: int) -> None:
        """Start the bar at the images that earlier attempts processed."""
        self._processed, self._resumed_at, self._total = done, done, total
        self._started = time.perf_counter()
        self.close()  # a training that was moved to another node starts again
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
            tqdm.write(f"{self.run}: resuming after {done} of {total} images", file=sys.stderr)

    def on_step(self, images: int) -> None:
        """Count the images of a step."""
        self._processed += images
        if self._bar is not None:
            self._bar.update(images)

    def on_epoch(self, history: Sequence[Mapping[str, float]], epochs: Sequence[Mapping[str, float]]) -> None:  # noqa: ARG002
        """Show the mean losses of the last epoch; without a terminal also the speed and the time left."""
        means = epochs[-1]
        number = int(means["epoch"])
        losses = ", ".join(f"{name} {value:.3g}" for name, value in means.items() if name.startswith("loss"))
        assert self._bar is not None
        self._bar.set_postfix_str(losses)
        if self._bar.disable:
            print(", ".join([f"{self.run}: epoch {number}/{self.epochs}", losses, *self._speed()]), flush=True)
        if number == self.epochs:
            self.close()

    def close(self) -> None:
        """Leave the bar as it is and continue on a new line."""
        if self._bar is not None:
            self._bar.close()

    def _speed(self) -> list[str]:
        """Return speed and time left, or nothing if no step has run since the resume."""
        processed = self._processed - self._resumed_at
        if not processed:  # the checkpoint was written after the epoch's last batch
            return []
        speed = processed / (time.perf_counter() - self._started)
        return [f"{speed:.0f} images/s", f"{(self._total - self._processed) / speed:.0f} s left"]

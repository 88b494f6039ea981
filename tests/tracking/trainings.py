"""Trainings that log themselves as the train stage does."""

from collections.abc import Iterator
from contextlib import contextmanager

from ganpipe.records import writers
from ganpipe.tracking.stage_tracking import LiveRun, Tracking
from tests.tracking.conftest import EPOCH, Checkout

KEY = "key-e01-0"


def train(checkout: Checkout) -> None:
    """Run a training of two epochs as the stage does it."""
    with Tracking(checkout.root) as tracking:
        with LiveRun(tracking, checkout.root, KEY, checkout.part("e01-0")) as live:
            for epoch in (1, 2):
                live.wait()
                log_epoch(checkout, live, epoch)
            writers.write_training(checkout.root, KEY, live.part, checkout.model("e01-0"), {"seconds": 2.5})
        tracking.publish(KEY)


def log_epoch(checkout: Checkout, live: LiveRun, epoch: int, first: int | None = None) -> None:
    """Report the end of an epoch, with the rows since the end of the epoch before or since `first`."""
    first = epoch if first is None else first
    live.log_epoch(checkout.rows(1 + EPOCH * (first - 1), EPOCH * epoch), checkout.epochs(first, epoch))


@contextmanager
def training(checkout: Checkout) -> Iterator[LiveRun]:
    """Start a training that logs itself."""
    with (
        Tracking(checkout.root) as tracking,
        LiveRun(tracking, checkout.root, KEY, checkout.part("e01-0")) as live,
    ):
        yield live

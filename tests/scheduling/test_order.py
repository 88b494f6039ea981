"""The order in which ready stages are queued."""

from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any

from ganpipe.scheduling.repro import _Reproduction

UPSTREAM = {
    "plan": [],
    "train@a-0": ["plan"],
    "train@b-0": ["plan"],
    "sample@a-0": ["train@a-0"],
    "sample@b-0": ["train@b-0"],
    "evaluate@a-0": ["sample@a-0"],
    "evaluate@b-0": ["sample@b-0"],
    "compare": ["evaluate@a-0", "evaluate@b-0"],
}


class Graph:
    """Stages that all have to run."""

    upstream = UPSTREAM

    def locked(self) -> Any:
        return nullcontext()

    def changed(self, stages: Iterable[str]) -> set[str]:
        return set(stages)


def test_a_run_is_evaluated_before_the_next_training_begins() -> None:
    reproduction = _Reproduction(Graph(), None, None, jobs=1)  # type: ignore[arg-type]
    order = []
    reproduction._queue_ready_stages()
    while reproduction._queue:
        stage = reproduction._queue.pop(0)
        order.append(stage)
        reproduction._sorter.done(stage)
        reproduction._queue_ready_stages()
    assert order == [
        "plan", "train@a-0", "sample@a-0", "evaluate@a-0", "train@b-0", "sample@b-0", "evaluate@b-0", "compare",
    ]  # fmt: skip

"""Trainings as tasks of a Ray cluster.

The stage stays where DVC runs: it hands over sources, settings, data and the last checkpoint, follows the training,
writes down every checkpoint that comes back, and in the end the result. So nodes need no common file system, no DVC and
no MLflow, and a training whose node dies goes on elsewhere, or later, or without Ray.
"""

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganpipe.common.errors import UserError
from ganpipe.data.dataset import Dataset, Split, load
from ganpipe.executors.files import Outbox, write_files
from ganpipe.executors.job import Job, Trained
from ganpipe.executors.node import ProgressUpdate, Row, train_on_node

if TYPE_CHECKING:
    from ganpipe.training.loop import Callback

_PACKAGE = Path(__file__).parents[1]
_FRUITLESS = 3
"""Attempts in a row that may be lost without a file from them, before a training is given up."""
_PATIENCE_S = 30.0
_AHEAD = 4
"""News that may wait to be read, before the node waits with further ones."""


def machine(job: Job) -> Mapping[str, str]:  # noqa: ARG001 - every executor is asked for its job's
    """Which node it will be shows later."""
    return {"executor": "ray"}


def train(job: Job, observer: "Callback") -> Trained:
    """Do the job on whichever node has room for it, and elsewhere again when that node is lost.

    Raises UserError when Ray or its cluster is not there, and when nodes keep being lost without getting anywhere.
    """
    with _cluster() as ray:
        lost = (
            ray.exceptions.NodeDiedError,
            ray.exceptions.WorkerCrashedError,
            ray.exceptions.ObjectLostError,
            ray.exceptions.OutOfMemoryError,
        )
        data = ray.put(_in_memory(load(job.prepared)))
        fruitless = 0
        while True:
            attempt = _Attempt(job, observer)
            try:
                return attempt.follow(ray, data)
            except lost as error:
                fruitless = 0 if attempt.fruitful else fruitless + 1
                if fruitless == _FRUITLESS:
                    raise UserError(
                        f"{job.run}: {fruitless} attempts in a row were lost before their first checkpoint "
                        f"({_first_line(error)}). See the cluster's log (`ray status`, `ray list tasks`); run again, "
                        "this goes on from the last checkpoint"
                    ) from error
                _tell(job, f"its node was lost ({_first_line(error)}); going on elsewhere from the last checkpoint")
            except ray.exceptions.RayTaskError as error:
                if isinstance(error.cause, UserError):
                    raise UserError(str(error.cause)) from None
                raise
            except ray.exceptions.RayError as error:
                raise UserError(f"{job.run}: Ray cannot do it ({_first_line(error)}); run again when it can") from error


class _Attempt:
    """One task of Ray, and what came back of it."""

    def __init__(self, job: Job, observer: "Callback") -> None:
        self._job, self._observer = job, observer
        self._history, self._epochs = list[Row](), list[Row]()
        self.fruitful = False

    def follow(self, ray: Any, data: Any) -> Trained:
        """Start the task and take up its news until it ends. Raises Ray's errors."""
        job, wanted = self._job, self._job.compute.ray
        task = ray.remote(train_on_node).options(
            name=job.run,
            num_cpus=wanted.cpus,
            num_gpus=wanted.gpus,
            max_retries=0,  # Ray would start it with the old checkpoint
            num_returns="streaming",
            _generator_backpressure_num_objects=_AHEAD,
        )
        files = Outbox(job.work).changed()
        stream = task.remote(job.training, data, files, job.compute.device, job.packages, job.checkpoint_every)
        while not ray.wait([stream], timeout=_PATIENCE_S)[0]:
            free = ray.available_resources()
            _tell(
                job,
                f"no news from Ray for {_PATIENCE_S:.0f} s; it asks for {wanted.cpus:g} CPU and {wanted.gpus:g} GPU, "
                f"free are {free.get('CPU', 0):g} and {free.get('GPU', 0):g}",
            )
        for reference in stream:
            news: ProgressUpdate = ray.get(reference)
            self._take(news)
            if news.ended:
                return Trained({**news.ended.machine, "executor": "ray"}, news.ended.costs)
        raise AssertionError("the last news of a task tell how it ended")

    def _take(self, news: ProgressUpdate) -> None:
        write_files(self._job.work, news.files)
        self.fruitful = self.fruitful or bool(news.files)
        if news.begun:
            self._observer.start(*news.begun)
        if news.images:
            self._observer.step(news.images)
        self._history += news.history
        self._epochs += news.epochs
        if news.epochs:
            self._observer.epoch(self._history, self._epochs)


@contextmanager
def _cluster() -> Iterator[Any]:
    """Ray, connected to the cluster of RAY_ADDRESS or else the one on this machine, with this package's sources."""
    try:
        import ray
    except ImportError:
        raise UserError(
            "compute.executor = 'ray': Ray is not installed here; add it with `make ray`, or set "
            "compute.executor: local"
        ) from None
    try:
        ray.init(
            address="auto",
            runtime_env={"py_modules": [str(_PACKAGE)], "excludes": ["__pycache__"]},
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UserError(
            f"compute.executor = 'ray': no cluster can be joined ({_first_line(error)}). Start one here with "
            "`ray start --head`, or name its address in RAY_ADDRESS; docs/scaling.md shows how"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _in_memory(dataset: Dataset) -> Dataset:
    """The data set with plain arrays for memory maps, which Ray keeps once a node, shared by its trainings."""

    def plain(split: Split) -> Split:
        return split._replace(images=np.asarray(split.images))

    return replace(dataset, train=plain(dataset.train), heldout=plain(dataset.heldout))


def _tell(job: Job, what: str) -> None:
    print(f"{job.run}: {what}", file=sys.stderr, flush=True)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]

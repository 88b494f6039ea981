"""Train as a task of a Ray cluster.

The stage runs where DVC runs. It sends sources, settings, data and the last checkpoint to a node, follows the training,
and writes every checkpoint, and finally the result, to its own disk. Nodes therefore need no shared file system, no DVC
and no MLflow, and a training whose node is lost resumes on another node, later, or without Ray.
"""

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ganpipe.common.errors import UserError
from ganpipe.common.instructions import VARIABLE
from ganpipe.data.dataset import Dataset, Split, load
from ganpipe.executors.files import Outbox, write_files
from ganpipe.executors.job import Job, Trained
from ganpipe.executors.node import ProgressUpdate, train_on_node
from ganpipe.training.callback import Callback

_PACKAGE = Path(__file__).parents[1]
_MAX_LOST = 3
"""Attempts in a row, each lost before its first file, after which the training is given up."""
_NOTICE_S = 30.0
"""Seconds without a first update, after which the missing resources are reported."""
_BACKPRESSURE = 4
"""Unread updates after which the node pauses."""


def machine(job: Job) -> Mapping[str, str]:  # noqa: ARG001 - interface of all executors
    """Return the executor only: the node is not known before the training starts."""
    return {"executor": "ray"}


def train(job: Job, callback: Callback) -> Trained:
    """Execute the job on any node with enough resources, and on another one if that node is lost.

    Raises UserError if Ray or its cluster is not available, and if attempts are lost repeatedly without progress.
    """
    with _cluster() as ray:
        lost = (
            ray.exceptions.NodeDiedError,
            ray.exceptions.WorkerCrashedError,
            ray.exceptions.ObjectLostError,
            ray.exceptions.OutOfMemoryError,
        )
        data = ray.put(_in_memory(load(job.prepared)))
        lost_in_a_row = 0
        while True:
            attempt = _Attempt(job, callback)
            try:
                return attempt.follow(ray, data)
            except lost as error:
                lost_in_a_row = 0 if attempt.has_progress else lost_in_a_row + 1
                if lost_in_a_row == _MAX_LOST:
                    raise UserError(
                        f"{job.run}: {lost_in_a_row} attempts in a row were lost before their first checkpoint "
                        f"({_first_line(error)}). See the cluster's log (`ray status`, `ray list tasks`) and run "
                        "again: the training resumes from the last checkpoint."
                    ) from error
                _report(job, f"its node was lost ({_first_line(error)}). Resuming elsewhere from the last checkpoint.")
            except ray.exceptions.RayTaskError as error:
                if isinstance(error.cause, UserError):
                    raise UserError(str(error.cause)) from None
                raise
            except ray.exceptions.RayError as error:
                raise UserError(
                    f"{job.run}: Ray failed ({_first_line(error)}). Run again when the cluster is available."
                ) from error


class _Attempt:
    """One task of Ray and its progress."""

    def __init__(self, job: Job, callback: Callback) -> None:
        self._job, self._callback = job, callback
        self.has_progress = False
        """Whether a file of this attempt has arrived."""

    def follow(self, ray: Any, data: Any) -> Trained:
        """Start the task and handle its updates until it ends. Raises Ray's errors."""
        job, resources = self._job, self._job.compute.ray
        task = ray.remote(train_on_node).options(
            name=job.run,
            num_cpus=resources.cpus,
            num_gpus=resources.gpus,
            max_retries=0,  # Ray would restart it from the old checkpoint
            num_returns="streaming",
            _generator_backpressure_num_objects=_BACKPRESSURE,
        )
        files = Outbox(job.work).changed()
        stream = task.remote(job.training, data, files, job.compute.device, job.packages, job.checkpoint_every)
        while not ray.wait([stream], timeout=_NOTICE_S)[0]:
            free = ray.available_resources()
            _report(
                job,
                f"no progress from Ray for {_NOTICE_S:.0f} s. The training needs {resources.cpus:g} CPU and "
                f"{resources.gpus:g} GPU; {free.get('CPU', 0):g} and {free.get('GPU', 0):g} are free.",
            )
        for reference in stream:
            update: ProgressUpdate = ray.get(reference)
            self._handle(update)
            if update.trained:
                return Trained({**update.trained.machine, "executor": "ray"}, update.trained.costs)
        raise AssertionError("the last update of a task says how it ended")

    def _handle(self, update: ProgressUpdate) -> None:
        write_files(self._job.work, update.files)
        self.has_progress = self.has_progress or bool(update.files)
        if update.started:
            self._callback.on_start(*update.started)
        if update.images:
            self._callback.on_step(update.images)
        if update.epochs:
            self._callback.on_epoch(update.history, update.epochs)


@contextmanager
def _cluster() -> Iterator[Any]:
    """Connect to the cluster at RAY_ADDRESS, or else to the one on this machine, and send it this package."""
    try:
        import ray
    except ImportError:
        raise UserError(
            "compute.executor: ray, but Ray is not installed. Install it with `make ray`, or set compute.executor to "
            "local."
        ) from None
    try:
        ray.init(
            address="auto",
            runtime_env={
                "py_modules": [str(_PACKAGE)],
                "excludes": ["__pycache__"],
                "env_vars": {VARIABLE: os.environ.get(VARIABLE, "portable")},
            },
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UserError(
            f"compute.executor: ray, but no cluster can be reached ({_first_line(error)}). Start one on this machine "
            "with `ray start --head`, or set RAY_ADDRESS; see docs/scaling.md."
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _in_memory(dataset: Dataset) -> Dataset:
    """Return the dataset with arrays instead of memory maps: Ray stores them once per node, shared by its trainings."""

    def load_split(split: Split) -> Split:
        return split._replace(images=np.asarray(split.images))

    return replace(dataset, train=load_split(dataset.train), heldout=load_split(dataset.heldout))


def _report(job: Job, message: str) -> None:
    print(f"{job.run}: {message}", file=sys.stderr, flush=True)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]

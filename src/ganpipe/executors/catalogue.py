"""Executors by the name of the setting: the module `executors/<name>.py`, loaded when it is needed."""

from importlib import import_module
from typing import cast

from ganpipe.executors.job import Executor, Job


def executor_of(job: Job) -> Executor:
    """What does the job: `compute.executor`, but for a generator made before, of which only a file is taken over."""
    name = "local" if job.training.weights else job.compute.executor
    return cast(Executor, import_module(f"ganpipe.executors.{name}"))

"""Objectives by the name of the setting: the function of that name in `objectives/losses.py`."""

from importlib import import_module
from inspect import signature

from ganpipe.objectives.objective import Objective, Smoothing


def objective_of(loss: str, smooth_real: float, smooth_fake: float) -> Objective:
    """The loss with its targets smoothed, where it has targets."""
    # Looked up at run time, so that a run's fingerprint holds its own loss and not its neighbours in the file.
    build = getattr(import_module("ganpipe.objectives.losses"), loss)
    smoothed = "smoothing" in signature(build).parameters
    objective: Objective = build(Smoothing(smooth_real, smooth_fake)) if smoothed else build()
    return objective

"""Checks of the machine: cores, GPU, free disk space."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from ganpipe.common.process import available_cores
from ganpipe.config import Compute
from ganpipe.doctor.finding import Finding
from ganpipe.scheduling.repro import parallel_trainings

_GIB = 1 << 30
_FULL = 0.5 * _GIB
_TIGHT = 2.0 * _GIB
"""Bytes. The default grid takes 0.4 GiB with its cache and records, a study of the catalogue several times that."""


def check_machine(compute: Compute, root: Path) -> Iterator[Finding]:
    """Compare cores with threads, check the requested device, and the free space of the disk that holds `root`."""
    cores, threads = available_cores(), compute.threads * compute.processes
    message = f"{cores} cores, {threads} threads per training: `ganpipe repro -j {parallel_trainings(compute)}`"
    if threads > cores:
        fix = "more threads than cores are slow: lower compute.threads or compute.processes (this changes the results)"
        yield Finding("cores", "note", message, fix)
    else:
        yield Finding("cores", "ok", message)
    yield _gpu(compute.device)
    free = shutil.disk_usage(root).free
    message = f"{free / _GIB:.1f} GiB free for {root}"
    if free < _FULL:
        yield Finding("disk", "STOP", message, "free some space: `dvc gc --workspace`, or use another disk")
    elif free < _TIGHT:
        yield Finding("disk", "note", message, "free some space before a large grid: `dvc gc --workspace`")
    else:
        yield Finding("disk", "ok", message)


def _gpu(device: str) -> Finding:
    import torch

    names = {"cuda": "CUDA GPU", "mps": "Apple GPU"}
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not available.get(device, True):
        message = f"PyTorch finds no {names[device]}, but compute.device is {device}"
        return Finding("gpu", "STOP", message, "set compute.device to auto")
    if available["cuda"]:
        return Finding("gpu", "ok", f"{torch.cuda.get_device_name()}; compute.device is {device}")
    if available["mps"]:
        message = f"an Apple GPU; compute.device is {device}"
        if device == "mps":
            return Finding("gpu", "ok", message)
        fix = "compute.device: mps trains on it; nobody has tried it, so auto does not choose it"
        return Finding("gpu", "note", message, fix)
    return Finding("gpu", "ok", "PyTorch finds none: training on the CPU")

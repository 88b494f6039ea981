"""What the machine has: cores, memory, a GPU, room on the disk."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from ganpipe.common.process import available_cores
from ganpipe.config import Compute
from ganpipe.doctor.finding import Finding

_GIB = 1 << 30
_FULL = 0.5 * _GIB
_TIGHT = 2.0 * _GIB
"""Bytes. The default grid takes 0.4 GiB with its cache and records; a study of the catalogue, several times that."""


def check_machine(compute: Compute, root: Path) -> Iterator[Finding]:
    """Cores against threads, the device that is asked for, free space where `root` lies."""
    cores, threads = available_cores(), compute.threads * compute.processes
    told = f"{cores} cores, threads a training {threads}: `python -m ganpipe repro -j {max(1, cores // threads)}`"
    if threads > cores:
        cure = "more threads than cores are slow: lower compute.threads or compute.processes (another result)"
        yield Finding("cores", "note", told, cure)
    else:
        yield Finding("cores", "ok", told)
    yield _gpu(compute.device)
    free = shutil.disk_usage(root).free
    told = f"{free / _GIB:.1f} GiB free for {root}"
    if free < _FULL:
        yield Finding("disk", "STOP", told, "make room: `dvc gc --workspace`, or another disk")
    elif free < _TIGHT:
        yield Finding("disk", "note", told, "make room before a large grid: `dvc gc --workspace`")
    else:
        yield Finding("disk", "ok", told)


def _gpu(device: str) -> Finding:
    import torch

    if torch.cuda.is_available():
        return Finding("gpu", "ok", f"{torch.cuda.get_device_name()}; compute.device is {device}")
    if device == "cuda":
        return Finding("gpu", "STOP", "none that PyTorch can use, but compute.device is cuda", "set it to auto")
    return Finding("gpu", "ok", "none that PyTorch can use: training on the CPU")

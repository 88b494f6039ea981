"""Reproducible floating-point results: the same bits whatever the number of cores.

PyTorch splits sums among threads, so the last bits of a sum depend on the number of threads. That number is therefore a
setting and never derived from the machine.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.utils import deterministic


def make_deterministic(threads: int) -> None:
    """Make PyTorch deterministic in this process, with a fixed number of threads."""
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("error")  # use_deterministic_algorithms would import the compiler: seconds
    torch.backends.cudnn.benchmark = False
    # The package never reads uninitialised memory, and filling it takes up to a sixth of the run time.
    deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


@contextmanager
def deterministic_mode(threads: int) -> Iterator[None]:
    """Make PyTorch deterministic inside a block, then restore the previous number of threads and mode."""
    before = torch.get_num_threads()
    mode = torch.get_deterministic_debug_mode()
    fill = deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    make_deterministic(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        torch.set_deterministic_debug_mode(mode)
        deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]

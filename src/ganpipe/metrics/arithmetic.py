"""The arithmetic of every number here: the same bits whatever the machine's number of cores."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def reproducible(threads: int) -> Iterator[None]:
    """Compute with a fixed number of threads and deterministic algorithms; the former state comes back at the end.

    Sums are split among threads, so their last bits depend on how many there are: the number is a setting, never
    the machine's.
    """
    before = torch.get_num_threads()
    mode = torch.get_deterministic_debug_mode()
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("error")  # use_deterministic_algorithms loads the compiler first: seconds
    try:
        yield
    finally:
        torch.set_num_threads(before)
        torch.set_deterministic_debug_mode(mode)

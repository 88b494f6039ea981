"""The arithmetic of every number here: the same bits whatever the machine's number of cores.

Sums are split among threads, so their last bits depend on how many there are: the number is a setting, never the
machine's.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.utils import deterministic


def make_deterministic(threads: int) -> None:
    """Have this process give equal bits for equal inputs from now on."""
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("error")  # use_deterministic_algorithms loads the compiler first: seconds
    torch.backends.cudnn.benchmark = False
    # Nothing here reads memory that it has not written; filling it first takes up to a sixth of the time.
    deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


@contextmanager
def reproducible(threads: int) -> Iterator[None]:
    """The same for the length of a block; the former number of threads and mode come back at its end."""
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

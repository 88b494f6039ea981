"""Reproducible floating-point results: the same bits whatever the number of cores.

PyTorch splits sums among threads, so the last bits of a sum depend on the number of threads. That number is therefore a
setting and never derived from the machine.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.utils import deterministic


def make_deterministic(threads: int) -> None:
    """Make PyTorch deterministic in this process, with a fixed number of threads."""
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("error")  # use_deterministic_algorithms would import the compiler: seconds
    torch.backends.cudnn.benchmark = False
    # TF32 has 10 bits of mantissa, and cuDNN uses it for float32 convolutions by default.
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    # PyTorch 2.9 requires this for deterministic matrix products; cuBLAS reads it when it is first used.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # The package never reads uninitialised memory, and filling it takes up to a sixth of the run time.
    deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


@contextmanager
def deterministic_mode(threads: int) -> Iterator[None]:
    """Make PyTorch deterministic inside a block, then restore the previous number of threads and mode."""
    before = torch.get_num_threads()
    mode = torch.get_deterministic_debug_mode()
    fill = deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    tf32 = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    make_deterministic(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        torch.set_deterministic_debug_mode(mode)
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = tf32
        deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]

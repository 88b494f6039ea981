"""Limit the CPU instructions that PyTorch uses, so that different x86-64 processors compute the same bits.

PyTorch, oneDNN and MKL choose their kernels by the processor. AVX-512 kernels sum in another order than AVX2 kernels,
so the last bits differ, and a training amplifies the difference. `portable` limits PyTorch and oneDNN to AVX2, which
nearly every x86-64 processor since 2015 has, and MKL to the kernels that are the same on all of them, also on those of
other makers; docs/performance.md states the cost. `native` lets the libraries choose.

The libraries read their limits when they are loaded. Therefore `ganpipe/__init__.py` applies them before anything can
import PyTorch, and the choice comes from the environment: dvc.yaml passes `compute.instructions` to the stages.
"""

import os
import platform
from pathlib import Path
from typing import Literal

from ganpipe.common.errors import UserError

Instructions = Literal["portable", "native"]

VARIABLE = "GANPIPE_INSTRUCTIONS"

PORTABLE = {
    "ATEN_CPU_CAPABILITY": "avx2",  # PyTorch's own kernels
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # convolutions
    "MKL_CBWR": "COMPATIBLE",  # matrix products; with AVX2 the bits of Intel's and AMD's processors differ
}
"""Environment variables of the libraries."""


def limit_instructions() -> None:
    """Limit PyTorch, oneDNN and MKL to AVX2 in this process and its children, unless `native` is requested.

    Does nothing on processors without AVX2 and where one of the libraries' own variables is set already.
    """
    if _requested() == "portable" and not PORTABLE.keys() & os.environ.keys() and _has_avx2():
        os.environ.update(PORTABLE)


def check_instructions(instructions: Instructions, capability: str) -> None:
    """Check that this process computes with the instructions that a training requires.

    capability: what PyTorch uses, `torch.backends.cpu.get_cpu_capability()`. Raises UserError otherwise.
    """
    if _requested() != instructions:
        raise UserError(
            f"compute.instructions: {instructions}, but this process was started with {VARIABLE}={_requested()}. Run "
            f"the stage through DVC, or set {VARIABLE}={instructions}."
        )
    limited = all(os.environ.get(name) == value for name, value in PORTABLE.items())
    if instructions == "portable" and limited and capability != "AVX2":
        raise UserError(
            f"compute.instructions: portable, but PyTorch uses {capability} because it was imported before ganpipe. "
            "Import ganpipe first."
        )


def _requested() -> str:
    return os.environ.get(VARIABLE, "portable")


def _has_avx2() -> bool:
    """Return whether the processor is known to execute AVX2 and FMA instructions."""
    if platform.machine().lower() not in {"x86_64", "amd64"}:
        return False
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\nflags")[2].partition("\n")[0].split()
    except OSError:  # not Linux
        return _numpy_finds_avx2()
    return {"avx2", "fma"} <= set(flags)


def _numpy_finds_avx2() -> bool:
    import numpy as np

    found = np.show_config(mode="dicts")["SIMD Extensions"]["found"]
    return bool({"AVX2", "X86_V3"} & set(found))

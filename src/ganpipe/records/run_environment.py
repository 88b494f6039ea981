"""The environment of a stage execution: code version, machine, start time and measured costs."""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

_PACKAGES = ("torch", "numpy")


@dataclass(frozen=True)
class RunEnvironment:
    """When a stage started, labels of its code and machine, and what it cost.

    The default describes outputs that DVC restored from its cache: only the time of recording is known.
    """

    started_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    labels: Mapping[str, str] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)


def code_labels() -> dict[str, str]:
    """Return the Git commit, whether it was modified, and the DVC experiment; unknown ones are left out."""
    known = {
        "git_commit": _git("rev-parse", "HEAD"),
        "git_dirty": _dirty(),
        "dvc_experiment": os.environ.get("DVC_EXP_NAME"),
    }
    return {name: value for name, value in known.items() if value}


def machine_labels(device: str = "cpu", threads: int | None = None) -> dict[str, str]:
    """Return labels of this machine and its packages, and how far the device reproduces bits."""
    known = {
        "machine": platform.node(),
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
        "device": device,
        "threads": str(threads) if threads else None,
        "determinism": "same bits on this instruction set" if device == "cpu" else "within tolerance",
        **{f"package.{name}": version(name) for name in _PACKAGES},
        **_torch_labels(),
    }
    return {name: value for name, value in known.items() if value}


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _dirty() -> str | None:
    changes = _git("status", "--porcelain")
    return None if changes is None else str(bool(changes)).lower()


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _torch_labels() -> Mapping[str, str]:
    torch = sys.modules.get("torch")  # importing it here would cost stages without torch two seconds
    return {"instruction_set": torch.backends.cpu.get_cpu_capability()} if torch else {}


@dataclass
class Stopwatch:
    """Wall time of a stage, measured from the creation of this object."""

    started_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    _started: float = field(default_factory=time.perf_counter)

    def costs(self, images: int = 0) -> dict[str, float]:
        """Return elapsed seconds, peak memory in MiB and, if images were processed, images per second."""
        seconds = time.perf_counter() - self._started
        rate = {"images_per_second": images / seconds} if images else {}
        return {"seconds": seconds, **rate, **_peak_memory()}


def _peak_memory() -> dict[str, float]:
    try:
        import resource
    except ImportError:  # Windows
        return {}
    unit = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss: bytes on macOS, KiB elsewhere
    return {"peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit}

"""The circumstances of a stage: what the code, the machine and the clock were like while it ran."""

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


def labels(where: Mapping[str, str]) -> dict[str, str]:
    """Labels that tell two executions of equal inputs apart: code version, and `where` they ran.

    A label that cannot be known here (no Git, no DVC experiment) is left out.
    """
    known = {
        "git_commit": _git("rev-parse", "HEAD"),
        "git_dirty": _dirty(),
        "dvc_experiment": os.environ.get("DVC_EXP_NAME"),
    }
    return {name: value for name, value in known.items() if value} | dict(where)


def machine(device: str = "cpu", threads: int | None = None) -> dict[str, str]:
    """Labels of this machine, and of what it promises of the bits."""
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
    torch = sys.modules.get("torch")  # a stage that computes nothing with torch need not wait for its import
    return {"instruction_set": torch.backends.cpu.get_cpu_capability()} if torch else {}


@dataclass
class Stopwatch:
    """Measures a stage from its creation on."""

    started_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    _started: float = field(default_factory=time.perf_counter)

    def costs(self, images: int = 0) -> dict[str, float]:
        """Seconds since the start, images per second if it worked through any, peak memory of the process in MiB."""
        seconds = time.perf_counter() - self._started
        rate = {"images_per_second": images / seconds} if images else {}
        return {"seconds": seconds, **rate, **_peak_memory()}


def _peak_memory() -> dict[str, float]:
    try:
        import resource
    except ImportError:  # Windows
        return {}
    unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, KiB elsewhere
    return {"peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit}

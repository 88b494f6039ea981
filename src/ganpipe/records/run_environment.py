"""The environment of a stage execution: code version, machine, start time and measured costs."""

import getpass
import os
import platform
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from ganpipe.common.git import GitError, git

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
    """Return user, Git commit, whether it was modified, and DVC experiment; unknown ones are left out.

    A warning says why if the commit is unknown.
    """
    known = {"user": _user(), "dvc_experiment": os.environ.get("DVC_EXP_NAME")}
    try:
        known |= {"git_commit": git("rev-parse", "HEAD"), "git_dirty": str(bool(git("status", "--porcelain"))).lower()}
    except GitError as error:
        print(f"warning: the Git commit of this run is not recorded: {error}. Fix: {error.fix}.", file=sys.stderr)
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


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without an account
        return None


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

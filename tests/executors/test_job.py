"""Which executor executes a job, and what it needs."""

import subprocess
import sys
from pathlib import Path

import pytest

from ganpipe.common.errors import UserError
from ganpipe.config import Compute
from ganpipe.executors.job import Job, find_executor
from tests.training.runs import RecordingCallback, settings


def job(executor: str, **changes: str) -> Job:
    compute = Compute.model_validate({"executor": executor})
    return Job("run-0", settings(**changes), Path("prepared"), Path("work"), compute, {}, 30.0)


def test_setting_names_the_executor() -> None:
    for name in ("local", "ray", "torchrun"):
        assert find_executor(job(name)).__name__ == f"ganpipe.executors.{name}"  # type: ignore[attr-defined]


def test_pretrained_generator_needs_no_cluster() -> None:
    pretrained = job("ray", method="pretrained", weights="folder")
    assert find_executor(pretrained).__name__ == "ganpipe.executors.local"  # type: ignore[attr-defined]


def test_missing_ray_is_reported_with_a_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # makes its import fail
    with pytest.raises(UserError, match=r"compute.executor: ray, but.*make ray.*compute.executor to local"):
        find_executor(job("ray")).train(job("ray"), RecordingCallback())


@pytest.mark.parametrize(("executor", "unneeded"), [("local", "ray"), ("ray", "torch"), ("torchrun", "torch")])
def test_executor_imports_only_what_it_needs(executor: str, unneeded: str) -> None:
    code = f"import sys, ganpipe.executors.{executor}; print({unneeded!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"

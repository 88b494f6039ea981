"""Which executor does a job, and what it takes to have it."""

import subprocess
import sys
from pathlib import Path

import pytest

from ganpipe.common.errors import UserError
from ganpipe.config import Compute
from ganpipe.executors.job import Job, find_executor
from tests.training.test_loop import Silent, settings


def job(executor: str, **changes: str) -> Job:
    compute = Compute.model_validate({"executor": executor})
    return Job("run-0", settings(**changes), Path("prepared"), Path("work"), compute, {}, 30.0)


def test_the_setting_names_the_module() -> None:
    for name in ("local", "ray", "torchrun"):
        assert find_executor(job(name)).__name__ == f"ganpipe.executors.{name}"  # type: ignore[attr-defined]


def test_a_generator_made_before_needs_no_cluster() -> None:
    taken = job("ray", method="pretrained", weights="folder")
    assert find_executor(taken).__name__ == "ganpipe.executors.local"  # type: ignore[attr-defined]


def test_without_ray_the_cure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # as if it could not be imported
    with pytest.raises(UserError, match=r"compute.executor = 'ray'.*make ray.*executor: local"):
        find_executor(job("ray")).train(job("ray"), Silent())


@pytest.mark.parametrize(("executor", "unwanted"), [("local", "ray"), ("ray", "torch"), ("torchrun", "torch")])
def test_each_loads_only_what_it_needs(executor: str, unwanted: str) -> None:
    code = f"import sys, ganpipe.executors.{executor}; print({unwanted!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"

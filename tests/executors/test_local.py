"""A training in the process that asks for it."""

from pathlib import Path

import pytest

from ganpipe.config import Compute
from ganpipe.executors import local
from ganpipe.executors.job import Job
from tests.training.test_loop import Silent, contents, settings


def test_a_precision_that_is_not_for_this_device_is_told_once(
    mnist_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = "compute.precision bfloat16 is for CUDA; training in float32\n"
    results = []
    for wanted, told in (("bfloat16", line), ("float32", "")):
        work = tmp_path / wanted
        work.mkdir()
        job = Job("run-0", settings(precision=wanted), mnist_folder, work, Compute(device="cpu"), {}, 1e9)
        local.train(job, Silent())
        assert capsys.readouterr().err == told
        results.append(contents(work / "result"))
    assert results[0] == results[1]

"""A training in the calling process."""

from pathlib import Path

import pytest

from ganpipe.common.errors import UserError
from ganpipe.config import Compute
from ganpipe.executors import local
from ganpipe.executors.job import Job
from ganpipe.training.device import choose_device
from tests.training.runs import NEVER, RecordingCallback, contents, folder, settings


def test_precision_that_the_device_lacks_is_reported_and_ignored(
    mnist_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    warning = "compute.precision: bfloat16 requires CUDA. Training in float32.\n"
    results = []
    for precision, expected in (("bfloat16", warning), ("float32", "")):
        work = folder(tmp_path / precision)
        job = Job("run-0", settings(precision=precision), mnist_folder, work, Compute(device="cpu"), {}, NEVER)
        local.train(job, RecordingCallback())
        assert capsys.readouterr().err == expected
        results.append(contents(work / "result"))
    assert results[0] == results[1]


def test_missing_gpu_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert choose_device("auto").type == choose_device("cpu").type == "cpu"
    with pytest.raises(UserError, match=r"compute\.device: cuda, but .* no GPU .*Set it to auto or cpu"):
        choose_device("cuda")
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert choose_device("auto").type == choose_device("cuda").type == "cuda"


def test_apple_gpu_is_used_only_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(UserError, match=r"compute\.device: mps, but .* no Apple GPU .*Set it to auto or cpu"):
        choose_device("mps")
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: True)
    assert choose_device("auto").type == "cpu" and choose_device("mps").type == "mps"

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from ganpipe.config import Compute
from ganpipe.doctor.machine import check_machine


class Usage(NamedTuple):
    free: int


def states(compute: Compute) -> dict[str, str]:
    return {finding.topic: finding.state for finding in check_machine(compute, Path.cwd())}


@pytest.mark.parametrize(("free", "state"), [(1 << 20, "STOP"), (1 << 30, "note"), (1 << 34, "ok")])
def test_a_full_disk_stops_and_a_tight_one_is_noted(free: int, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free))
    assert states(Compute())["disk"] == state


def test_more_threads_than_cores_are_noted() -> None:
    assert states(Compute(threads=1))["cores"] == "ok"
    assert states(Compute(threads=4096))["cores"] == "note"
    assert states(Compute(processes=4096))["cores"] == "note"


@pytest.mark.parametrize(("device", "state"), [("auto", "ok"), ("cuda", "STOP"), ("mps", "STOP")])
def test_a_requested_gpu_must_exist(device: str, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert states(Compute.model_validate({"device": device}))["gpu"] == state


def test_a_gpu_of_another_kind_does_not_replace_the_requested_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for device, other in (("cuda", torch.backends.mps), ("mps", torch.cuda)):
        with monkeypatch.context() as patch:
            patch.setattr(torch.cuda, "is_available", lambda: False)
            patch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
            patch.setattr(other, "is_available", lambda: True)
            assert states(Compute.model_validate({"device": device}))["gpu"] == "STOP"


@pytest.mark.parametrize(("device", "state"), [("auto", "note"), ("mps", "ok")])
def test_apple_gpu_is_noted_unless_it_is_used(device: str, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert states(Compute.model_validate({"device": device}))["gpu"] == state

"""Checkpoints restore position, state and random states, on the device that is there."""

from pathlib import Path
from typing import Any

import pytest
import torch

from ganpipe.common.errors import UserError
from ganpipe.data.dataset import Dataset
from ganpipe.training.checkpoint import Checkpoint, Position
from ganpipe.training.loop import train
from tests.training.runs import CPU, NEVER, RecordingCallback, settings

CUDA = torch.device("cuda")
RANDOM_STATE = torch.arange(16, dtype=torch.uint8)


def test_everything_is_restored(tmp_path: Path) -> None:
    assert Checkpoint(tmp_path, 0.0, CPU).restore() is None
    torch.manual_seed(1)
    Checkpoint(tmp_path, 0.0, CPU).save(Position(3, 4), {"weight": torch.ones(2)})
    following = torch.rand(3)
    torch.manual_seed(2)
    restored = Checkpoint(tmp_path, 0.0, CPU).restore()
    assert restored is not None
    assert restored[0] == Position(3, 4) and torch.equal(restored[1]["weight"], torch.ones(2))
    assert torch.equal(torch.rand(3), following)


def test_checkpoint_is_due_after_its_interval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    checkpoint = Checkpoint(tmp_path, 30.0, CPU)
    now = 129.0
    assert not checkpoint.due()
    now = 130.0
    assert checkpoint.due()
    checkpoint.save(Position(), {})
    assert not checkpoint.due()


@pytest.fixture
def cuda_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint as a training on a machine with several GPUs leaves it."""
    states = {"get_rng_state": lambda device: RANDOM_STATE, "get_rng_state_all": lambda: [RANDOM_STATE] * 4}
    for name, function in states.items():
        monkeypatch.setattr(torch.cuda, name, function)
    Checkpoint(tmp_path, 0.0, CUDA).save(Position(1), {"weight": torch.ones(2)})
    return tmp_path


def test_checkpoint_of_a_gpu_is_restored_without_one(cuda_checkpoint: Path) -> None:
    assert not torch.cuda.is_available()
    restored = Checkpoint(cuda_checkpoint, 0.0, CPU).restore()
    assert restored is not None and restored[0] == Position(1)


def test_only_the_training_device_is_restored(cuda_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other GPUs of the first machine may be missing on the second."""
    calls: list[Any] = []
    load = torch.load
    monkeypatch.setattr(torch, "load", lambda path, map_location, weights_only: load(path, weights_only=weights_only))
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: calls.append((state, device)))
    assert Checkpoint(cuda_checkpoint, 0.0, CUDA).restore() is not None
    ((state, device),) = calls
    assert torch.equal(state, RANDOM_STATE) and device == CUDA


def test_random_state_of_an_apple_gpu_is_restored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    states: list[Any] = []
    load = torch.load
    monkeypatch.setattr(torch, "load", lambda path, map_location, weights_only: load(path, weights_only=weights_only))
    monkeypatch.setattr(torch.mps, "get_rng_state", lambda: RANDOM_STATE)
    monkeypatch.setattr(torch.mps, "set_rng_state", states.append)
    checkpoint = Checkpoint(tmp_path, 0.0, torch.device("mps"))
    checkpoint.save(Position(1), {})
    assert checkpoint.restore() == (Position(1), {})
    assert torch.equal(states[0], RANDOM_STATE) and len(states) == 1


@pytest.mark.parametrize("content", [b"", b"PK\3\4 cut off", b"no checkpoint"])
def test_damaged_file_is_reported(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(content)
    with pytest.raises(UserError, match=r"checkpoint\.pt: the checkpoint is damaged \(.*\)\. Delete the file"):
        Checkpoint(tmp_path, 0.0, CPU).restore()


@pytest.mark.parametrize("table", ["history", "epochs"])
def test_checkpoint_without_its_tables_is_reported(table: str, mnist: Dataset, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(settings(), mnist, tmp_path, RecordingCallback(interrupt_at=8), CPU, 0.0)
    (path,) = (tmp_path / "tables").glob(f"{table}-*.bin")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match=rf"checkpoint is damaged \({table}-00000\.bin holds fewer rows.*Delete"):
        train(settings(), mnist, tmp_path, RecordingCallback(), CPU, NEVER)
    (tmp_path / "checkpoint.pt").unlink()
    callback = RecordingCallback()
    outcome, _ = train(settings(), mnist, tmp_path, callback, CPU, NEVER)
    assert callback.starts == [(0, 600)] and (outcome.steps, outcome.epochs) == (12, 2)

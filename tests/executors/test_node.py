"""The remote side of a cluster, run locally: its updates suffice to resume elsewhere and reach the same bits."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ganpipe.common.errors import UserError
from ganpipe.config import Training
from ganpipe.data.dataset import Dataset
from ganpipe.executors import node
from ganpipe.executors.files import write_files
from ganpipe.executors.node import BufferedCallback, train_on_node
from ganpipe.training.loop import train
from ganpipe.training.table import Rows
from tests.training.runs import CPU, NEVER, RecordingCallback, contents, folder, settings


@pytest.fixture(autouse=True)
def frequent_updates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "UPDATE_S", 0.01)


def local_result(training: Training, dataset: Dataset, work: Path) -> dict[str, bytes]:
    train(training, dataset, folder(work), RecordingCallback(), CPU, NEVER)
    return contents(work / "result")


def test_updates_contain_the_whole_training(mnist: Dataset, tmp_path: Path) -> None:
    updates = list(train_on_node(settings(), mnist, {}, "cpu", {"torch": torch.__version__.split("+")[0]}, 0.0))
    for update in updates:
        write_files(tmp_path / "received", update.files)
    assert contents(tmp_path / "received" / "result") == local_result(settings(), mnist, tmp_path / "local")
    assert [update.started for update in updates if update.started] == [(0, 600)]
    assert sum(update.images for update in updates) == 600
    assert [row["step"] for update in updates for row in update.history] == list(range(1, 13))
    assert [row["epoch"] for update in updates for row in update.epochs] == [1, 2]
    assert [bool(update.trained) for update in updates] == [False] * (len(updates) - 1) + [True]


def test_another_node_resumes_from_the_updates(mnist: Dataset, tmp_path: Path) -> None:
    received: dict[str, bytes] = {}
    for update in train_on_node(settings(), mnist, {}, "cpu", {}, 0.0):
        received |= {name: content for name, content in update.files.items() if not name.startswith("result")}
        if "progress/epoch-0001.png" in received:
            break  # all later updates are lost
    updates = list(train_on_node(settings(), mnist, dict(sorted(received.items())), "cpu", {}, 0.0))
    (started,) = [update.started for update in updates if update.started]
    assert 300 <= started[0] <= 600
    for update in updates:
        write_files(tmp_path / "received", update.files)
    assert contents(tmp_path / "received" / "result") == local_result(settings(), mnist, tmp_path / "local")
    if started[0] < 600:  # an epoch was left: its call receives the rows of the lost node as well
        assert [row["step"] for update in updates for row in update.history] == list(range(1, 13))


def test_other_packages_are_rejected(mnist: Dataset) -> None:
    with pytest.raises(UserError, match=r"requirements.lock there:\n  - numpy .*, not 1\.0"):
        next(iter(train_on_node(settings(), mnist, {}, "cpu", {"numpy": "1.0"}, 0.0)))


def test_damaged_checkpoint_is_reported(mnist: Dataset) -> None:
    with pytest.raises(UserError, match="is damaged"):
        list(train_on_node(settings(), mnist, {"checkpoint.pt": b"PK\3\4 cut off"}, "cpu", {}, 0.0))


def epoch_row(epoch: int) -> Rows:
    return Rows(("epoch",), ("loss",), np.array([[epoch]]), np.array([[0.5]]))


def test_buffered_callback_returns_everything_once() -> None:
    callback = BufferedCallback()
    callback.on_start(0, 10)
    for epoch in (1, 2):
        callback.on_step(5)
        callback.on_epoch(epoch_row(epoch), epoch_row(epoch))
        update = callback.take({}, None)
        assert update.started == ((0, 10) if epoch == 1 else None) and update.images == 5
        assert list(update.history) == list(update.epochs) == [{"epoch": epoch, "loss": 0.5}]
    assert not callback.take({}, None)


def test_buffered_callback_joins_the_epochs_between_two_updates() -> None:
    callback = BufferedCallback()
    for epoch in (1, 2):
        callback.on_step(5)
        callback.on_epoch(epoch_row(epoch), epoch_row(epoch))
    update = callback.take({"name": b""}, None)
    assert update.images == 10 and [row["epoch"] for row in update.history] == [1, 2]
    assert update and list(update.files) == ["name"]

"""The far side of a cluster, run here: its news alone are enough to go on elsewhere and end with the same bits."""

from pathlib import Path
from typing import Any

import pytest
import torch

from ganpipe.common.errors import UserError
from ganpipe.config import Training
from ganpipe.data.dataset import Dataset
from ganpipe.executors import node
from ganpipe.executors.files import write_files
from ganpipe.executors.node import BufferedCallback, ProgressUpdate, train_on_node
from ganpipe.training.loop import train
from tests.training.test_loop import CPU, Silent, contents, settings


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "NEWS_S", 0.01)


def alone(training: Training, dataset: Dataset, folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    train(training, dataset, folder, Silent(), CPU, 1e9)
    return contents(folder / "result")


def test_the_news_hold_all_of_the_training(mnist: Dataset, tmp_path: Path) -> None:
    told = list(train_on_node(settings(), mnist, {}, "cpu", {"torch": torch.__version__.split("+")[0]}, 0.0))
    for news in told:
        write_files(tmp_path / "came", news.files)
    assert contents(tmp_path / "came" / "result") == alone(settings(), mnist, tmp_path / "alone")
    assert [news.begun for news in told if news.begun] == [(0, 600)]
    assert sum(news.images for news in told) == 600
    assert [row["step"] for news in told for row in news.history] == list(range(1, 13))
    assert [row["epoch"] for news in told for row in news.epochs] == [1, 2]
    assert [bool(news.ended) for news in told] == [False] * (len(told) - 1) + [True]


def test_another_node_goes_on_from_what_was_told(mnist: Dataset, tmp_path: Path) -> None:
    kept: dict[str, bytes] = {}
    for news in train_on_node(settings(), mnist, {}, "cpu", {}, 0.0):
        kept |= {name: content for name, content in news.files.items() if not name.startswith("result")}
        if "progress/epoch-0001.png" in kept:
            break  # all later news are lost
    second = list(train_on_node(settings(), mnist, dict(sorted(kept.items())), "cpu", {}, 0.0))
    (begun,) = [news.begun for news in second if news.begun]
    assert 300 <= begun[0] <= 600
    for news in second:
        write_files(tmp_path / "came", news.files)
    assert contents(tmp_path / "came" / "result") == alone(settings(), mnist, tmp_path / "alone")


def test_other_packages_are_refused(mnist: Dataset) -> None:
    with pytest.raises(UserError, match=r"requirements.lock there:\n  - numpy .*, not 1\.0"):
        next(iter(train_on_node(settings(), mnist, {}, "cpu", {"numpy": "1.0"}, 0.0)))


def test_a_damaged_checkpoint_is_told(mnist: Dataset) -> None:
    with pytest.raises(UserError, match="is damaged"):
        list(train_on_node(settings(), mnist, {"checkpoint.pt": b"PK\3\4 cut off"}, "cpu", {}, 0.0))


def test_a_reporter_tells_each_thing_once() -> None:
    reporter, rows = BufferedCallback(), list[Any]()
    reporter.start(0, 10)
    for epoch in (1, 2):
        reporter.step(5)
        rows.append({"epoch": epoch})
        reporter.epoch(list(rows), rows)
        told = reporter.news({}, None)
        assert told == ProgressUpdate((0, 10) if epoch == 1 else None, 5, ({"epoch": epoch},), ({"epoch": epoch},))
    assert reporter.news({}, None) == ProgressUpdate()

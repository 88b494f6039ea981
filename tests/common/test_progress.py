"""Progress bars on a terminal, and the lines that a log gets instead."""

import re
import threading
import time

import numpy as np
import pytest
import torch

from ganpipe.common import progress
from ganpipe.common.progress import ProgressCallback, count_images, progress_bar
from tests.terminal import terminal


def clocks() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "progress clock"]


def test_clock_runs_while_nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_REFRESH_S", 0.05)
    deadline = time.monotonic() + 60
    with terminal() as output, progress_bar("evaluate@a-0"):
        while "evaluate@a-0: 00:01" not in output.getvalue():
            assert time.monotonic() < deadline, output.getvalue()
            time.sleep(0.01)
    assert output.getvalue().endswith("\r")  # the bar is erased
    assert not clocks()


def test_exception_stops_the_clock() -> None:
    with terminal(), pytest.raises(ValueError, match="wrong"), progress_bar("evaluate@a-0"):
        assert clocks()
        raise ValueError("wrong")
    assert not clocks()


def test_progress_bar_is_silent_without_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with progress_bar("sample@a-0", 10, " images") as bar:
        bar.update(5)
        assert not clocks()
    assert capfd.readouterr() == ("", "")


def test_every_generated_image_is_counted() -> None:
    network = torch.nn.Linear(3, 3)
    with terminal() as output, progress_bar("sample@a-0", 7, " images") as bar:
        with count_images(bar, network):
            for count in (5, 2):
                network(torch.zeros(count, 3))
        network(torch.zeros(1, 3))
        assert bar.n == 7
        bar.refresh()
    assert "sample@a-0: 100%" in output.getvalue()


def test_counting_does_not_change_the_images() -> None:
    network, noise = torch.nn.Linear(3, 3), torch.randn(4, 3)
    with progress_bar("sample@a-0") as bar, count_images(bar, network):
        counted = network(noise)
    np.testing.assert_array_equal(counted.detach(), network(noise).detach())


EPOCHS = [{"epoch": 1.0, "loss_d": 0.5}, {"epoch": 2.0, "loss_d": 0.25}]


def train(callback: ProgressCallback) -> None:
    callback.on_start(0, 200)
    for row in EPOCHS:
        callback.on_step(100)
        callback.on_epoch([], [row])


def test_log_gets_one_line_per_epoch(capfd: pytest.CaptureFixture[str]) -> None:
    train(ProgressCallback("a-0", 2))
    captured = capfd.readouterr()
    lines = captured.out.splitlines()
    assert [line[: line.index(", ")] for line in lines] == ["a-0: epoch 1/2", "a-0: epoch 2/2"]
    assert all(re.search(r"loss_d 0\.\d+, \d+ images/s, \d+ s left$", line) for line in lines)
    assert captured.err == ""


def test_terminal_gets_a_bar(capfd: pytest.CaptureFixture[str]) -> None:
    with terminal() as output:
        train(ProgressCallback("a-0", 2))
    assert re.search(r"a-0: 100%.*200/200.*loss_d 0.25", output.getvalue())
    assert capfd.readouterr().out == ""


def test_epoch_without_a_step_reports_no_speed(capfd: pytest.CaptureFixture[str]) -> None:
    """A checkpoint after an epoch's last batch leaves only the end of the epoch to a resumed training."""
    callback = ProgressCallback("a-0", 2)
    callback.on_start(100, 200)
    callback.on_epoch([], EPOCHS[:1])
    assert capfd.readouterr().out == "a-0: epoch 1/2, loss_d 0.5\n"
    callback.on_step(100)
    callback.on_epoch([], EPOCHS[1:])
    assert re.fullmatch(r"a-0: epoch 2/2, loss_d 0.25, \d+ images/s, 0 s left\n", capfd.readouterr().out)


def test_resume_is_reported_with_the_images_already_processed(capfd: pytest.CaptureFixture[str]) -> None:
    ProgressCallback("a-0", 2).on_start(100, 200)
    assert capfd.readouterr().err == "a-0: resuming after 100 of 200 images\n"


def test_restarted_training_closes_the_bar_of_the_lost_attempt() -> None:
    with terminal() as output:
        callback = ProgressCallback("a-0", 2)
        callback.on_start(0, 200)
        callback.on_start(100, 200)
        callback.close()
    assert output.getvalue().count("\n") == 3  # two bars and the line about the resume

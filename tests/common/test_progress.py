import re
import threading
import time

import numpy as np
import pytest
import torch

from ganpipe.common import progress
from ganpipe.common.progress import Progress, counting, working
from tests.terminal import terminal


def clocks() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if "tick" in thread.name]


def test_the_clock_goes_on_while_nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_TICK_S", 0.05)
    end = time.monotonic() + 60
    with terminal() as shown, working("evaluate@a-0"):
        while "evaluate@a-0: 00:01" not in shown.getvalue():
            assert time.monotonic() < end, shown.getvalue()
            time.sleep(0.01)
    assert shown.getvalue().endswith("\r")  # wiped
    assert not clocks()


def test_a_failure_ends_the_clock() -> None:
    with terminal(), pytest.raises(ValueError, match="wrong"), working("evaluate@a-0"):
        assert clocks()
        raise ValueError("wrong")
    assert not clocks()


def test_without_a_terminal_nothing_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    with working("sample@a-0", 10, " images") as bar:
        bar.update(5)
        assert not clocks()
    assert capfd.readouterr() == ("", "")


def test_every_image_that_a_network_makes_is_counted() -> None:
    network = torch.nn.Linear(3, 3)
    with terminal() as shown, working("sample@a-0", 7, " images") as bar:
        with counting(bar, network):
            for count in (5, 2):
                network(torch.zeros(count, 3))
        network(torch.zeros(1, 3))
        assert bar.n == 7
        bar.refresh()
    assert "sample@a-0: 100%" in shown.getvalue()


def test_counting_leaves_the_images_as_they_are() -> None:
    network, noise = torch.nn.Linear(3, 3), torch.randn(4, 3)
    with working("sample@a-0") as bar, counting(bar, network):
        counted = network(noise)
    np.testing.assert_array_equal(counted.detach(), network(noise).detach())


EPOCHS = [{"epoch": 1.0, "loss_d": 0.5}, {"epoch": 2.0, "loss_d": 0.25}]


def train(shown: Progress) -> None:
    shown.start(0, 200)
    for last in (1, 2):
        shown.step(100)
        shown.epoch([], EPOCHS[:last])


def test_a_log_gets_a_line_an_epoch(capfd: pytest.CaptureFixture[str]) -> None:
    train(Progress("a-0", 2))
    told = capfd.readouterr()
    assert [line[: line.index(", ")] for line in told.out.splitlines()] == ["a-0: epoch 1/2", "a-0: epoch 2/2"]
    assert "loss_d 0.25" in told.out and told.err == ""


def test_a_terminal_gets_a_bar(capfd: pytest.CaptureFixture[str]) -> None:
    with terminal() as shown:
        train(Progress("a-0", 2))
    assert re.search(r"a-0: 100%.*200/200.*loss_d 0.25", shown.getvalue())
    assert capfd.readouterr().out == ""

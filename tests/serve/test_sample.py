from functools import partial
from pathlib import Path

import pytest
from PIL import Image
from tqdm import tqdm

from ganpipe.__main__ import main
from tests.serve.conftest import CONDITIONAL
from tests.terminal import terminal


def test_images_are_written_and_their_metrics_printed(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample", "--digit", "7", "-n", "4", "--seed", "3", "-o", "sevens.png"]) == 0
    output = capsys.readouterr().out
    assert f"{CONDITIONAL}: 4 images -> sevens.png" in output
    for name in ("sharpness", "contrast", "diversity", "real images", "predicted as the requested class"):
        assert name in output
    assert Image.open(workspace / "sevens.png").size == (3 * (2 * 30 + 2), 3 * (2 * 30 + 2))


@pytest.mark.parametrize("options", [[], ["--digit", "7", "--interpolate"]])
def test_terminal_shows_the_number_of_generated_images(
    workspace: Path, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganpipe.common.progress.tqdm", partial(tqdm, mininterval=0))  # show every update
    with terminal() as shown:
        assert main(["sample", "-n", "4", *options, "-o", "some.png"]) == 0
    assert f"{CONDITIONAL}: 4 images" in shown.getvalue()


def test_interpolation_ends_at_the_next_or_the_given_seed(workspace: Path) -> None:
    command = ["sample", "--class", "7", "-n", "3", "--seed", "3", "-o"]
    for name, interpolate in (("next", []), ("four", ["4"]), ("five", ["5"])):
        assert main([*command, f"{name}.png", "--interpolate", *interpolate]) == 0
    images = {name: (workspace / f"{name}.png").read_bytes() for name in ("next", "four", "five")}
    assert images["next"] == images["four"] != images["five"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "nowhere/x.png"], "no such folder: nowhere"),
        (["-o", "x.jpg"], "Use x.png."),
        (["-o", "/proc/x.png"], "cannot be written"),
        (["-o", "folder.png"], "is a folder. Name a file in it"),
        (["-o", "x.png", "-n", "0"], "0 images: not between 1 and 256"),
        (["-o", "x.png", "--run", "conditonal-0"], f"Did you mean {CONDITIONAL}"),
        (["-o", "x.png", "--class", "frog"], "not a class of mnist"),
    ],
)
def test_invalid_arguments_are_reported(
    workspace: Path,
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (workspace / "folder.png").mkdir()
    assert main(["sample", *arguments]) == 1
    assert message in capsys.readouterr().err
    assert not (workspace / "x.png").exists()

from functools import partial
from pathlib import Path

import pytest
from PIL import Image
from tqdm import tqdm

from ganpipe.__main__ import main
from tests.serve.conftest import TOLD
from tests.terminal import terminal


def test_a_picture_is_written_and_its_measures_told(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample", "--digit", "7", "-n", "4", "--seed", "3", "-o", "sevens.png"]) == 0
    told = capsys.readouterr().out
    assert f"{TOLD}: 4 images -> sevens.png" in told
    for name in ("sharpness", "contrast", "diversity", "real images", "read as the class that was asked for"):
        assert name in told
    assert Image.open(workplace / "sevens.png").size == (3 * (2 * 30 + 2), 3 * (2 * 30 + 2))


@pytest.mark.parametrize("asked", [[], ["--digit", "7", "--interpolate"]])
def test_a_terminal_sees_how_many_are_made(workplace: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "ganpipe.common.progress.tqdm", partial(tqdm, mininterval=0)
    )  # every step is drawn, however quick
    with terminal() as shown:
        assert main(["sample", "-n", "4", *asked, "-o", "some.png"]) == 0
    assert f"{TOLD}: 4 images" in shown.getvalue()


def test_a_walk_goes_to_the_next_seed_or_to_the_one_that_is_named(workplace: Path) -> None:
    walk = ["sample", "--class", "7", "-n", "3", "--seed", "3", "-o"]
    for name, interpolate in (("next", []), ("four", ["4"]), ("five", ["5"])):
        assert main([*walk, f"{name}.png", "--interpolate", *interpolate]) == 0
    pictures = {name: (workplace / f"{name}.png").read_bytes() for name in ("next", "four", "five")}
    assert pictures["next"] == pictures["four"] != pictures["five"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-o", "nowhere/x.png"], "there is no folder nowhere: make it"),
        (["-o", "x.jpg"], "name it x.png"),
        (["-o", "/proc/x.png"], "cannot be written"),
        (["-o", "folder.png"], "is a folder"),
        (["-o", "x.png", "-n", "0"], "1 to 256"),
        (["-o", "x.png", "--run", "tld-0"], f"did you mean {TOLD}"),
        (["-o", "x.png", "--class", "frog"], "mnist has no such class"),
    ],
)
def test_mistakes_are_told(
    workplace: Path,
    arguments: list[str],
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (workplace / "folder.png").mkdir()
    assert main(["sample", *arguments]) == 1
    assert told in capsys.readouterr().err
    assert not (workplace / "x.png").exists()

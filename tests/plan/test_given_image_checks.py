"""Images made elsewhere that can never be evaluated are rejected by the plan; the others are part of it."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganpipe.common.errors import UserError
from ganpipe.plan.build import Plan
from tests.plan.conftest import Edit, put

COUNT = 5


@pytest.fixture
def plan_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan_of: Callable[..., Plan]) -> Callable[..., Plan]:
    """A function that plans an experiment with the images in the folder `generated` of a checkout, and some edits."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    chosen = (
        put("grid/experiments", ["images-elsewhere"]),
        put("sample/count", COUNT),
        put("evaluate/metrics", ["sharpness"]),
        put("select", {"metric": "sharpness"}),
    )
    return lambda *edits: plan_of(*chosen, *edits)


def save(folder: Path, count: int = COUNT, size: int = 28, level: int = 0) -> None:
    folder.mkdir(exist_ok=True)
    for number in range(count):
        Image.new("L", (size, size), level + number).save(folder / f"{number}.png")


def few_in_zip(folder: Path) -> None:
    with zipfile.ZipFile(folder / "few.zip", "w") as archive:
        archive.writestr("a/1.png", b"")


@pytest.mark.parametrize(
    ("prepare", "path", "expected"),
    [
        (lambda folder: None, None, "images-elsewhere.path: not set. Set it to a folder"),
        (lambda folder: None, "generated", "generated does not exist. Set it to your images"),
        (lambda folder: (folder / "text.txt").write_text("no image"), "text.txt", "is neither a folder nor"),
        (lambda folder: save(folder / "generated", 4), "generated", "contains 4 images, but sample.count = 5"),
        (lambda folder: np.save(folder / "few.npy", np.zeros((3, 28, 28))), "few.npy", "few.npy contains 3 images"),
        (few_in_zip, "few.zip", "few.zip contains 1 images"),
        (lambda folder: save(folder / "generated", size=32), "generated", "has 32x32 pixels, but mnist has 28x28"),
    ],
    ids=["not set", "missing", "other file", "few in a folder", "few in an array", "few in a zip", "size"],
)
def test_unusable_images_are_rejected(
    prepare: Callable[[Path], object],
    path: str | None,
    expected: str,
    plan_given: Callable[..., Plan],
    tmp_path: Path,
) -> None:
    prepare(tmp_path)
    with pytest.raises(UserError) as caught:
        plan_given(put("experiments/images-elsewhere/path", path))
    assert expected in str(caught.value)
    assert "images-elsewhere.path" in str(caught.value)


def test_content_is_part_of_the_plan_and_seeds_may_have_their_own(
    plan_given: Callable[..., Plan], tmp_path: Path
) -> None:
    def digests(*edits: Edit) -> list[str]:
        runs = plan_given(put("grid/seeds", [0, 1]), *edits).runs
        return [runs[f"images-elsewhere-{seed}"]["train"]["path_sha256"] for seed in (0, 1)]

    save(tmp_path / "generated")
    shared = digests()
    assert shared[0] == shared[1]
    save(tmp_path / "generated", level=1)
    assert digests()[0] != shared[0]
    for seed in (0, 1):
        save(tmp_path / f"run-{seed}", level=seed)
    own = digests(put("experiments/images-elsewhere/path", "run-{seed}"))
    assert own == [shared[0], digests()[0]]


def test_only_what_is_read_is_part_of_the_plan(plan_given: Callable[..., Plan], tmp_path: Path) -> None:
    save(tmp_path / "generated")
    before = plan_given().runs["images-elsewhere-0"]
    changed = plan_given(put("train/lr", 0.5), put("train/batch_size", 64), put("compute/threads", 2))
    after = changed.runs["images-elsewhere-0"]
    assert before["code"] == after["code"]
    assert {key for key in before["train"] if before["train"][key] != after["train"][key]} <= {"threads", "batch_size"}


def test_training_settings_are_rejected(plan_given: Callable[..., Plan], tmp_path: Path) -> None:
    save(tmp_path / "generated")
    with pytest.raises(UserError, match=r"lr = 0\.1: not used by the method images\. Remove it"):
        plan_given(put("experiments/images-elsewhere/lr", 0.1))

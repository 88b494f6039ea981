"""`train.keep: best` in the plan: what it changes, which combinations are rejected, and what its stages depend on."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ganpipe.common.errors import UserError
from ganpipe.plan.build import Plan
from tests.conftest import REPOSITORY
from tests.plan.conftest import Edit, put

RUN = "e03-dcgan-0"
KEEP, SELECTION = put("experiments/e03-dcgan/keep", "best"), put("evaluate/selection", 2000)
PRETRAINED = {"document": "x", "title": "p", "method": "pretrained", "weights": "w"}


def test_it_changes_only_how_its_own_run_is_sampled(plan_of: Callable[..., Plan]) -> None:
    last, best = plan_of(SELECTION), plan_of(SELECTION, KEEP)
    assert {name for name in last.runs if last.runs[name] != best.runs[name]} == {RUN}
    changed = {key for key in last.runs[RUN] if last.runs[RUN][key] != best.runs[RUN][key]}
    assert changed == {"sample", "code"}
    before, after = last.runs[RUN]["code"], best.runs[RUN]["code"]
    assert {key for key in before if before[key] != after[key]} == {"sample"}
    assert last.datasets == best.datasets
    assert "keep" not in last.runs[RUN]["train"], "no part of the identity of a training"


def test_selection_images_change_no_training_and_no_samples_of_last_generators(plan_of: Callable[..., Plan]) -> None:
    without, selected = plan_of(), plan_of(SELECTION)
    for key in ("train", "sample", "code"):
        assert without.runs[RUN][key] == selected.runs[RUN][key]
    assert without.datasets["mnist"]["evaluate"] != selected.datasets["mnist"]["evaluate"]


def test_choice_depends_on_the_settings_that_it_uses_only(plan_of: Callable[..., Plan]) -> None:
    def sampling(*edits: Edit) -> tuple[Any, str]:
        run = plan_of(SELECTION, KEEP, *edits).runs[RUN]
        return run["sample"], run["code"]["sample"]

    before = sampling()
    for edit in (put("evaluate/pairs", 10), put("evaluate/metrics", ["fd_judge", "kid_imagenet"])):
        assert sampling(edit) == before
    curve = {"metrics": ["fd_judge"], "samples": 200}
    for edit in (put("evaluate/selection", 500), put("evaluate/seed", 1), put("evaluate/curve", curve)):
        assert sampling(edit) != before


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ([], "experiments.e03-dcgan.keep = 'best': needs images to select by, but evaluate.selection = 0. Set that"),
        (
            [put("evaluate/selection", 100)],
            "evaluate.selection = 100: too few images for keep: best: fd_judge needs 129",
        ),
        ([SELECTION, put("evaluate/curve", {"samples": 0})], "evaluate.curve.samples = 0: keep: best compares so many"),
        (
            [SELECTION, put("evaluate/curve", {"metrics": ["near_duplicates", "sharpness", "fid", "recall"]})],
            "evaluate.curve.metrics = ['near_duplicates', 'sharpness', 'fid', 'recall']: keep: best selects by none",
        ),
        (
            [put("evaluate/selection", 51), put("datasets/mnist/per_label", 10)],
            "evaluate.selection = 51: more than half of the training images of mnist. Set it to 50 or less.",
        ),
        ([SELECTION, put("experiments/e03-dcgan/keep", "first")], "e03-dcgan.keep = 'first': no such value."),
    ],
)
def test_impossible_selection_is_rejected(edits: list[Edit], expected: str, plan_of: Callable[..., Plan]) -> None:
    metrics = ["fd_judge", "kid_imagenet", "near_duplicates", "sharpness", "fid"]
    with pytest.raises(UserError) as error:
        plan_of(KEEP, put("evaluate/metrics", metrics), *edits)
    assert expected in str(error.value)


def test_method_without_training_has_nothing_to_choose(plan_of: Callable[..., Plan]) -> None:
    with pytest.raises(UserError, match=r"experiments.p.keep = 'best': not used by the method pretrained. Remove it."):
        plan_of(SELECTION, put("experiments/p", {**PRETRAINED, "keep": "best"}))
    plan_of(
        SELECTION, put("experiments/p", PRETRAINED), put("train/keep", "best")
    )  # a shared setting applies to those that train


def test_experiments_outside_the_grid_are_not_checked(plan_of: Callable[..., Plan]) -> None:
    plan_of(put("experiments/vae/keep", "best"))


def test_only_a_choice_depends_on_the_judge(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    plan_of(SELECTION, KEEP).write(tmp_path / "out" / "plan")
    for folder in ("judge", "reference"):
        (tmp_path / "out" / folder / "mnist").mkdir(parents=True)
        (tmp_path / "out" / folder / "mnist" / f"{folder}.json").write_text("first")

    def dependencies() -> dict[str, dict[str, Any]]:
        script = REPOSITORY / "stages" / "protocol.py"
        subprocess.run([sys.executable, str(script)], cwd=tmp_path, check=True)
        return {
            kind: {path.stem: yaml.safe_load(path.read_text()) for path in (tmp_path / "out" / kind).iterdir()}
            for kind in ("protocol", "selection")
        }

    before = dependencies()
    (tmp_path / "out" / "judge" / "mnist" / "judge.json").write_text("second")
    after = dependencies()
    changed = {kind: {run for run in before[kind] if before[kind][run] != after[kind][run]} for kind in before}
    assert changed == {"protocol": set(before["protocol"]), "selection": {RUN}}
    (tmp_path / "out" / "reference" / "mnist" / "reference.json").write_text("second")
    assert dependencies()["selection"] == after["selection"], "the ranking selects nothing"

"""Presets are valid settings, and contain the experiments that they promise."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ganpipe.common.errors import UserError
from ganpipe.common.variation import base_name
from ganpipe.compare.claims import read_claims
from ganpipe.compare.published import read_published
from ganpipe.plan.build import Plan, make_plan
from ganpipe.plan.layout import CLAIMS, PUBLISHED
from ganpipe.plan.presets import apply_preset, preset_command, preset_names
from tests.conftest import REPOSITORY

PRESETS = REPOSITORY / "presets"
PARAMS: dict[str, Any] = yaml.safe_load((REPOSITORY / "params.yaml").read_text())


UNAVAILABLE = {"folder", "kmnist"}
"""Sources that need the user's images, or mirrors that may be unreachable."""


def source(entry: dict[str, Any]) -> str:
    """The source of an experiment's dataset."""
    return str(PARAMS["datasets"][entry.get("dataset", "mnist")]["source"])


def planned(name: str, folder: Path, presets: Path = PRESETS) -> Plan:
    """The plan with a preset applied as `dvc exp run -S` applies it, and a folder of the user's images."""
    params, images = folder / "params.yaml", folder / "images"
    images.mkdir(exist_ok=True)
    text = (REPOSITORY / "params.yaml").read_text(encoding="utf-8")
    params.write_text(text.replace("path: images,", f"path: {images},"), encoding="utf-8")
    command = preset_command(presets, name)
    assert command[:3] == ["dvc", "exp", "run"] and set(command[3::2]) == {"-S"}
    apply_preset(command, params)
    return make_plan(params, REPOSITORY / "data")


@pytest.mark.parametrize("name", preset_names(PRESETS))
def test_preset_can_be_planned(name: str, tmp_path: Path) -> None:
    plan = planned(name, tmp_path)
    assert {run["train"]["dataset"] for run in plan.runs.values()} == set(plan.datasets)


def test_study_runs_every_experiment_that_needs_no_user_data(tmp_path: Path) -> None:
    runs = planned("study", tmp_path).runs.values()
    assert {base_name(run["experiment"]) for run in runs} == {
        name
        for name, entry in PARAMS["experiments"].items()
        if name not in ("pretrained", "images-elsewhere") and source(entry) not in UNAVAILABLE
    }
    assert max(run["train"]["epochs"] for run in runs) == 6


def test_full_preset_trains_as_long_and_as_wide_as_the_documents(tmp_path: Path) -> None:
    runs = planned("full", tmp_path).runs
    assert runs["dense-dcgan-0"]["train"]["epochs"] == 1000
    assert runs["e03-dcgan-0"]["train"]["generator"]["width"] == 64
    assert all(run["train"]["images"] is None for run in runs.values())


def test_published_runs_were_trained_as_the_documents_preset_trains_them(tmp_path: Path) -> None:
    runs = planned("documents", tmp_path).runs
    published = read_published(REPOSITORY / PUBLISHED)
    assert published
    assert {name: entry.run.plan["train"] for name, entry in published.items()} == {
        name: runs[name]["train"] for name in published
    }


def test_presets_for_own_images_train_longer_and_wider(tmp_path: Path) -> None:
    runs = [planned(f"my-images-{name}", tmp_path).runs["folder64-0"]["train"] for name in ("minutes", "hour", "night")]
    assert [run["epochs"] for run in runs] == [100, 1000, 3000]
    assert [run["generator"]["width"] for run in runs] == [8, 8, 16]
    assert all(run["dataset"] == "images64" for run in runs)


def test_documents_preset_trains_the_documents_epochs_without_averaged_weights(tmp_path: Path) -> None:
    runs = planned("documents", tmp_path).runs
    assert next(iter(runs)) == "e09-mlp-0"
    assert all(run["train"].get("ema") is None and run["train"]["images"] is None for run in runs.values())
    documented = read_claims(REPOSITORY / CLAIMS)
    shortened = {
        run["experiment"]
        for run in runs.values()
        if run["experiment"] in documented
        and run["train"]["epochs"] != (documented[run["experiment"]].epochs or run["train"]["epochs"])
    }
    assert shortened == {"dense-dcgan"}
    first = runs["e01-lsgan-0"]["train"]
    assert first["init"] == "default" and first["discriminator"]["normalise_first"]


def test_preset_may_set_a_key_that_the_experiment_does_not_have(tmp_path: Path) -> None:
    assert "batch_size" not in PARAMS["experiments"]["e03-dcgan"]
    (tmp_path / "own.yaml").write_text("experiments.e03-dcgan.batch_size: 32\n")
    assert planned("own", tmp_path, presets=tmp_path).runs["e03-dcgan-0"]["train"]["batch_size"] == 32


def test_unknown_preset_is_rejected() -> None:
    with pytest.raises(UserError, match=r"stduy: no such preset\. Did you mean study"):
        preset_command(PRESETS, "stduy")


@pytest.mark.parametrize("text", ["- a\n", "budget: {epochs: 3}\n", "a: [b\n"])
def test_malformed_preset_is_rejected(text: str, tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text(text)
    with pytest.raises(UserError, match=r"broken\.yaml"):
        preset_command(tmp_path, "broken")

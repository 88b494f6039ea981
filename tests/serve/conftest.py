"""A workspace with the files that sampling reads: plan, data, judge, generators and a ranking."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from ganpipe.data.dataset import Dataset
from ganpipe.metrics.extractors.judge import Judge, save_judge, train_judge
from ganpipe.metrics.settings import JudgeSettings
from ganpipe.sampling.description import Description
from ganpipe.sampling.generator import save_generator

UNCONDITIONAL, CONDITIONAL, DIVERGED, UNTRAINED = "plain-0", "conditional-0", "diverged-0", "untrained-0"
"""Runs: an unconditional generator, a conditional one, a diverged training, and one that has not started."""


@pytest.fixture(scope="session")
def judge(mnist: Dataset) -> Judge:
    return train_judge(mnist, JudgeSettings(epochs=8, batch_size=32, depth=0))


def plan(run: str) -> dict[str, Any]:
    experiment, seed = run.rsplit("-", 1)
    return {
        "run": run,
        "experiment": experiment,
        "seed": int(seed),
        "document": "000",
        "title": experiment,
        "train": {"dataset": "mnist", "batch_size": 8, "epochs": 1, "seed": int(seed), "threads": 1},
        "compute": {},
        "sample": {},
        "evaluate": {"metrics": ["fd_judge"]},
        "code": dict.fromkeys(("train", "sample", "evaluate"), "0" * 16),
        "packages": {},
    }


@pytest.fixture
def workspace(tmp_path: Path, mnist_folder: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The workspace; the current folder is changed to it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").touch()
    out = tmp_path / "out"
    (out / "prepared").mkdir(parents=True)
    (out / "prepared" / "mnist").symlink_to(mnist_folder)
    save_judge(judge, out / "judge" / "mnist")
    (out / "plan" / "runs").mkdir(parents=True)
    for run in (UNCONDITIONAL, CONDITIONAL, DIVERGED, UNTRAINED):
        (out / "plan" / "runs" / f"{run}.yaml").write_text(yaml.safe_dump(plan(run)))
    for run, classes in ((UNCONDITIONAL, 0), (CONDITIONAL, 10)):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            description = Description("mlp", {}, 20, classes, 1, 28, "signed")
            save_generator(description.build(), description, out / "models" / run)
    (out / "models" / DIVERGED).mkdir()
    status = {"status": "diverged", "reason": "loss_d is nan"}
    (out / "models" / DIVERGED / "status.json").write_text(json.dumps(status))
    (out / "report").mkdir()
    boards = [{"places": []}, {"places": [{"best_run": CONDITIONAL}, {"best_run": UNCONDITIONAL}]}]
    (out / "report" / "ranking.json").write_text(json.dumps({"boards": boards}))
    return tmp_path

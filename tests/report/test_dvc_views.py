"""`dvc metrics` and `dvc plots` on a report, with the metrics and plots of the project's own dvc.yaml."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ganpipe.config import SelectSettings
from ganpipe.report.report import report
from tests.conftest import REPOSITORY
from tests.output_tree import Tree

SELECT = SelectSettings(metric="fd_judge")


@pytest.fixture
def views(tree: Tree) -> Path:
    """A checkout with the metrics and plots of the project's dvc.yaml and a report of two runs."""
    folder = tree.out.parent
    curve = {"metric": "fd_judge", "samples": 9, "epochs": [1, 2], "values": [90.0, 22.0]}
    tree.run("e02-dcgan", 21.4, curve=curve)
    tree.run("e01-lsgan", 44.5, loss="least_squares", curve=curve | {"values": [70.0, 43.0]})
    report(tree.out, SELECT)
    dvc(folder, "init", "--no-scm", "--quiet")
    shutil.copytree(REPOSITORY / ".dvc" / "plots", folder / ".dvc" / "plots")
    project = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())
    (folder / "dvc.yaml").write_text(
        yaml.safe_dump({key: project[key] for key in ("metrics", "plots")}, sort_keys=False)
    )
    return folder


def dvc(folder: Path, *arguments: str) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("DVC_")}
    command = [sys.executable, "-m", "dvc", *arguments]
    completed = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stderr
    return completed.stdout


def test_dvc_metrics_show_the_winner_and_the_ranked_metric(views: Path) -> None:
    [shown] = json.loads(dvc(views, "metrics", "show", "--json")).values()
    assert shown["data"]["out/report/summary.json"]["data"] == {
        "mnist": {
            "winner": "e02-dcgan",
            "verdict": "not established from one seed",
            "fd_judge": {"e02-dcgan": 21.4, "e01-lsgan": 44.5},
        }
    }


def test_dvc_plots_overlay_all_runs_and_show_the_image_grids(views: Path) -> None:
    plots = json.loads(dvc(views, "plots", "show", "--json", "--out", "shown"))["data"]
    charts = {name: found[0] for name, found in plots.items() if found[0]["type"] == "vega"}
    assert {name.removeprefix("dvc.yaml::") for name in charts} == {
        "quality over training", "loss of D", "loss of G", "D(x)", "D(G(z))", "sharpness", "diversity",
    }  # fmt: skip
    for name, chart in charts.items():
        content = chart["content"] if isinstance(chart["content"], dict) else json.loads(chart["content"])
        assert {row["run"] for row in content["data"]["values"]} == {"e02-dcgan-0", "e01-lsgan-0"}, name
        assert content["encoding"]["color"]["field"] == "run"
        assert "<DVC_METRIC" not in json.dumps(content)
        assert content["encoding"]["y"]["title"] and content["encoding"]["x"]["title"] in ("training step", "epoch")
    images = {Path(name).name for name, found in plots.items() if found[0]["type"] == "image"}
    assert images == {"real-mnist.png", "e02-dcgan-0.png", "e01-lsgan-0.png", "1.png", "2.png", "3.png"}

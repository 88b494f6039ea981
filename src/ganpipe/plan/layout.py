"""Paths of all inputs and outputs relative to the workspace, and readers of the plan files."""

from pathlib import Path
from typing import Any

from ganpipe.common.checkout import private_folder
from ganpipe.plan.files import DatasetPlan, ReportPlan, RunInputs, RunPlan, read_plan_file

PARAMS = Path("params.yaml")
PINS = Path("data")
PRESETS = Path("presets")
CLAIMS = Path("docs/claims.yaml")
INTERPRETATION = Path("docs/interpretation.yaml")
PUBLISHED = Path("docs/results")
OUT = Path("out")
LOCK = Path("dvc.lock")
MANIFEST = OUT / "manifest.yaml"
PLAN = OUT / "plan"
RAW = OUT / "raw"
PREPARED = OUT / "prepared"
JUDGE = OUT / "judge"
REFERENCE = OUT / "reference"
INPUTS = OUT / "inputs"
PROTOCOL = OUT / "protocol"
SELECTION = OUT / "selection"
MODELS = OUT / "models"
SAMPLES = OUT / "samples"
SCORES = OUT / "scores"
METRICS = OUT / "metrics"


def checkpoint_folder(key: str) -> Path:
    """Return the folder of a run's checkpoint, from which an interrupted training resumes."""
    return private_folder() / "checkpoints" / key


def end_state_folder(run: str) -> Path:
    """Return the folder of the state in which a run's last training ended, from which a longer one continues."""
    return private_folder() / "end-states" / run


def run_plan(run: str) -> dict[str, Any]:
    """Read the plan of a run. Raises UserError if the plan has no such run."""
    return read_plan_file(PLAN / "runs" / f"{run}.yaml", "a run of the grid", RunPlan)


def dataset_plan(dataset: str) -> dict[str, Any]:
    """Read the plan of a dataset. Raises UserError if the plan has no such dataset."""
    return read_plan_file(PLAN / "datasets" / f"{dataset}.yaml", "a dataset of the grid", DatasetPlan)


def report_plan() -> dict[str, Any]:
    """Read the plan of the report."""
    return read_plan_file(PLAN / "report.yaml", "part of the plan", ReportPlan)


def planned_runs() -> list[str]:
    """Return the names of all runs of the plan, sorted."""
    return sorted(path.stem for path in (PLAN / "runs").glob("*.yaml"))


def run_inputs(run: str) -> dict[str, Any]:
    """Read what the `inputs` stage wrote for a run: the fingerprint of its dataset and the key of the run."""
    return read_plan_file(INPUTS / f"{run}.yaml", "a run of the grid", RunInputs)

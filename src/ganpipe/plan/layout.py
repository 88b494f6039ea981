"""Where the stages keep their files, relative to the workspace, and where the main checkout is."""

from pathlib import Path
from typing import Any

from ganpipe.common.checkout import private
from ganpipe.plan.files import DatasetPlan, ReportPlan, RunInputs, RunPlan, read_planfile

PARAMS = Path("params.yaml")
PINS = Path("data")
PRESETS = Path("presets")
CLAIMS = Path("docs/claims.yaml")
OUT = Path("out")
LOCK = Path("dvc.lock")
PLAN = OUT / "plan"
RAW = OUT / "raw"
PREPARED = OUT / "prepared"
JUDGE = OUT / "judge"
REFERENCE = OUT / "reference"
INPUTS = OUT / "inputs"
PROTOCOL = OUT / "protocol"
MODELS = OUT / "models"
SAMPLES = OUT / "samples"
SCORES = OUT / "scores"
METRICS = OUT / "metrics"


def checkpoint_folder(key: str) -> Path:
    """Where the training of a run keeps what it needs to go on after a kill."""
    return private() / "checkpoints" / key


def run_plan(run: str) -> dict[str, Any]:
    """The plan of a run. Raises UserError when the plan does not have it."""
    return read_planfile(PLAN / "runs" / f"{run}.yaml", "a run of the grid", RunPlan)


def dataset_plan(dataset: str) -> dict[str, Any]:
    """The plan of a dataset. Raises UserError when the plan does not have it."""
    return read_planfile(PLAN / "datasets" / f"{dataset}.yaml", "a dataset of the grid", DatasetPlan)


def report_plan() -> dict[str, Any]:
    """The plan of the report."""
    return read_planfile(PLAN / "report.yaml", "part of the plan", ReportPlan)


def planned_runs() -> list[str]:
    """Names of all runs of the plan, sorted."""
    return sorted(path.stem for path in (PLAN / "runs").glob("*.yaml"))


def run_inputs(run: str) -> dict[str, Any]:
    """What the `inputs` stage wrote for a run: its dataset's fingerprint and the key of the run."""
    return read_planfile(INPUTS / f"{run}.yaml", "a run of the grid", RunInputs)

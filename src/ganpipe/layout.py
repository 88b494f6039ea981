"""Where the stages keep their files, relative to the workspace, and where the main checkout is."""

import os
from pathlib import Path
from typing import Any

import yaml

from ganpipe.errors import UserError

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


def root() -> Path:
    """The main checkout: the workspace itself, or the one that DVC copied it from for a queued or temporary run."""
    return Path(os.environ.get("DVC_ROOT") or Path.cwd()).resolve()


def private() -> Path:
    """Folder of the main checkout for what is neither in Git nor in DVC: checkpoints, records, downloads."""
    return root() / ".ganpipe"


def checkpoint_folder(key: str) -> Path:
    """Where the training of a run keeps what it needs to go on after a kill."""
    return private() / "checkpoints" / key


def run_plan(run: str) -> dict[str, Any]:
    """The plan of a run. Raises UserError when the plan does not have it."""
    return _read(PLAN / "runs" / f"{run}.yaml", "a run of the grid")


def dataset_plan(dataset: str) -> dict[str, Any]:
    """The plan of a dataset. Raises UserError when the plan does not have it."""
    return _read(PLAN / "datasets" / f"{dataset}.yaml", "a dataset of the grid")


def report_plan() -> dict[str, Any]:
    """The plan of the report."""
    return _read(PLAN / "report.yaml", "part of the plan")


def planned_runs() -> list[str]:
    """Names of all runs of the plan, sorted."""
    return sorted(path.stem for path in (PLAN / "runs").glob("*.yaml"))


def run_inputs(run: str) -> dict[str, Any]:
    """What the `inputs` stage wrote for a run: its dataset's fingerprint and the key of the run."""
    return _read(INPUTS / f"{run}.yaml", "a run of the grid")


def _read(path: Path, kind: str) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is not there: {path.stem} is not {kind}, or `dvc repro` has not run yet") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path} is damaged ({error}): remove it and run `dvc repro`") from None
    if not isinstance(content, dict):
        raise UserError(f"{path} is damaged: remove it and run `dvc repro`")
    return content

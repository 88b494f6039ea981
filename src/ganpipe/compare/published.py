"""Results of finished trainings that are kept in the repository, without weights.

The documents' own trainings take days. What the claims and the results page need of a finished run is some kilobytes:
`docs/results/<run>/` holds it, so that another machine can add runs without repeating those that have finished.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError

from ganpipe.common.atomic import write_text
from ganpipe.common.errors import UserError
from ganpipe.compare.claim_checks import SAME_STEPS
from ganpipe.compare.history import read_steps
from ganpipe.compare.runs import Run, Score

_RESULT = "result.json"


class Provenance(BaseModel):
    """What trained a run: wall-clock seconds of the training (None: not recorded), and machine and code in words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds: FiniteFloat | None = None
    trained_on: str


class _Result(BaseModel):
    """Content of `result.json`. shown: epochs of `samples.png`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    plan: dict[str, Any]
    inputs: dict[str, Any]
    score: Score
    provenance: Provenance
    shown: tuple[int, ...]


@dataclass(frozen=True)
class DocumentedRun:
    """A finished run with its provenance.

    shown: epochs that `samples.png` in the folder of the model shows, if the run was read from the repository, whose
    folders have no weights and no other samples.
    """

    run: Run
    provenance: Provenance
    shown: tuple[int, ...] | None = None

    @property
    def name(self) -> str:
        """Experiment and seed, joined."""
        return self.run.name


def read_published(folder: Path) -> dict[str, DocumentedRun]:
    """Read the runs that `publish` wrote below `folder`, by name and sorted. Raises UserError if one is invalid."""
    return {path.parent.name: _read(path) for path in sorted(folder.glob(f"*/{_RESULT}"))}


def publish(documented: DocumentedRun, shown: tuple[int, ...], folder: Path) -> None:
    """Write a run to `folder`: its result, its epochs, and the steps that the checks of the claims read.

    These steps are the first ones, those of the last epoch, and the last one of each epoch.
    """
    run = documented.run
    result = _Result(
        plan=dict(run.plan), inputs=dict(run.inputs), score=run.score, provenance=documented.provenance, shown=shown
    )
    write_text(folder / _RESULT, json.dumps(result.model_dump(mode="json"), indent=1) + "\n")
    for name in ("epochs.csv", "history.csv"):
        source, target = run.model / name, folder / name
        if source.exists() and source.resolve() != target.resolve():
            rows = source.read_text(encoding="utf-8").splitlines()
            kept = rows if name == "epochs.csv" else [rows[0], *(rows[1 + row] for row in _kept_steps(run))]
            write_text(target, "\n".join(kept) + "\n")


def _kept_steps(run: Run) -> list[int]:
    epoch = read_steps(run)["epoch"]
    if not len(epoch):
        return []
    ends = np.flatnonzero(np.diff(epoch, append=np.inf))
    return sorted({*range(min(SAME_STEPS, len(epoch))), *ends.tolist(), *np.flatnonzero(epoch == epoch[-1]).tolist()})


def _read(path: Path) -> DocumentedRun:
    try:
        result = _Result.model_validate_json(path.read_bytes())
    except ValidationError as error:
        points = [f"{'.'.join(map(str, point['loc']))}: {point['msg']}" for point in error.errors()]
        raise UserError.listing(f"{path}: not a published result. Restore it with Git. Problems:", points) from error
    if result.score.run != path.parent.name:
        raise UserError(f"{path}: the result of another run, {result.score.run}. Restore the folder with Git.")
    run = Run(result.plan, result.inputs, result.score, model=path.parent, samples=path.parent)
    return DocumentedRun(run, result.provenance, result.shown)

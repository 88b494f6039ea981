"""Score records of runs with any settings, computed in a scratch workspace and kept.

A score is a pure function of the plan of its run and of its dataset, so it is stored under the digest of both: a race
or search that was interrupted repeats its decisions from the same records.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout
from pydantic import BaseModel

from ganpipe.common.atomic import write_text
from ganpipe.common.errors import UserError
from ganpipe.common.hashing import digest
from ganpipe.compare.runs import Score
from ganpipe.config import Params
from ganpipe.plan import layout
from ganpipe.plan.build import Plan, make_plan
from ganpipe.plan.resolve import read_params
from ganpipe.records.store import load
from ganpipe.search.scratch import ScratchWorkspace
from ganpipe.training.continuation import lineage


class ScoredRun(BaseModel):
    """The score of a run, and the seconds that its training took; None if they were not measured.

    A training that continued from a shorter one counts the seconds of both.
    """

    score: Score
    seconds: float | None


@dataclass(frozen=True)
class GridSettings:
    """What to change in params.yaml: experiments, seeds, epochs, and additional entries of `experiments`."""

    experiments: Sequence[str]
    seeds: Sequence[int]
    epochs: int | None
    entries: Mapping[str, Mapping[str, Any]]

    def apply(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return a copy of the content of params.yaml with these settings."""
        changed = copy.deepcopy(dict(params))
        changed["experiments"] |= copy.deepcopy(dict(self.entries))
        changed["grid"] = {**changed["grid"], "experiments": list(self.experiments), "seeds": list(self.seeds)}
        changed["budget"] = {**(changed.get("budget") or {}), "epochs": self.epochs}
        return changed


@contextmanager
def open_scored_runs(folder: Path, jobs: int) -> Iterator[tuple[Params, "ScoredRuns"]]:
    """Read and check params.yaml of the checkout, and yield it with its scored runs; one process at a time.

    folder: the private folder of the checkout. Raises UserError if params.yaml has problems, or if another process uses
    the scratch workspace.
    """
    content = read_params(folder.parent / layout.PARAMS)
    make_plan(folder.parent / layout.PARAMS, folder.parent / layout.PINS)
    folder.mkdir(exist_ok=True)
    try:
        with FileLock(folder / "scratch.lock", timeout=0):
            yield Params.model_validate(content), ScoredRuns(content, folder, jobs)
    except Timeout:
        raise UserError(f"{folder}: another race or search is running. Wait until it has finished.") from None


class ScoredRuns:
    """The scores of runs, computed when they are missing."""

    def __init__(self, params: Mapping[str, Any], folder: Path, jobs: int) -> None:
        """Read nothing yet. params: content of params.yaml. folder: the private folder. jobs: stages at once."""
        self._params, self._folder, self._root, self._jobs = params, folder, folder.parent, jobs
        self._workspace = ScratchWorkspace(folder / "scratch", self._root)
        self._copied = False

    def plan(self, grid: GridSettings) -> Plan:
        """Return the plan of a grid. Raises UserError that lists all problems."""
        return self._plan(grid)[0]

    def continues(self, run: Mapping[str, Any]) -> bool:
        """Return whether a planned run continues from a shorter one that differs only in its number of epochs."""
        longer = {**run, "train": {**run["train"], "epochs": run["train"]["epochs"] + 1}}
        return lineage(run, "") == lineage(longer, "")

    def compute(self, grid: GridSettings) -> dict[str, ScoredRun]:
        """Return the scores of all runs of a grid; train, sample and evaluate those that are missing.

        Raises UserError if a stage fails.
        """
        plan, params = self._plan(grid)
        found = {name: self._read(plan, name) for name in plan.runs}
        missing = [name for name, scored in found.items() if scored is None]
        if missing:
            if not self._copied:
                self._workspace.copy_sources()
                self._copied = True
            self._workspace.run(params, [f"evaluate@{name}" for name in missing], self._jobs)
            for name in missing:
                found[name] = self._collect(plan, name)
        return {name: scored for name, scored in found.items() if scored is not None}

    def _plan(self, grid: GridSettings) -> tuple[Plan, dict[str, Any]]:
        """Return the plan and the settings of a grid."""
        params = grid.apply(self._params)
        path = self._folder / "planned.yaml"
        write_text(path, yaml.safe_dump(params, sort_keys=False, allow_unicode=True))
        return make_plan(path, self._root / layout.PINS), params

    def _read(self, plan: Plan, name: str) -> ScoredRun | None:
        path = self._path(plan, name)
        try:
            return ScoredRun.model_validate_json(path.read_bytes())
        except (FileNotFoundError, ValueError):  # a damaged record is computed again
            return None

    def _collect(self, plan: Plan, name: str) -> ScoredRun:
        """Read the score of a run from the workspace and store it."""
        out = self._workspace.folder / layout.OUT
        score = Score.model_validate_json((out / "scores" / f"{name}.json").read_bytes())
        inputs = yaml.safe_load((out / "inputs" / f"{name}.yaml").read_text(encoding="utf-8"))
        training = load(self._root, inputs["key"]).parts.get("train")
        scored = ScoredRun(score=score, seconds=training.costs.get("seconds") if training else None)
        write_text(self._path(plan, name), scored.model_dump_json(indent=1))
        return scored

    def _path(self, plan: Plan, name: str) -> Path:
        run = plan.runs[name]
        return self._folder / "scores" / f"{digest([run, plan.datasets[run['train']['dataset']]])}.json"

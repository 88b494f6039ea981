"""The runs of the current plan, each with its score record and its folders."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError

from ganpipe.common.errors import UserError
from ganpipe.common.types import Direction

Status = Literal["ok", "diverged", "collapsed", "saturated", "copied"]
"""How a training ended, or `copied` if its samples reproduce training images."""


class Metric(BaseModel):
    """A value with its context.

    ratio: value / value of real images, if that is meaningful. floor, ceiling: the same metric of real held-out images
    and of noise. standard_error: of the value, over draws of the samples. protocol: key into the record's protocols.
    """

    model_config = ConfigDict(frozen=True)

    value: FiniteFloat
    ratio: FiniteFloat | None = None
    floor: FiniteFloat | None = None
    ceiling: FiniteFloat | None = None
    standard_error: FiniteFloat | None = None
    direction: Direction
    protocol: str


class ExtractorQuality(BaseModel):
    """What the checks of an extractor found (see `metrics.extractors.checks.Checks`), and what it predicts how well.

    task, accuracy, chance, accuracy_bound: None for an extractor that predicts nothing of the dataset.
    """

    model_config = ConfigDict(frozen=True)

    distances: dict[str, FiniteFloat]
    problems: tuple[str, ...]
    task: Literal["classes", "rotations"] | None = None
    accuracy: FiniteFloat | None = None
    chance: FiniteFloat | None = None
    accuracy_bound: FiniteFloat | None = None


class QualityCurve(BaseModel):
    """A metric after several epochs of a training (see `metrics.curve`).

    samples: from which each value was computed. epochs, values: of equal length, epochs from 1 and ascending.
    """

    model_config = ConfigDict(frozen=True)

    metric: str
    samples: int
    epochs: tuple[int, ...]
    values: tuple[FiniteFloat, ...]


class GeneratorSelection(QualityCurve):
    """The selection of the sampled generator among those that were kept (see `metrics.selection`).

    epoch: of the chosen one. images: real images that each value was computed with.
    """

    epoch: int
    images: int


class Score(BaseModel):
    """A score record as written by the evaluate stage.

    metrics: name -> value; absent: name -> why it could not be computed, with a suggested fix; protocols: digest ->
    fields; extractors: name -> how far it can be trusted; curve: quality over the training, if it was measured;
    selection: of the generator, None for the last one. A failed run has a status other than `ok`, a reason, and few
    metrics or none.
    """

    model_config = ConfigDict(frozen=True)

    run: str
    experiment: str
    seed: int
    dataset: str
    status: Status
    reason: str
    metrics: dict[str, Metric]
    absent: dict[str, str] = {}
    protocols: dict[str, dict[str, Any]] = {}
    extractors: dict[str, ExtractorQuality] = {}
    curve: QualityCurve | None = None
    selection: GeneratorSelection | None = None


@dataclass(frozen=True)
class Run:
    """One (experiment, seed) of the plan; files may be missing from the folders of a failed run."""

    plan: Mapping[str, Any]
    inputs: Mapping[str, Any]
    score: Score
    model: Path
    samples: Path

    @property
    def name(self) -> str:
        """Experiment and seed, joined: the name of the run's files."""
        return self.score.run

    @property
    def experiment(self) -> str:
        """Name of the run's experiment."""
        return self.score.experiment

    @property
    def dataset(self) -> str:
        """Name of the dataset that the run was trained on."""
        return self.score.dataset

    @property
    def made_elsewhere(self) -> bool:
        """Whether the images were made elsewhere, so that nothing is known about their training."""
        return bool(self.plan["train"].get("path_sha256"))

    @property
    def conditional(self) -> bool:
        """Whether the generator receives the class of each image; False without a generator."""
        description = self.model / "model.json"
        return description.exists() and json.loads(description.read_bytes())["classes"] > 0


def train_settings(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the section `train` of a run's plan, with `keep`, which is no part of its training."""
    return {**plan["train"], "keep": "best" if plan.get("sample", {}).get("selection") else "last"}


def load_runs(out: Path) -> tuple[Run, ...]:
    """Read every run of the plan under `out`, sorted by name; of seeds that share images made elsewhere the first.

    The plan decides which runs exist: score files of runs that left the plan are ignored. Raises UserError if there is
    no plan, or if a run's record is missing or cannot be read.
    """
    return tuple(_load(out, name, plan) for name, plan in counted_plans(out).items())


def load_finished_runs(out: Path) -> tuple[tuple[Run, ...], tuple[str, ...]]:
    """Read the runs of the plan that have a score, sorted by name, and return the names of the others.

    Raises UserError if there is no plan, or if a record cannot be read.
    """
    plans = counted_plans(out)
    finished = [name for name in plans if (out / "scores" / f"{name}.json").exists()]
    unfinished = tuple(name for name in plans if name not in finished)
    return tuple(_load(out, name, plans[name]) for name in finished), unfinished


def counted_plans(out: Path) -> dict[str, Mapping[str, Any]]:
    """Read the plans of all runs that count, by name and sorted by it.

    Images made elsewhere do not depend on the seed. If the seeds of an experiment share their images, these are the
    result of one training and count once: copies of one value would be taken for replicates.
    """
    plans = {path.stem: _read_yaml(path) for path in sorted((out / "plan" / "runs").glob("*.yaml"))}
    if not plans:
        raise UserError(f"{out / 'plan' / 'runs'}: contains no run. Run `dvc repro`, or add one to grid.experiments.")
    first: dict[tuple[str, str], str] = {}
    for name, plan in plans.items():
        if images := plan["train"].get("path_sha256"):
            first.setdefault((plan["experiment"], images), name)
    return {
        name: plan
        for name, plan in plans.items()
        if first.get((plan["experiment"], plan["train"].get("path_sha256") or ""), name) == name
    }


def _load(out: Path, name: str, plan: Mapping[str, Any]) -> Run:
    return Run(
        plan=plan,
        inputs=_read_yaml(out / "inputs" / f"{name}.yaml"),
        score=_read_score(out / "scores" / f"{name}.json", name),
        model=out / "models" / name,
        samples=out / "samples" / name,
    )


def _read_yaml(path: Path) -> Mapping[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file. Run `dvc repro`.") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML ({error}). Delete it and run `dvc repro`.") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: not a mapping. Delete it and run `dvc repro`.")
    return content


def _read_score(path: Path, name: str) -> Score:
    try:
        score = Score.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; {name} is planned but not evaluated. Run `dvc repro`.") from None
    except ValidationError as error:
        points = [f"{'.'.join(map(str, point['loc']))}: {point['msg']}" for point in error.errors()]
        raise UserError.listing(
            f"{path}: not a score record. Delete it and run `dvc repro`. Problems:", points
        ) from error
    if score.run != name:
        raise UserError(f"{path}: the record of another run, {score.run}. Delete it and run `dvc repro`.")
    return score

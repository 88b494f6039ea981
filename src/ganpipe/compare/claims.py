"""The conclusions of the source documents, checked against the finished runs of the current grid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from ganpipe.common.errors import UserError
from ganpipe.common.types import Count, Fraction, Natural
from ganpipe.compare.claim_checks import CHECKS, CheckResult, GridResults, Question

Verdict = Literal[
    "agrees", "does not agree", "observed in one seed", "not observed in one seed", "not decided", "not run"
]
DECIDED: tuple[Verdict, ...] = ("agrees", "does not agree", "observed in one seed", "not observed in one seed")


class Claim(BaseModel):
    """One conclusion of a document.

    check: name of the function in `claim_checks` that decides it; None: no check can, for the reason `undecidable`.
    compared_with: the other experiments that the conclusion refers to. printed: scalar -> values that the document
    prints for its last epoch, at iteration `first` and each `every` iterations later, or with `epoch_ends` for the ends
    of its last epochs; null: a value that cannot be right. ranges: scalar -> values that round to the printed ones.
    metric: of the comparison, if not `select.metric`. share_of_noise, at_least: limits. scalars: those that rise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    conclusion: str
    check: str | None = None
    compared_with: tuple[str, ...] = ()
    printed: dict[str, tuple[float | None, ...]] = {}
    first: Natural = 0
    every: Count = 50
    epoch_ends: bool = False
    ranges: dict[str, tuple[float, float]] = {}
    metric: str | None = None
    share_of_noise: Fraction = 0.01
    at_least: Fraction = 0.9
    scalars: tuple[str, ...] = ()
    undecidable: str = ""

    @model_validator(mode="after")
    def _has_check_or_reason(self) -> Self:
        if self.check is None and not self.undecidable:
            raise ValueError("no check: name one, or state under `undecidable` why there is none")
        if self.check is not None and self.check not in CHECKS:
            raise ValueError(f"no such check: {self.check}; choose from: {', '.join(CHECKS)}")
        return self


class DocumentedExperiment(BaseModel):
    """An experiment of a document.

    epochs: the document's, or those of the catalogue if it states none. minutes: estimated time of its training at the
    width of the default grid. shown: epochs whose images the document shows. left_out: why the preset `documents` does
    not run it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    document: str
    epochs: Count | None = None
    minutes: float | None = Field(default=None, gt=0)
    shown: tuple[Count, ...] = ()
    left_out: str = ""
    claims: tuple[Claim, ...] = ()


@dataclass(frozen=True)
class CheckedClaim:
    """A claim with what was observed and the verdict."""

    experiment: str
    document: str
    conclusion: str
    observation: str
    verdict: Verdict


def read_claims(path: Path) -> dict[str, DocumentedExperiment]:
    """Return the claims by experiment. Raises UserError if the file is missing or invalid."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return TypeAdapter(dict[str, DocumentedExperiment]).validate_python(content)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file. It is part of the repository: restore it with Git.") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML ({error}). Fix the syntax.") from error
    except ValidationError as error:
        points = [f"{'.'.join(map(str, point['loc']))}: {point['msg']}" for point in error.errors()]
        raise UserError.listing(f"{path}: invalid claims. Fix:", points) from error


def shortened(plan: Mapping[str, Any], claims: Mapping[str, DocumentedExperiment]) -> bool:
    """Return whether a run trains for fewer epochs than its document states, or on a part of the images.

    plan: of the run.
    """
    experiment, train = plan["experiment"], plan["train"]
    documented = claims[experiment].epochs if experiment in claims else None
    return train["images"] is not None or (documented is not None and train["epochs"] < documented)


def check_claims(claims: Mapping[str, DocumentedExperiment], results: GridResults) -> list[CheckedClaim]:
    """Check every claim against the results, in the order of the file."""
    return [
        CheckedClaim(experiment, documented.document, claim.conclusion, *_verdict(experiment, claim, claims, results))
        for experiment, documented in claims.items()
        for claim in documented.claims
    ]


def _verdict(
    experiment: str, claim: Claim, claims: Mapping[str, DocumentedExperiment], results: GridResults
) -> tuple[str, Verdict]:
    """What was observed, and the verdict."""
    if claim.check is None:
        return claim.undecidable, "not decided"
    involved = (experiment, *claim.compared_with)
    missing = [name for name in involved if not results.experiments.get(name)]
    if missing:
        return _what_it_takes(missing, claims), "not run"
    check = CHECKS[claim.check]
    result = check.function(Question(experiment, claim.compared_with, _options(claim), results))
    if result is None:
        return "the required values were not recorded", "not decided"
    cuts = _cuts(involved, claims, results)
    observation = f"{result.observation}, {cuts}" if cuts else result.observation
    if cuts and (check.if_shortened == "undecided" or (check.if_shortened == "confirms" and not result.confirmed)):
        return observation, "not decided"
    return observation, _decision(result)


def _options(claim: Claim) -> dict[str, Any]:
    return claim.model_dump(exclude={"conclusion", "check", "compared_with", "undecidable"})


def _decision(result: CheckResult) -> Verdict:
    if result.confirmed is None:
        return "not decided"
    if result.from_one_seed:
        return "observed in one seed" if result.confirmed else "not observed in one seed"
    return "agrees" if result.confirmed else "does not agree"


def _what_it_takes(missing: Sequence[str], claims: Mapping[str, DocumentedExperiment]) -> str:
    parts = []
    for name in missing:
        documented = claims.get(name)
        if documented is not None and documented.left_out:
            parts.append(f"`{name}` ({documented.left_out})")
        elif documented is not None and documented.minutes:
            parts.append(f"`{name}` (about {documented.minutes:g} minutes)")
        else:
            parts.append(f"`{name}`")
    return f"needs {', '.join(parts)}"


def _cuts(names: Sequence[str], claims: Mapping[str, DocumentedExperiment], results: GridResults) -> str:
    """How much less than in the document the experiments were trained, in words; empty if they were not."""
    epochs, images = list[str](), list[str]()
    for name in names:
        plan = results.experiments[name][0].plan
        train, documented = plan["train"], claims[name].epochs if name in claims else None
        if train["images"] is not None:
            images.append(f"{train['images']}")
        if documented is not None and shortened(plan, claims):
            epochs.append(f"{train['epochs']} of {documented}")
    cuts = (("after", epochs, "epochs"), ("on", images, "images"))
    return " ".join(f"{preposition} {_enumerate(found)} {unit}" for preposition, found, unit in cuts if found)


def _enumerate(names: Sequence[str]) -> str:
    *others, last = dict.fromkeys(names)
    return f"{', '.join(others)} and {last}" if others else last

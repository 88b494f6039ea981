"""The conclusions of the source documents, checked against the runs of the current grid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, model_validator

from ganpipe.common.errors import UserError
from ganpipe.common.types import Count
from ganpipe.compare.claim_checks import CHECKS, GridResults
from ganpipe.compare.history import SCALAR_LABELS

Verdict = Literal["agrees", "disagrees", "not decidable", "not run"]


class Claim(BaseModel):
    """One conclusion of a document.

    check: name of the function in `claim_checks` that decides it; None: no check can, for the reason `undecidable`.
    compared_with: the other experiments that the conclusion refers to. printed: scalar -> smallest and largest value
    that the document prints for its last epoch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    conclusion: str
    check: str | None = None
    compared_with: tuple[str, ...] = ()
    printed: dict[str, tuple[float, float]] = {}
    undecidable: str = ""

    @model_validator(mode="after")
    def _has_check_or_reason(self) -> Self:
        if self.check is None and not self.undecidable:
            raise ValueError("no check: name one, or state under `undecidable` why there is none")
        if self.check is not None and self.check not in CHECKS:
            raise ValueError(f"no such check: {self.check}; choose from: {', '.join(CHECKS)}")
        return self


class DocumentedExperiment(BaseModel):
    """An experiment of a document; epochs: the document's, None if it states none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    document: str
    epochs: Count | None = None
    claims: tuple[Claim, ...]


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


def check_claims(claims: Mapping[str, DocumentedExperiment], results: GridResults) -> list[CheckedClaim]:
    """Check every claim against the results, in the order of the file."""
    return [
        CheckedClaim(experiment, documented.document, _conclusion(claim), *_verdict(experiment, claim, claims, results))
        for experiment, documented in claims.items()
        for claim in documented.claims
    ]


def _conclusion(claim: Claim) -> str:
    """The conclusion with the values that the document prints."""
    values = [f"{SCALAR_LABELS.get(name, name)} {_range(*limits)}" for name, limits in claim.printed.items()]
    return f"{claim.conclusion}: {'; '.join(values)}" if values else claim.conclusion


def _range(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _verdict(
    experiment: str, claim: Claim, claims: Mapping[str, DocumentedExperiment], results: GridResults
) -> tuple[str, Verdict]:
    """What was observed, and the verdict."""
    involved = (experiment, *claim.compared_with)
    missing = [name for name in involved if name not in results.experiments]
    if missing:
        return f"not in this grid: {', '.join(missing)}", "not run"
    if claim.check is None:
        return claim.undecidable, "not decidable"
    check = CHECKS[claim.check]
    result = check.function(experiment, claim.compared_with, claim.printed, results)
    if result is None:
        return "the required values were not recorded", "not decidable"
    shortened = _shortened(involved, claims, results)
    observation = f"{result.observation}, {shortened}" if shortened else result.observation
    if shortened and (check.if_shortened == "undecided" or (check.if_shortened == "confirms" and not result.confirmed)):
        return observation, "not decidable"
    return observation, "agrees" if result.confirmed else "disagrees"


def _shortened(names: Sequence[str], claims: Mapping[str, DocumentedExperiment], results: GridResults) -> str:
    """How much less than in the document the experiments were trained, in words; empty if they were not."""
    epochs, images = list[str](), list[str]()
    for name in names:
        train = results.experiments[name][0].plan["train"]
        documented = claims[name].epochs if name in claims else None
        if train["images"] is not None:
            images.append(f"{train['images']}")
        if documented is not None and (train["images"] is not None or train["epochs"] < documented):
            epochs.append(f"{train['epochs']} of {documented}")
    cuts = (("after", epochs, "epochs"), ("on", images, "images"))
    return " ".join(f"{preposition} {_enumerate(found)} {unit}" for preposition, found, unit in cuts if found)


def _enumerate(names: Sequence[str]) -> str:
    *others, last = dict.fromkeys(names)
    return f"{', '.join(others)} and {last}" if others else last

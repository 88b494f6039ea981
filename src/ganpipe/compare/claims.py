"""What the source documents concluded of their experiments, held against the runs of the current grid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, model_validator

from ganpipe.common import formatting
from ganpipe.common.errors import UserError
from ganpipe.common.types import Count
from ganpipe.compare.claim_checks import CHECKS, Seen
from ganpipe.compare.history import SCALAR_LABELS, union

Verdict = Literal["agrees", "disagrees", "not decidable", "not run"]


class Claim(BaseModel):
    """One conclusion of a document.

    says: the conclusion. check: the name of the function in `checks` that decides it; None: nothing can, and
    `undecidable` says why. against: other experiments that it speaks of. printed: quantity -> smallest and largest of
    the values that the document prints for its last epoch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    says: str
    check: str | None = None
    against: tuple[str, ...] = ()
    printed: dict[str, tuple[float, float]] = {}
    undecidable: str = ""

    @model_validator(mode="after")
    def _is_decided_or_excused(self) -> Self:
        if self.check is None and not self.undecidable:
            raise ValueError("give a check, or say under `undecidable` why there is none")
        if self.check is not None and self.check not in CHECKS:
            raise ValueError(f"there is no check `{self.check}`; choose from: {', '.join(CHECKS)}")
        return self


class Documented(BaseModel):
    """An experiment of a document; epochs: those of the document, None where it names none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    document: str
    epochs: Count | None = None
    claims: tuple[Claim, ...]


@dataclass(frozen=True)
class Judgement:
    """A claim beside what was seen."""

    experiment: str
    document: str
    says: str
    seen: str
    verdict: Verdict


def read_claims(path: Path) -> dict[str, Documented]:
    """Experiment -> what its document concluded. Raises UserError for a file that is missing or mistaken."""
    try:
        return TypeAdapter(dict[str, Documented]).validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise UserError(f"{path} is missing: it belongs to the repository") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not valid YAML: {error}") from error
    except ValidationError as error:
        points = [f"{'.'.join(map(str, point['loc']))}: {point['msg']}" for point in error.errors()]
        raise UserError.listing(f"{path} has mistakes:", points) from error


def judge(claims: Mapping[str, Documented], seen: Seen) -> list[Judgement]:
    """Hold every claim against the runs, in the order of the file."""
    return [
        Judgement(experiment, documented.document, _told(claim), *_verdict(experiment, claim, claims, seen))
        for experiment, documented in claims.items()
        for claim in documented.claims
    ]


def table(discriminator_metrics: Sequence[Judgement]) -> str:
    """The judgements as a table in Markdown, and below it what the grid is too small for."""
    lines = ["| experiment | document | what it concluded | seen here | |", "|---|---|---|---|---|"]
    for row in discriminator_metrics:
        if row.verdict != "not run":
            cells = (f"`{row.experiment}`", row.document, row.says, row.seen, row.verdict)
            lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    idle = [row for row in discriminator_metrics if row.verdict == "not run"]
    if idle:
        names = ", ".join(f"`{name}`" for name in union([row.experiment] for row in idle))
        lines += ["", f"Not run: {formatting.count(len(idle), 'claim')} on {names}, or what they are compared with."]
    return "\n".join(lines)


def _told(claim: Claim) -> str:
    """What the document says, with the numbers that it prints."""
    numbers = [f"{SCALAR_LABELS.get(name, name)} {_range(*limits)}" for name, limits in claim.printed.items()]
    return f"{claim.says}: {'; '.join(numbers)}" if numbers else claim.says


def _range(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _verdict(experiment: str, claim: Claim, claims: Mapping[str, Documented], seen: Seen) -> tuple[str, Verdict]:
    concerned = (experiment, *claim.against)
    missing = [name for name in concerned if name not in seen.experiments]
    if missing:
        return f"not in this grid: {', '.join(missing)}", "not run"
    if claim.check is None:
        return claim.undecidable, "not decidable"
    check = CHECKS[claim.check]
    finding = check.find(experiment, claim.against, claim.printed, seen)
    if finding is None:
        return "the numbers that it takes were not recorded", "not decidable"
    short = _short(concerned, claims, seen)
    text = f"{finding.text}, {short}" if short else finding.text
    if short and (check.needs == "full budget" or (check.needs == "to be seen once" and not finding.holds)):
        return text, "not decidable"
    return text, "agrees" if finding.holds else "disagrees"


def _short(names: Sequence[str], claims: Mapping[str, Documented], seen: Seen) -> str:
    """How much less than in the document the experiments were trained, in words; empty when they were not."""
    epochs, images = list[str](), list[str]()
    for name in names:
        train, wanted = seen.experiments[name][0].plan["train"], claims[name].epochs if name in claims else None
        if train["images"] is not None:
            images.append(f"{train['images']}")
        if wanted is not None and (train["images"] is not None or train["epochs"] < wanted):
            epochs.append(f"{train['epochs']} of {wanted}")
    cuts = (("after", epochs, "epochs"), ("on", images, "images"))
    return " ".join(f"{before} {_listed(found)} {unit}" for before, found, unit in cuts if found)


def _listed(names: Sequence[str]) -> str:
    *others, last = dict.fromkeys(names)
    return f"{', '.join(others)} and {last}" if others else last

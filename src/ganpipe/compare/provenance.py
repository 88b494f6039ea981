"""Digests from data to score by which a run can be verified."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganpipe.common.hashing import digest, file_digest
from ganpipe.compare.runs import Run

_WEIGHTS = "generator.safetensors"


@dataclass(frozen=True)
class Provenance:
    """Digests of one run; None if a failed run did not write the file.

    key: identity of the training, by which MLflow finds it. settings: digest of the plan without the code digests.
    """

    run: str
    key: str
    data: str
    settings: str
    code: Mapping[str, str]
    weights: str | None
    samples: str | None


def provenance_of(run: Run) -> Provenance:
    """Compute the digests of a run from its plan and its files."""
    return Provenance(
        run=run.name,
        key=run.inputs["key"],
        data=run.inputs["data"]["fingerprint"],
        settings=digest({key: value for key, value in run.plan.items() if key != "code"}),
        code=run.plan["code"],
        weights=_digest(run.samples / _WEIGHTS) or _digest(run.model / _WEIGHTS),  # chosen, or the last ones
        samples=_digest(run.samples / "images.npy"),
    )


def protocols(runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    """Return all protocols of the report's numbers: digest -> fields, sorted by metric."""
    found = {key: fields for run in runs for key, fields in run.score.protocols.items()}
    return dict(sorted(found.items(), key=lambda item: (str(item[1].get("metric")), item[0])))


def _digest(path: Path) -> str | None:
    return file_digest(path) if path.exists() else None

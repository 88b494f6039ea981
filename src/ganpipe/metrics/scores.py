"""The score record of one run: its identity, the status of its training, and every metric of its samples."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ganpipe.common.atomic import write_text
from ganpipe.data.dataset import load
from ganpipe.metrics.copying import copied_reason
from ganpipe.metrics.cost import Sampler
from ganpipe.metrics.curve import quality_curve
from ganpipe.metrics.evaluate import evaluate
from ganpipe.metrics.extractors.judge import load_judge
from ganpipe.metrics.settings import EvaluateSettings
from ganpipe.sampling.description import DESCRIPTION, STATUS
from ganpipe.sampling.generator import load_generator
from ganpipe.sampling.samples import load_samples
from ganpipe.sampling.selection import load_selection
from ganpipe.sampling.snapshots import kept_generators


@dataclass(frozen=True)
class EvaluationFolders:
    """Folders that an evaluation reads: generator, samples, prepared dataset, judge and reference."""

    model: Path
    samples: Path
    prepared: Path
    judge: Path
    reference: Path


def score_run(
    identity: Mapping[str, Any], folders: EvaluationFolders, settings: EvaluateSettings, code: str
) -> dict[str, Any]:
    """Evaluate a run and return its record; a failed training has no metrics, and copies have the status `copied`.

    identity: entries of the record that identify the run. code: fingerprint of the metrics' code.
    """
    status = json.loads((folders.samples / STATUS).read_text(encoding="utf-8"))
    record = {**identity, "status": status["status"], "reason": status["reason"]}
    samples = load_samples(folders.samples)
    if samples is None:
        return record | {"metrics": {}, "absent": {}, "protocols": {}}
    dataset, judge = load(folders.prepared), load_judge(folders.judge)
    record |= evaluate(*samples, dataset, judge, folders.reference, settings, code, _sampler(folders.model))
    generators, selection = kept_generators(folders.model), load_selection(folders.samples)
    sampled = selection.epoch if selection else status["epochs"]
    record["curve"] = quality_curve(generators, sampled, *samples, dataset, judge, folders.reference, settings)
    if selection:
        record["selection"] = asdict(selection)
    return record | _copied(record, settings)


def _sampler(model: Path) -> Sampler | None:
    """Return the generator of a run, for the metrics of its cost; None for images made elsewhere."""
    if not (model / DESCRIPTION).exists():
        return None
    generator = load_generator(model)
    return Sampler(generator.network, lambda count: torch.from_numpy(generator.sample(count)))


def _copied(record: Mapping[str, Any], settings: EvaluateSettings) -> dict[str, str]:
    """Return the status `copied` with its reason for samples that reproduce training images, unless the run failed."""
    entry = record["metrics"].get("near_duplicates")
    if entry is None or record["status"] not in ("ok", "saturated"):
        return {}
    count = min(record["protocols"][entry["protocol"]]["n_generated"], settings.queries)
    reason = copied_reason(entry["value"], count, entry["floor"])
    return {"status": "copied", "reason": reason} if reason else {}


def write_scores(record: Mapping[str, Any], scores: Path, values: Path) -> dict[str, float]:
    """Write the whole record to `scores` and the bare values, for DVC, to `values`; return the values by metric."""
    numbers = {metric: entry["value"] for metric, entry in record["metrics"].items()}
    write_text(scores, json.dumps(record, indent=1, allow_nan=False) + "\n")
    write_text(values, json.dumps(numbers, indent=1) + "\n")
    return numbers

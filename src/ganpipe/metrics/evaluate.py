"""Evaluation of one run's samples: every chosen metric with its floor, its ceiling and its protocol."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganpipe.common.determinism import deterministic_mode
from ganpipe.common.errors import UserError
from ganpipe.common.hashing import digest
from ganpipe.data.dataset import Dataset
from ganpipe.metrics.cost import Sampler
from ganpipe.metrics.evaluation import Evaluation, EvaluationContext
from ganpipe.metrics.extractors import imagenet
from ganpipe.metrics.extractors.inception import RESIZE
from ganpipe.metrics.extractors.judge import Judge
from ganpipe.metrics.measure import measure, missing_requirement, standard_error
from ganpipe.metrics.reference import Reference, basis, find_inception, load_reference
from ganpipe.metrics.registry import Metric, lookup
from ganpipe.metrics.settings import EvaluateSettings


def evaluate(
    samples: NDArray[np.uint8],
    labels: NDArray[np.int64] | None,
    dataset: Dataset,
    judge: Judge,
    reference_folder: Path,
    settings: EvaluateSettings,
    code: str,
    sampler: Sampler | None = None,
) -> dict[str, Any]:
    """Return the entries `metrics`, `absent`, `protocols` and `extractors` of a score record.

    samples: uint8 (N,C,H,W). labels: int64 (N,), the requested classes. code: fingerprint of the metrics' code.
    sampler: the generator, for the cost metrics. Raises UserError if the shape of the samples differs from that of the
    dataset, if the reference was built from another dataset, judge or settings, or if the Inception weights that
    `evaluate.inception` names cannot be loaded.
    """
    if samples.shape[1:] != dataset.heldout.images.shape[1:]:
        raise UserError(
            f"samples: their shape is {samples.shape[1:]}, but images of {dataset.name} have the shape "
            f"{dataset.heldout.images.shape[1:]}. Sample a generator that was trained on this dataset."
        )
    reference = load_reference(reference_folder)
    with deterministic_mode(settings.threads):
        inception = find_inception(settings)
        _check(reference, basis(dataset, judge, settings, inception), settings, reference_folder)
        context = EvaluationContext(dataset, judge, inception, reference.real, settings)
        return _record(Evaluation(context, samples, labels, sampler), reference, code)


def _record(evaluation: Evaluation, reference: Reference, code: str) -> dict[str, Any]:
    metrics, absent, protocols = {}, {}, {}
    for metric in map(lookup, evaluation.settings.metrics):
        if reason := missing_requirement(metric, evaluation):
            absent[metric.name] = reason
            continue
        protocol = _protocol(metric, evaluation, reference, code)
        key = digest(protocol)
        protocols[key] = protocol
        value, floor = measure(metric, evaluation), reference.floor[metric.name]
        metrics[metric.name] = {
            "value": value,
            "ratio": value / floor if metric.ratio and floor else None,
            "floor": floor,
            "ceiling": reference.ceiling[metric.name],
            "standard_error": standard_error(metric, evaluation),
            "direction": metric.direction,
            "protocol": key,
        }
    return {"metrics": metrics, "absent": absent, "protocols": protocols, "extractors": _extractors(evaluation)}


def _extractors(evaluation: Evaluation) -> dict[str, Any]:
    """Return how far each extractor can be trusted, by name."""
    judge, imagenet_checks = evaluation.context.judge, evaluation.real.imagenet_checks
    found = {"judge": {"task": judge.task, "accuracy": judge.accuracy, **asdict(judge.checks)}}
    return found | ({"imagenet": asdict(imagenet_checks)} if imagenet_checks else {})


def _protocol(metric: Metric, evaluation: Evaluation, reference: Reference, code: str) -> dict[str, Any]:
    counts = {
        "train": len(evaluation.context.compared_rows),
        "trained": len(evaluation.context.dataset.train.images),
        "subset": len(evaluation.real.features),
        "imagenet": 0 if evaluation.real.imagenet is None else len(evaluation.real.imagenet),
        "heldout": reference.count,
        "none": 0,
    }
    extractor, sha256, resize, generated = "pixels", None, "none", len(evaluation)
    if "judge" in metric.requires:
        extractor, sha256 = "judge", evaluation.context.judge.sha256
    elif "imagenet" in metric.requires:
        extractor, sha256, resize = "efficientnet-lite0", imagenet.SHA256, imagenet.RESIZE
        generated = min(generated, imagenet.IMAGES)
    elif evaluation.context.inception and "inception" in metric.requires:
        extractor, sha256, resize = "inception-v3", evaluation.context.inception.sha256, RESIZE
    return {
        "metric": metric.name,
        "extractor": extractor,
        "extractor_sha256": sha256,
        "data": evaluation.context.dataset.fingerprint,
        "n_real": counts[metric.real],
        "n_generated": generated,
        "split": {"subset": "train", "imagenet": "train", "trained": "train"}.get(metric.real, metric.real),
        "resize": resize,
        "settings": reference.basis["settings"],
        "seed": evaluation.settings.seed,
        "code": code,
    }


def _check(reference: Reference, expected: dict[str, Any], settings: EvaluateSettings, folder: Path) -> None:
    differing = [key for key, value in expected.items() if reference.basis[key] != value]
    missing = sorted(set(settings.metrics) - set(reference.floor))
    if differing or missing:
        raise UserError.listing(
            f"{folder}: does not match this evaluation. Run the reference stage of the dataset again. The reference",
            [f"was built with another {key}" for key in differing] + [f"has no floor of {name}" for name in missing],
        )

"""All chosen metrics of one run's samples, each with its floor, its ceiling and its protocol."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganpipe.common.determinism import reproducible
from ganpipe.common.errors import UserError
from ganpipe.common.hashing import digest
from ganpipe.data.dataset import Dataset
from ganpipe.metrics.cost import Sampler
from ganpipe.metrics.evaluation import Evaluation, EvaluationContext
from ganpipe.metrics.extractors.inception import RESIZE
from ganpipe.metrics.extractors.judge import Judge
from ganpipe.metrics.measure import lookup, measure, missing_requirement, standard_error
from ganpipe.metrics.reference import Reference, basis, find_inception, load_reference
from ganpipe.metrics.registry import Metric
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
    """The parts `metrics`, `absent` and `protocols` of a score record.

    samples: uint8 (N,C,H,W). labels: int64 (N,), the classes asked for. code: fingerprint of the metrics' code.
    sampler: the generator, for the metrics of cost. Raises UserError when the samples have another shape than the
    dataset, or when the reference was built from another dataset, judge or settings.
    """
    if samples.shape[1:] != dataset.heldout.images.shape[1:]:
        raise UserError(
            f"samples are {samples.shape[1:]}, images of {dataset.name} are {dataset.heldout.images.shape[1:]}: "
            "sample a generator that was trained on this data"
        )
    reference = load_reference(reference_folder)
    with reproducible(settings.threads):
        inception, reason = find_inception(settings)
        _check(reference, basis(dataset, judge, settings, inception), settings, reference_folder)
        setting = EvaluationContext(dataset, judge, inception, reference.real, settings, reason)
        return _record(Evaluation(setting, samples, labels, sampler), reference, code)


def _record(case: Evaluation, reference: Reference, code: str) -> dict[str, Any]:
    metrics, absent, protocols = {}, {}, {}
    for metric in map(lookup, case.settings.metrics):
        if reason := missing_requirement(metric, case):
            absent[metric.name] = reason
            continue
        protocol = _protocol(metric, case, reference, code)
        key = digest(protocol)
        protocols[key] = protocol
        value, floor = measure(metric, case), reference.floor[metric.name]
        metrics[metric.name] = {
            "value": value,
            "ratio": value / floor if metric.ratio and floor else None,
            "floor": floor,
            "ceiling": reference.ceiling[metric.name],
            "standard_error": standard_error(metric, case),
            "direction": metric.direction,
            "protocol": key,
        }
    return {"metrics": metrics, "absent": absent, "protocols": protocols}


def _protocol(metric: Metric, case: Evaluation, reference: Reference, code: str) -> dict[str, Any]:
    counts = {
        "train": len(case.setting.dataset.train.images),
        "subset": len(case.real.features),
        "heldout": reference.count,
        "none": 0,
    }
    extractor, sha256, resize = "pixels", None, "none"
    if "judge" in metric.needs:
        extractor, sha256 = "judge", case.setting.judge.sha256
    elif case.setting.inception and "inception" in metric.needs:
        extractor, sha256, resize = "inception-v3", case.setting.inception.sha256, RESIZE
    return {
        "metric": metric.name,
        "extractor": extractor,
        "extractor_sha256": sha256,
        "data": case.setting.dataset.fingerprint,
        "n_real": counts[metric.real],
        "n_generated": len(case.images),
        "split": {"subset": "train"}.get(metric.real, metric.real),
        "resize": resize,
        "settings": reference.basis["settings"],
        "seed": case.settings.seed,
        "code": code,
    }


def _check(reference: Reference, expected: dict[str, Any], settings: EvaluateSettings, folder: Path) -> None:
    other = [key for key, value in expected.items() if reference.basis[key] != value]
    missing = sorted(set(settings.metrics) - set(reference.floor))
    if other or missing:
        raise UserError.listing(
            f"{folder} does not fit this evaluation; run the reference stage of the dataset again:",
            [f"it was built with another {key}" for key in other] + [f"it has no floor of {name}" for name in missing],
        )

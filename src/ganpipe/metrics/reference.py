"""What samples are measured against: statistics of the real images, and every metric's floor and ceiling.

Computed once per dataset, judge and settings, and kept as two files with reproducible bytes.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from safetensors.torch import save as save_tensors
from torch import Tensor

from ganpipe.common.atomic import atomic_folder
from ganpipe.common.determinism import reproducible
from ganpipe.common.errors import UserError
from ganpipe.data.dataset import Dataset
from ganpipe.metrics import classes
from ganpipe.metrics.evaluation import Evaluation, EvaluationContext, RealStatistics
from ganpipe.metrics.extractors.features import extract
from ganpipe.metrics.extractors.inception import Inception, load_inception
from ganpipe.metrics.extractors.judge import Judge
from ganpipe.metrics.kernel import mean_kernel
from ganpipe.metrics.manifold import radii
from ganpipe.metrics.measure import lookup, measure, missing_requirement
from ganpipe.metrics.settings import EvaluateSettings
from ganpipe.metrics.statistics import Gaussian, fit

_STATISTICS = "real.safetensors"
_RECORD = "reference.json"

Bounds = dict[str, float | None]


@dataclass(frozen=True)
class Reference:
    """The real side, with the metrics of real images (floor) and of noise (ceiling); None where there is no number.

    count: images of which floor and ceiling were computed, at most.
    """

    real: RealStatistics
    floor: Bounds
    ceiling: Bounds
    count: int
    basis: dict[str, Any]


def build_reference(dataset: Dataset, judge: Judge, settings: EvaluateSettings, count: int, destination: Path) -> None:
    """Measure the real images and write the result to the folder `destination`.

    The floor is measured on `count` held-out images (or as many as there are), the ceiling on `count` images of
    uniform noise: for the same number of images as a run's samples, since some metrics depend on it.
    """
    with reproducible(settings.threads):
        inception, reason = find_inception(settings)
        subset = _subset(len(dataset.train.images), settings.real, settings.seed)
        real = _real(dataset, judge, inception, subset, settings.neighbours)
        setting = EvaluationContext(dataset, judge, inception, real, settings, reason)
        cases = _cases(setting, count)
        floor = {name: _bound(name, cases[lookup(name).floor]) for name in settings.metrics}
        ceiling = {name: _bound(name, cases["noise"]) for name in settings.metrics}
    record = {
        "basis": basis(dataset, judge, settings, inception),
        "count": min(count, len(dataset.heldout.images)),
        "floor": floor,
        "ceiling": ceiling,
    }
    with atomic_folder(destination) as part:
        (part / _STATISTICS).write_bytes(save_tensors(_tensors(real)))
        (part / _RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def load_reference(folder: Path) -> Reference:
    """Read what `build_reference` wrote. Raises UserError when it is not there."""
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        tensors = load_file(folder / _STATISTICS)
    except FileNotFoundError as error:
        raise UserError(f"{error.filename} is missing: run the reference stage of this dataset") from None
    inception = (
        Gaussian(tensors["inception_mean"], tensors["inception_factor"]) if "inception_mean" in tensors else None
    )
    real = RealStatistics(
        features=tensors["features"],
        radii=tensors.get("radii"),
        kernel=float(tensors["kernel"]) if "kernel" in tensors else None,
        gaussian=Gaussian(tensors["mean"], tensors["factor"]),
        shares=tensors["shares"],
        inception=inception,
    )
    return Reference(real, record["floor"], record["ceiling"], record["count"], record["basis"])


def basis(dataset: Dataset, judge: Judge, settings: EvaluateSettings, inception: Inception | None) -> dict[str, Any]:
    """What the real side of a number rests on; equal for two numbers that may be compared."""
    return {
        "data": dataset.fingerprint,
        "judge_sha256": judge.sha256,
        "inception_sha256": inception and inception.sha256,
        "settings": settings.model_dump(mode="json", include={"real", "neighbours", "pairs", "queries", "seed"}),
    }


def find_inception(settings: EvaluateSettings) -> tuple[Inception | None, str]:
    """The Inception extractor where a metric needs it and it can be had, else the reason."""
    if not any("inception" in lookup(name).needs for name in settings.metrics):
        return None, "no metric asks for it"
    try:
        return load_inception(settings), ""
    except UserError as error:
        return None, str(error)


def _tensors(real: RealStatistics) -> dict[str, Tensor]:
    tensors = {
        "features": real.features,
        "shares": real.shares,
        "mean": real.gaussian.mean,
        "factor": real.gaussian.factor,
    }
    if real.radii is not None:
        tensors["radii"] = real.radii
    if real.kernel is not None:
        tensors["kernel"] = torch.tensor(real.kernel, dtype=torch.float64)
    if real.inception:
        tensors |= {"inception_mean": real.inception.mean, "inception_factor": real.inception.factor}
    return {name: tensor.contiguous() for name, tensor in tensors.items()}


def _subset(available: int, wanted: int, seed: int) -> NDArray[np.int64]:
    chosen = np.random.default_rng(seed).choice(available, min(available, wanted), replace=False)
    return np.sort(chosen)


def _real(
    dataset: Dataset, judge: Judge, inception: Inception | None, subset: NDArray[np.int64], neighbours: int
) -> RealStatistics:
    features, logits = extract(judge, dataset.train.images)
    compared = features[subset]
    return RealStatistics(
        features=compared,
        radii=radii(compared, neighbours) if len(compared) > neighbours else None,
        kernel=mean_kernel(compared) if len(compared) > 1 else None,
        gaussian=fit(features),
        shares=classes.shares(logits),
        inception=None if inception is None else inception.gaussian(dataset.train.images[subset]),
    )


def _cases(setting: EvaluationContext, count: int) -> dict[str, Evaluation]:
    dataset, random = setting.dataset, np.random.default_rng(setting.settings.seed)
    noise = random.integers(256, size=(count, *dataset.heldout.images.shape[1:]), dtype=np.uint8)
    asked = random.integers(len(dataset.classes), size=count) if dataset.classes else None
    train = _subset(len(dataset.train.images), count, setting.settings.seed)
    heldout = _subset(len(dataset.heldout.images), count, setting.settings.seed)
    return {
        "noise": Evaluation(setting, noise, asked),
        "train": Evaluation(setting, dataset.train.images[train], _chosen(dataset.train.labels, train)),
        "heldout": Evaluation(setting, dataset.heldout.images[heldout], _chosen(dataset.heldout.labels, heldout)),
    }


def _chosen(labels: NDArray[np.int64] | None, places: NDArray[np.int64]) -> NDArray[np.int64] | None:
    return None if labels is None else labels[places]


def _bound(name: str, case: Evaluation) -> float | None:
    metric = lookup(name)
    return None if missing_requirement(metric, case) else measure(metric, case)

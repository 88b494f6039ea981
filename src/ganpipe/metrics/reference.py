"""The reference of an evaluation: statistics of the real images, and the floor and ceiling of every metric.

Computed once per dataset, judge and settings, and stored as two files with reproducible bytes.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from safetensors.torch import save as save_tensors
from torch import Tensor

from ganpipe.common.atomic import atomic_folder
from ganpipe.common.determinism import deterministic_mode
from ganpipe.common.errors import UserError
from ganpipe.common.random_streams import numpy_stream
from ganpipe.data.dataset import Dataset
from ganpipe.metrics import classes, copying
from ganpipe.metrics.copying import CopyReference
from ganpipe.metrics.evaluation import Evaluation, EvaluationContext, RealStatistics, compared_rows, random_rows
from ganpipe.metrics.extractors.checks import Checks, check_distance, read_checks
from ganpipe.metrics.extractors.features import extract
from ganpipe.metrics.extractors.imagenet import IMAGES, load_imagenet
from ganpipe.metrics.extractors.inception import Inception, load_inception
from ganpipe.metrics.extractors.judge import Judge
from ganpipe.metrics.kernel import mean_kernel
from ganpipe.metrics.manifold import radii
from ganpipe.metrics.measure import measure, missing_requirement
from ganpipe.metrics.registry import lookup
from ganpipe.metrics.settings import EvaluateSettings
from ganpipe.metrics.statistics import Gaussian, fit

_STATISTICS = "real.safetensors"
_RECORD = "reference.json"

Bounds = dict[str, float | None]


@dataclass(frozen=True)
class Reference:
    """Statistics of real images, and every metric of real images (floor) and of noise (ceiling), None if it has none.

    count: number of images from which the floor was computed. basis: see the function `basis`.
    """

    real: RealStatistics
    floor: Bounds
    ceiling: Bounds
    count: int
    basis: dict[str, Any]


def build_reference(dataset: Dataset, judge: Judge, settings: EvaluateSettings, count: int, destination: Path) -> None:
    """Evaluate the real images and write the result to the folder `destination`.

    The floor is computed from `count` held-out images (or as many as there are), the ceiling from `count` images of
    uniform noise: as many images as a run has samples, because some metrics depend on that number.
    """
    with deterministic_mode(settings.threads):
        inception = find_inception(settings)
        real = real_statistics(dataset, judge, inception, settings)
        evaluations = _evaluations(EvaluationContext(dataset, judge, inception, real, settings), count)
        floor = {name: _bound(name, evaluations[lookup(name).floor]) for name in settings.metrics}
        ceiling = {name: _bound(name, evaluations["noise"]) for name in settings.metrics}
    record = {
        "basis": basis(dataset, judge, settings, inception),
        "count": min(count, len(dataset.heldout.images)),
        "imagenet_checks": real.imagenet_checks and asdict(real.imagenet_checks),
        "floor": floor,
        "ceiling": ceiling,
    }
    with atomic_folder(destination) as part:
        (part / _STATISTICS).write_bytes(save_tensors(_tensors(real)))
        (part / _RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def load_reference(folder: Path) -> Reference:
    """Read a reference written by `build_reference`. Raises UserError if it is missing."""
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        tensors = load_file(folder / _STATISTICS)
    except FileNotFoundError as error:
        raise UserError(f"{error.filename}: no such file. Run the reference stage of this dataset.") from None
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
        copying=_load_copying(tensors),
        class_gaussians=_load_class_gaussians(tensors),
        imagenet=tensors.get("imagenet_features"),
        imagenet_checks=record["imagenet_checks"] and read_checks(record["imagenet_checks"]),
    )
    return Reference(real, record["floor"], record["ceiling"], record["count"], record["basis"])


def basis(dataset: Dataset, judge: Judge, settings: EvaluateSettings, inception: Inception | None) -> dict[str, Any]:
    """Return what the real side of a number depends on; equal for two numbers that may be compared."""
    return {
        "data": dataset.fingerprint,
        "judge_sha256": judge.sha256,
        "inception_sha256": inception and inception.sha256,
        "settings": settings.model_dump(
            mode="json", include={"real", "neighbours", "pairs", "queries", "selection", "seed"}
        ),
    }


def find_inception(settings: EvaluateSettings) -> Inception | None:
    """Return the Inception extractor if a metric requires it and `evaluate.inception` is set.

    Whether it is available is decided by the settings, not by the files of the moment: two stages of one plan must not
    disagree about it. Raises UserError if the weights that the setting names cannot be loaded.
    """
    required = any("inception" in lookup(name).requires for name in settings.metrics)
    return load_inception(settings) if required and settings.inception is not None else None


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
    if real.copying:
        copied = real.copying
        thresholds = torch.tensor([copied.pixel_threshold, copied.feature_threshold], dtype=torch.float64)
        tensors |= {"train_features": copied.features, "copy_thresholds": thresholds}
        tensors |= {"heldout_distances": copied.distances, "heldout_cells": copied.cells}
    if real.imagenet is not None:
        tensors["imagenet_features"] = real.imagenet
    for number, gaussian in enumerate(real.class_gaussians or ()):
        tensors |= {f"class_{number}_mean": gaussian.mean, f"class_{number}_factor": gaussian.factor}
    return {name: tensor.contiguous() for name, tensor in tensors.items()}


def _load_class_gaussians(tensors: dict[str, Tensor]) -> tuple[Gaussian, ...] | None:
    count = sum(name.startswith("class_") and name.endswith("_mean") for name in tensors)
    return tuple(Gaussian(tensors[f"class_{n}_mean"], tensors[f"class_{n}_factor"]) for n in range(count)) or None


def _load_copying(tensors: dict[str, Tensor]) -> CopyReference | None:
    if "copy_thresholds" not in tensors:
        return None
    pixel_threshold, feature_threshold = tensors["copy_thresholds"].tolist()
    return CopyReference(
        tensors["train_features"],
        pixel_threshold,
        feature_threshold,
        tensors["heldout_distances"],
        tensors["heldout_cells"],
    )


def real_statistics(
    dataset: Dataset, judge: Judge, inception: Inception | None, settings: EvaluateSettings
) -> RealStatistics:
    """Compute the statistics of the training images that samples are compared with."""
    rows = compared_rows(dataset, settings)
    subset = rows[random_rows(len(rows), settings.real, settings.seed)]
    all_features, all_logits = extract(judge, dataset.train.images)
    features, subset_features, neighbours = all_features[rows], all_features[subset], settings.neighbours
    imagenet_features, imagenet_checks = _imagenet(dataset, rows, settings)
    return RealStatistics(
        features=subset_features,
        radii=radii(subset_features, neighbours) if len(subset_features) > neighbours else None,
        kernel=mean_kernel(subset_features) if len(subset_features) > 1 else None,
        gaussian=fit(features),
        shares=classes.shares(all_logits[rows]),
        inception=None if inception is None else inception.gaussian(dataset.train.images[subset]),
        copying=_copy_reference(dataset, judge, all_features, settings),
        class_gaussians=_class_gaussians(dataset, rows, features, settings),
        imagenet=imagenet_features,
        imagenet_checks=imagenet_checks,
    )


def _imagenet(
    dataset: Dataset, rows: NDArray[np.int64], settings: EvaluateSettings
) -> tuple[Tensor | None, Checks | None]:
    """Return ImageNet features of some of these training images and their checks; None if no metric requires them."""
    if not any("imagenet" in lookup(name).requires for name in settings.metrics):
        return None, None
    train = dataset.train.images[rows[random_rows(len(rows), IMAGES, settings.seed)]]
    heldout = dataset.heldout.images[random_rows(len(dataset.heldout.images), IMAGES // 2, settings.seed)]
    network = load_imagenet()
    return network.features(train), check_distance(network.features, train, heldout, settings.seed)


def _class_gaussians(
    dataset: Dataset, rows: NDArray[np.int64], features: Tensor, settings: EvaluateSettings
) -> tuple[Gaussian, ...] | None:
    if dataset.train.labels is None or not any("class_sizes" in lookup(name).requires for name in settings.metrics):
        return None
    labels = dataset.train.labels[rows]
    if np.bincount(labels, minlength=len(dataset.classes)).min() < 2:
        return None
    return tuple(fit(features[torch.from_numpy(labels == number)]) for number in range(len(dataset.classes)))


def _copy_reference(
    dataset: Dataset, judge: Judge, features: Tensor, settings: EvaluateSettings
) -> CopyReference | None:
    """Calibrate the metrics of copying on held-out images; None if no metric requires it, or images are too few."""
    images = dataset.heldout.images
    required = any("copying" in lookup(name).requires for name in settings.metrics)
    if not required or len(images) < copying.MIN_HELDOUT or len(features) <= copying.NEIGHBOURS:
        return None
    heldout = images[random_rows(len(images), settings.queries, settings.seed)]
    heldout_features, logits = extract(judge, heldout)
    in_features = copying.find_nearest(heldout_features, features)
    in_pixels = copying.find_nearest(copying.average_pixels(heldout), copying.average_pixels(dataset.train.images))
    return CopyReference(
        features=features,
        pixel_threshold=copying.threshold(in_pixels),
        feature_threshold=copying.threshold(in_features),
        distances=in_features.distances,
        cells=logits.argmax(1),
    )


def _evaluations(context: EvaluationContext, count: int) -> dict[str, Evaluation]:
    """Evaluations of noise and of images from both splits, with random labels for the noise."""
    dataset, seed = context.dataset, context.settings.seed
    random = numpy_stream(seed, "reference_noise")
    noise = random.integers(256, size=(count, *dataset.heldout.images.shape[1:]), dtype=np.uint8)
    noise_labels = random.integers(len(dataset.classes), size=count) if dataset.classes else None
    evaluations = {"noise": Evaluation(context, noise, noise_labels)}
    for name, split in (("train", dataset.train), ("heldout", dataset.heldout)):
        chosen = random_rows(len(split.images), count, seed)
        labels = None if split.labels is None else split.labels[chosen]
        evaluations[name] = Evaluation(context, split.images[chosen], labels)
    return evaluations


def _bound(name: str, evaluation: Evaluation) -> float | None:
    metric = lookup(name)
    return None if missing_requirement(metric, evaluation) else measure(metric, evaluation)

"""The selection of the generator that is sampled, among those that a training kept (`train.keep: best`).

Selecting by the images that rank would reward a lucky checkpoint. The selection therefore uses `evaluate.selection`
training images that the ranking does not use, and other noise than the samples. The generators were trained on these
images, too: a separate selection makes the comparison fair, but does not detect copies.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganpipe.common.determinism import deterministic_mode
from ganpipe.common.errors import UserError
from ganpipe.common.random_streams import torch_seed
from ganpipe.data.dataset import Dataset, Split
from ganpipe.metrics.evaluation import Evaluation, EvaluationContext, selection_rows
from ganpipe.metrics.extractors.judge import Judge
from ganpipe.metrics.measure import measure, missing_requirement
from ganpipe.metrics.reference import real_statistics
from ganpipe.metrics.registry import Metric, lookup
from ganpipe.metrics.settings import EvaluateSettings
from ganpipe.sampling.generator import cyclic_labels, load_generator
from ganpipe.sampling.selection import GeneratorSelection


def select_generator(
    generators: Mapping[int, Path], dataset: Dataset, judge: Judge, settings: EvaluateSettings
) -> GeneratorSelection:
    """Return the best generator by the first of `settings.metrics` that can be computed; of equal ones the earliest.

    generators: folders of the kept generators by epoch, ascending. The metrics have the direction `lower` or `higher`
    and compare `settings.curve.samples` samples with training images, here with those of `settings.selection`. Raises
    UserError if none of the metrics can be computed.
    """
    count, noise = settings.curve.samples, torch_seed(settings.seed, "metrics", 2)
    with deterministic_mode(settings.threads):
        labels = cyclic_labels(count, load_generator(next(iter(generators.values()))).description.classes)
        metric, context = _first_computable(_selection_images(dataset, settings), judge, labels, settings)
        values = {
            epoch: measure(metric, Evaluation(context, load_generator(folder).sample(count, labels, noise), labels))
            for epoch, folder in generators.items()
        }
    best = (min if metric.direction == "lower" else max)(values, key=values.__getitem__)
    return GeneratorSelection(best, metric.name, count, settings.selection, tuple(values), tuple(values.values()))


def _selection_images(dataset: Dataset, settings: EvaluateSettings) -> Dataset:
    """Return the dataset with only the selection images as its training images."""
    rows = selection_rows(dataset, settings)
    images, labels = dataset.train
    return replace(dataset, train=Split(images[rows], None if labels is None else labels[rows]))


def _first_computable(
    dataset: Dataset, judge: Judge, labels: NDArray[np.int64] | None, settings: EvaluateSettings
) -> tuple[Metric, EvaluationContext]:
    """Return the first metric whose requirements samples with these labels meet, and the context to measure it in."""
    reasons = []
    placeholders = np.zeros((settings.curve.samples, *dataset.train.images.shape[1:]), np.uint8)
    for name in settings.metrics:
        metric = lookup(name)
        own = settings.model_copy(update={"metrics": (name,), "selection": 0})  # all images of this dataset count
        context = EvaluationContext(dataset, judge, None, real_statistics(dataset, judge, None, own), own)
        reason = missing_requirement(metric, Evaluation(context, placeholders, labels))
        if not reason:
            return metric, context
        reasons.append(f"{name} {reason}")
    raise UserError.listing(
        "train.keep = best: no metric can be computed by which a generator could be selected. Set keep: last, or add "
        "another metric to evaluate.curve.metrics and evaluate.metrics.",
        reasons,
    )

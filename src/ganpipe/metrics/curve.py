"""Quality over the epochs of a training: one metric of every generator that was kept during it.

Each point is computed from fewer samples than the metric of the finished run, so the two differ: a Fréchet distance of
fewer samples is larger. The point of the sampled generator is therefore computed from as few samples as well.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganpipe.common.determinism import deterministic_mode
from ganpipe.data.dataset import Dataset
from ganpipe.metrics.evaluation import Evaluation, EvaluationContext
from ganpipe.metrics.extractors.judge import Judge
from ganpipe.metrics.measure import measure, missing_requirement
from ganpipe.metrics.reference import find_inception, load_reference
from ganpipe.metrics.registry import Metric, lookup
from ganpipe.metrics.settings import EvaluateSettings
from ganpipe.sampling.generator import load_generator


def quality_curve(
    generators: Mapping[int, Path],
    sampled: int,
    samples: NDArray[np.uint8],
    labels: NDArray[np.int64] | None,
    dataset: Dataset,
    judge: Judge,
    reference: Path,
    settings: EvaluateSettings,
) -> dict[str, Any] | None:
    """Return the entry `curve` of a score record: metric, number of samples, epochs and values.

    generators: folders of the kept generators by epoch, ascending. sampled: epoch of the one that the samples come
    from. samples: uint8 (N,C,H,W). labels: int64 (N,), the requested classes. reference: folder of the dataset's
    reference.

    None if `evaluate.curve` turns it off, if nothing was trained, or if none of its metrics is computed for this run.
    """
    count = min(settings.curve.samples, len(samples))
    if not count or not generators:
        return None
    labels = None if labels is None else labels[:count]
    with deterministic_mode(settings.threads):
        real = load_reference(reference).real
        context = EvaluationContext(dataset, judge, find_inception(settings), real, settings)
        of_run = Evaluation(context, samples[:count], labels)
        metric = _first_computable(of_run)
        if metric is None:
            return None
        values = {}
        for epoch, folder in generators.items():
            evaluation = of_run
            if epoch != sampled:
                evaluation = replace(of_run, samples=load_generator(folder).sample(count, labels, settings.seed))
            values[epoch] = measure(metric, evaluation)
    return {"metric": metric.name, "samples": count, "epochs": list(values), "values": list(values.values())}


def _first_computable(evaluation: Evaluation) -> Metric | None:
    """Return the first metric of `evaluate.curve.metrics` that is computed for this run and has what it requires."""
    settings = evaluation.settings
    wanted = (lookup(name) for name in settings.curve.metrics if name in settings.metrics)
    return next((metric for metric in wanted if not missing_requirement(metric, evaluation)), None)

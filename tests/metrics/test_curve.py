"""Quality over the epochs: the metric of every kept generator, from equally many samples."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganpipe.data.dataset import Dataset
from ganpipe.metrics.curve import quality_curve
from ganpipe.metrics.evaluate import evaluate
from ganpipe.metrics.extractors.judge import Judge
from ganpipe.metrics.reference import build_reference
from ganpipe.metrics.settings import CurveSettings, EvaluateSettings
from ganpipe.sampling.generator import cyclic_labels, load_generator
from ganpipe.sampling.snapshots import find_snapshots, kept_generators
from ganpipe.training.loop import train
from tests.training.runs import CPU, NEVER, RecordingCallback, settings

EVALUATE = EvaluateSettings(metrics=("fd_judge", "diversity"), real=200, curve=CurveSettings(samples=150))
COUNT = 180


@pytest.fixture(scope="module")
def reference(mnist: Dataset, judge: Judge, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out") / "reference"
    build_reference(mnist, judge, EVALUATE, COUNT, folder)
    return folder


@pytest.fixture(scope="module")
def model(mnist: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("work")
    train(settings(epochs=3, conditional=True), mnist, work, RecordingCallback(), CPU, NEVER)
    return work / "result"


def curve(model: Path, mnist: Dataset, judge: Judge, reference: Path, **changes: Any) -> dict[str, Any] | None:
    evaluate_settings = EVALUATE.model_copy(update={"curve": EVALUATE.curve.model_copy(update=changes)})
    labels = cyclic_labels(COUNT, 10)
    samples = load_generator(model).sample(COUNT, labels, seed=5)
    return quality_curve(kept_generators(model), 3, samples, labels, mnist, judge, reference, evaluate_settings)


def test_each_value_is_that_of_an_evaluation_of_the_kept_generator(
    model: Path, mnist: Dataset, judge: Judge, reference: Path
) -> None:
    found = curve(model, mnist, judge, reference)
    assert found is not None and found["metric"] == "fd_judge" and found["samples"] == 150
    assert found["epochs"] == [1, 2, 3]
    labels = cyclic_labels(150, 10)
    first = load_generator(find_snapshots(model)[1]).sample(150, labels, EVALUATE.seed)
    last = load_generator(model).sample(COUNT, cyclic_labels(COUNT, 10), seed=5)[:150]
    for images, value in ((first, found["values"][0]), (last, found["values"][2])):
        expected = evaluate(images, labels, mnist, judge, reference, EVALUATE, "")["metrics"]["fd_judge"]["value"]
        assert value == pytest.approx(expected, rel=1e-9)
    assert len(set(found["values"])) == 3


def test_samples_of_an_earlier_generator_give_its_point(
    model: Path, mnist: Dataset, judge: Judge, reference: Path
) -> None:
    """The last generator is then sampled for the curve, like all others."""
    labels = cyclic_labels(150, 10)
    generators = kept_generators(model)
    samples = load_generator(generators[2]).sample(150, labels, seed=5)
    found = quality_curve(generators, 2, samples, labels, mnist, judge, reference, EVALUATE)
    assert found is not None
    last = load_generator(model).sample(150, labels, EVALUATE.seed)
    for images, value in ((samples, found["values"][1]), (last, found["values"][2])):
        expected = evaluate(images, labels, mnist, judge, reference, EVALUATE, "")["metrics"]["fd_judge"]["value"]
        assert value == pytest.approx(expected, rel=1e-9)


def test_first_computed_metric_is_taken(model: Path, mnist: Dataset, judge: Judge, reference: Path) -> None:
    found = curve(model, mnist, judge, reference, metrics=("precision", "diversity", "fd_judge"))
    assert found is not None and found["metric"] == "diversity", "precision is not in evaluate.metrics"
    unfit = replace(judge, checks=replace(judge.checks, problems=("is unfit",)))
    found = curve(model, mnist, unfit, reference, metrics=("fd_judge", "diversity"))
    assert found is not None and found["metric"] == "diversity", "an unfit judge decides nothing"


def test_no_curve_without_samples_or_metric_or_training(
    model: Path, mnist: Dataset, judge: Judge, reference: Path
) -> None:
    assert curve(model, mnist, judge, reference, samples=0) is None
    assert curve(model, mnist, judge, reference, metrics=("recall",)) is None
    images = np.asarray(mnist.heldout.images[:COUNT])
    assert quality_curve({}, 0, images, None, mnist, judge, reference, EVALUATE) is None

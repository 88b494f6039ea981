import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ganpipe.common.errors import UserError
from ganpipe.common.hashing import digest
from ganpipe.data.dataset import Dataset
from ganpipe.metrics.cost import Sampler
from ganpipe.metrics.evaluate import evaluate
from ganpipe.metrics.evaluation import random_rows
from ganpipe.metrics.extractors.features import extract
from ganpipe.metrics.extractors.judge import Judge
from ganpipe.metrics.reference import build_reference
from ganpipe.metrics.registry import lookup
from ganpipe.metrics.settings import EvaluateSettings
from ganpipe.plan.metric_names import metric_names

ALL = EvaluateSettings(metrics=metric_names(), real=400, pairs=200, queries=50)
COUNT = 180


@pytest.fixture(scope="module")
def reference(mnist: Dataset, judge: Judge, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out") / "reference"
    build_reference(mnist, judge, ALL, COUNT, folder)
    return folder


@pytest.fixture(scope="module")
def record(mnist: Dataset, judge: Judge, reference: Path) -> dict[str, Any]:
    network = nn.Linear(3, 784)
    sampler = Sampler(network, lambda count: network(torch.zeros(count, 3)))
    images, labels = mnist.heldout.images[:COUNT], mnist.heldout.labels[:COUNT]
    return evaluate(images, labels, mnist, judge, reference, ALL, "the-code", sampler)


def test_every_metric_has_a_value_or_a_reason(record: dict[str, Any]) -> None:
    assert set(record["metrics"]) | set(record["absent"]) == set(metric_names())
    assert set(record["absent"]) == {"fid"}
    assert "ganpipe weights inception" in record["absent"]["fid"]
    json.dumps(record, allow_nan=False)


def test_images_that_set_the_floor_score_exactly_the_floor(mnist: Dataset, judge: Judge, reference: Path) -> None:
    # Float64 sums depend on the alignment in memory. No larger tolerance: nothing else may differ.
    for split_name in ("heldout", "train"):
        split = getattr(mnist, split_name)
        names = [name for name in metric_names() if lookup(name).floor == split_name and lookup(name).real != "none"]
        chosen = random_rows(len(split.images), COUNT, ALL.seed)
        settings = ALL.model_copy(update={"metrics": tuple(names)})

        record = evaluate(split.images[chosen], split.labels[chosen], mnist, judge, reference, settings, "")

        assert set(record["metrics"]) == set(names) - {"fid"}
        for name, entry in record["metrics"].items():
            assert entry["value"] == pytest.approx(entry["floor"], rel=1e-12), name


def test_only_the_cost_of_a_generator_has_no_floor(record: dict[str, Any]) -> None:
    without_floor = {name for name, entry in record["metrics"].items() if entry["floor"] is None}
    assert without_floor == {"parameters", "multiply_adds"}


def test_ratio_is_value_over_floor(record: dict[str, Any]) -> None:
    for name, entry in record["metrics"].items():
        expected = entry["value"] / entry["floor"] if lookup(name).ratio else None
        assert entry["ratio"] == expected


def test_every_value_has_its_protocol(record: dict[str, Any], mnist: Dataset, judge: Judge) -> None:
    for name, entry in record["metrics"].items():
        protocol = record["protocols"][entry["protocol"]]
        assert entry["protocol"] == digest(protocol)
        assert protocol["metric"] == name
        assert protocol["n_generated"] == COUNT
        assert protocol["data"] == mnist.fingerprint
        assert protocol["code"] == "the-code"
    by_name = {protocol["metric"]: protocol for protocol in record["protocols"].values()}
    assert by_name["fd_judge"]["extractor_sha256"] == judge.sha256
    assert (by_name["fd_judge"]["split"], by_name["fd_judge"]["n_real"]) == ("train", 600)
    assert (by_name["kid"]["split"], by_name["kid"]["n_real"]) == ("train", 400)
    assert (by_name["sharpness"]["extractor"], by_name["sharpness"]["n_real"]) == ("pixels", COUNT)


def test_record_does_not_depend_on_the_number_of_threads(mnist: Dataset, judge: Judge, reference: Path) -> None:
    settings = ALL.model_copy(update={"metrics": tuple(set(metric_names()) - {"transfer_accuracy"})})
    images = mnist.train.images[:COUNT]
    records = []
    before = torch.get_num_threads()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        records.append(evaluate(images, None, mnist, judge, reference, settings, ""))
    torch.set_num_threads(before)

    assert records[0] == records[1]
    assert records[0]["metrics"]["memorisation"]["value"] == 0
    assert "conditioned on class labels" in records[0]["absent"]["label_accuracy"]
    assert "the generator itself" in records[0]["absent"]["parameters"]


def test_distance_per_class_is_the_mean_of_the_distances_within_classes(
    mnist: Dataset, judge: Judge, record: dict[str, Any]
) -> None:
    """Reference: the trace of the root of a product of covariances as a nuclear norm of centred rows, in NumPy."""
    distances = []
    for number in range(10):
        rows = [
            extract(judge, split.images[:limit][split.labels[:limit] == number])[0].double().numpy()
            for split, limit in ((mnist.train, None), (mnist.heldout, COUNT))
        ]
        means = [part.mean(0) for part in rows]
        real, fake = ((part - mean) / np.sqrt(len(part) - 1) for part, mean in zip(rows, means, strict=True))
        root = np.linalg.norm(real @ fake.T, "nuc")
        between = np.square(means[0] - means[1]).sum()
        distances.append(between + np.square(real).sum() + np.square(fake).sum() - 2 * root)

    assert record["metrics"]["fd_per_class"]["value"] == pytest.approx(np.mean(distances), rel=1e-6)


def test_distance_per_class_is_absent_if_a_class_has_no_samples(mnist: Dataset, judge: Judge, reference: Path) -> None:
    labels = np.array(mnist.heldout.labels[:COUNT])
    labels[labels == 9] = 0

    record = evaluate(mnist.heldout.images[:COUNT], labels, mnist, judge, reference, ALL, "")

    assert record["absent"]["fd_per_class"].startswith("needs at least two samples and two training images of every")


def test_reason_for_too_few_samples_names_the_required_number(mnist: Dataset, judge: Judge, reference: Path) -> None:
    record = evaluate(mnist.heldout.images[:60], None, mnist, judge, reference, ALL, "")

    assert record["absent"]["fd_judge"] == "needs at least 129 samples, there are 60: raise sample.count"
    assert "precision" in record["absent"]
    assert "contrast" in record["metrics"]


def test_class_metrics_are_absent_without_classes(mnist: Dataset, judge: Judge, tmp_path: Path) -> None:
    plain = replace(mnist, classes=())
    settings = EvaluateSettings(metrics=("class_coverage", "fd_judge"))
    rotation_judge = replace(judge, task="rotations")
    build_reference(plain, rotation_judge, settings, COUNT, tmp_path / "reference")

    record = evaluate(mnist.heldout.images, None, plain, rotation_judge, tmp_path / "reference", settings, "")

    assert "judge trained on classes" in record["absent"]["class_coverage"]
    assert "fd_judge" in record["metrics"]


def test_a_judge_that_failed_its_checks_decides_nothing(mnist: Dataset, judge: Judge, reference: Path) -> None:
    failed = replace(judge, checks=replace(judge.checks, problems=("its distance does not grow",)))
    record = evaluate(mnist.heldout.images[:150], None, mnist, failed, reference, ALL, "")
    assert {"sharpness", "contrast", "diversity"} < set(record["metrics"])
    assert not any("judge" in lookup(name).requires for name in record["metrics"])
    assert "the judge failed its checks: its distance does not grow. Raise" in record["absent"]["fd_judge"]


def test_samples_of_another_shape_are_rejected(mnist: Dataset, judge: Judge, reference: Path) -> None:
    with pytest.raises(UserError, match=r"\(3, 32, 32\)"):
        evaluate(np.zeros((9, 3, 32, 32), dtype=np.uint8), None, mnist, judge, reference, ALL, "")


def test_reference_of_another_evaluation_is_rejected(mnist: Dataset, judge: Judge, reference: Path) -> None:
    images = mnist.heldout.images

    with pytest.raises(UserError, match="another judge_sha256"):
        evaluate(images, None, mnist, replace(judge, sha256="0"), reference, ALL, "")
    with pytest.raises(UserError, match="another data"):
        evaluate(images, None, replace(mnist, fingerprint="0"), judge, reference, ALL, "")
    with pytest.raises(UserError, match="another settings"):
        evaluate(images, None, mnist, judge, reference, ALL.model_copy(update={"neighbours": 3}), "")


def test_metric_without_a_floor_in_the_reference_is_rejected(mnist: Dataset, judge: Judge, tmp_path: Path) -> None:
    contrast_only = EvaluateSettings(metrics=("contrast",))
    build_reference(mnist, judge, contrast_only, 10, tmp_path / "reference")

    with pytest.raises(UserError, match="no floor of sharpness"):
        two_metrics = contrast_only.model_copy(update={"metrics": ("contrast", "sharpness")})
        evaluate(mnist.heldout.images, None, mnist, judge, tmp_path / "reference", two_metrics, "")

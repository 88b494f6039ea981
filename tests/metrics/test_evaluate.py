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
from ganpipe.metrics.extractors.judge import Judge
from ganpipe.metrics.measure import lookup
from ganpipe.metrics.reference import build_reference
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


def test_every_metric_is_there_or_says_why_not(record: dict[str, Any]) -> None:
    assert set(record["metrics"]) | set(record["absent"]) == set(metric_names())
    assert set(record["absent"]) == {"fid"}
    assert "evaluate.inception" in record["absent"]["fid"]
    json.dumps(record, allow_nan=False)


def test_real_images_are_at_the_floor(record: dict[str, Any]) -> None:
    for name, entry in record["metrics"].items():
        if entry["floor"] is None:
            assert name in ("parameters", "multiply_adds")
        elif entry["direction"] != "lower":
            assert entry["value"] == pytest.approx(entry["floor"], rel=0.25), name


def test_a_ratio_is_that_of_value_and_floor(record: dict[str, Any]) -> None:
    for name, entry in record["metrics"].items():
        expected = entry["value"] / entry["floor"] if lookup(name).ratio else None
        assert entry["ratio"] == expected


def test_every_number_carries_its_protocol(record: dict[str, Any], mnist: Dataset, judge: Judge) -> None:
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


def test_the_same_samples_give_the_same_record(mnist: Dataset, judge: Judge, reference: Path) -> None:
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
    assert "told which class" in records[0]["absent"]["label_accuracy"]
    assert "the generator itself" in records[0]["absent"]["parameters"]


def test_too_few_samples_are_told_how_many_are_needed(mnist: Dataset, judge: Judge, reference: Path) -> None:
    record = evaluate(mnist.heldout.images[:60], None, mnist, judge, reference, ALL, "")

    assert record["absent"]["fd_judge"] == "needs at least 129 images, there are 60: raise sample.count"
    assert "precision" in record["absent"]
    assert "contrast" in record["metrics"]


def test_without_classes_the_metrics_of_classes_are_absent(mnist: Dataset, judge: Judge, tmp_path: Path) -> None:
    plain = replace(mnist, classes=())
    settings = EvaluateSettings(metrics=("class_coverage", "fd_judge"))
    turner = replace(judge, task="rotations")
    build_reference(plain, turner, settings, COUNT, tmp_path / "reference")

    record = evaluate(mnist.heldout.images, None, plain, turner, tmp_path / "reference", settings, "")

    assert "judge of classes" in record["absent"]["class_coverage"]
    assert "fd_judge" in record["metrics"]


def test_samples_of_another_shape_are_refused(mnist: Dataset, judge: Judge, reference: Path) -> None:
    with pytest.raises(UserError, match=r"\(3, 32, 32\)"):
        evaluate(np.zeros((9, 3, 32, 32), dtype=np.uint8), None, mnist, judge, reference, ALL, "")


def test_a_reference_of_something_else_is_refused(mnist: Dataset, judge: Judge, reference: Path) -> None:
    images = mnist.heldout.images

    with pytest.raises(UserError, match="another judge_sha256"):
        evaluate(images, None, mnist, replace(judge, sha256="0"), reference, ALL, "")
    with pytest.raises(UserError, match="another data"):
        evaluate(images, None, replace(mnist, fingerprint="0"), judge, reference, ALL, "")
    with pytest.raises(UserError, match="another settings"):
        evaluate(images, None, mnist, judge, reference, ALL.model_copy(update={"neighbours": 3}), "")


def test_a_metric_without_a_floor_in_the_reference_is_refused(mnist: Dataset, judge: Judge, tmp_path: Path) -> None:
    one = EvaluateSettings(metrics=("contrast",))
    build_reference(mnist, judge, one, 10, tmp_path / "reference")

    with pytest.raises(UserError, match="no floor of sharpness"):
        two = one.model_copy(update={"metrics": ("contrast", "sharpness")})
        evaluate(mnist.heldout.images, None, mnist, judge, tmp_path / "reference", two, "")

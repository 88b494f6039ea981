import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ganpipe.common.errors import UserError
from ganpipe.data.dataset import Dataset
from ganpipe.metrics.classes import shares
from ganpipe.metrics.evaluate import evaluate
from ganpipe.metrics.evaluation import compared_rows, selection_rows
from ganpipe.metrics.extractors.features import extract
from ganpipe.metrics.extractors.judge import Judge
from ganpipe.metrics.kernel import mean_kernel
from ganpipe.metrics.manifold import radii
from ganpipe.metrics.reference import build_reference, load_reference
from ganpipe.metrics.settings import EvaluateSettings
from ganpipe.metrics.statistics import fit

SETTINGS = EvaluateSettings(metrics=("fd_judge", "diversity", "class_coverage", "fid", "parameters"), real=300)


def test_two_builds_have_the_same_bytes(mnist: Dataset, judge: Judge, tmp_path: Path) -> None:
    for name in ("first", "second"):
        build_reference(mnist, judge, SETTINGS, 150, tmp_path / name)

    first, second = ({p.name: p.read_bytes() for p in (tmp_path / n).iterdir()} for n in ("first", "second"))
    assert first == second
    assert str(tmp_path) not in json.dumps(str(first))


def test_reference_contains_real_statistics_floors_and_ceilings(mnist: Dataset, judge: Judge, tmp_path: Path) -> None:
    build_reference(mnist, judge, SETTINGS, 150, tmp_path / "reference")

    reference = load_reference(tmp_path / "reference")

    features, _ = extract(judge, mnist.train.images)
    torch.testing.assert_close(reference.real.gaussian.mean, fit(features).mean)
    assert reference.real.features.shape == (300, 128)
    assert torch.equal(reference.real.radii, radii(reference.real.features, SETTINGS.neighbours))
    assert reference.real.kernel == mean_kernel(reference.real.features)
    assert float(reference.real.shares.sum()) == pytest.approx(1)
    assert reference.count == 150
    assert 0 < reference.floor["fd_judge"] < reference.ceiling["fd_judge"] / 10
    assert reference.floor["class_coverage"] == 1 > reference.ceiling["class_coverage"]
    assert reference.floor["fid"] is None, "no Inception weights"
    assert reference.floor["parameters"] is None, "real images have no generator"


def test_too_few_real_images_have_no_radii_and_no_kernel(mnist: Dataset, judge: Judge, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"real": 1, "metrics": ("contrast", "kid", "recall")})
    build_reference(mnist, judge, settings, 150, tmp_path / "reference")

    reference = load_reference(tmp_path / "reference")

    assert (reference.real.radii, reference.real.kernel) == (None, None)
    assert (reference.floor["kid"], reference.floor["recall"]) == (None, None)


def test_floor_uses_at_most_the_available_images(mnist: Dataset, judge: Judge, tmp_path: Path) -> None:
    build_reference(mnist, judge, SETTINGS, 5000, tmp_path / "reference")

    assert load_reference(tmp_path / "reference").count == len(mnist.heldout.images)


def test_missing_reference_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"reference\.json: no such file"):
        load_reference(tmp_path)


def test_real_subset_depends_on_the_seed(mnist: Dataset, judge: Judge, tmp_path: Path) -> None:
    found = []
    for seed in (0, 1):
        settings = SETTINGS.model_copy(update={"seed": seed, "metrics": ("contrast",)})
        build_reference(mnist, judge, settings, 10, tmp_path / str(seed))
        found.append(load_reference(tmp_path / str(seed)).real.features.numpy())

    assert not np.array_equal(*found)


def test_selection_images_are_spread_over_the_classes_and_compared_with_nothing(mnist: Dataset) -> None:
    settings = SETTINGS.model_copy(update={"selection": 45})
    chosen, others = selection_rows(mnist, settings), compared_rows(mnist, settings)
    assert len(chosen) == 45
    np.testing.assert_array_equal(np.sort(np.concatenate([chosen, others])), np.arange(len(mnist.train.images)))
    assert mnist.train.labels is not None
    expected = np.bincount(mnist.train.labels) * 45 / len(mnist.train.labels)
    assert np.abs(np.bincount(mnist.train.labels[chosen], minlength=10) - expected).max() <= 1
    np.testing.assert_array_equal(selection_rows(mnist, settings), chosen)
    other_seed = selection_rows(mnist, settings.model_copy(update={"seed": 1}))
    assert not np.array_equal(other_seed, chosen)


def test_real_images_without_labels_are_selected_too(mnist: Dataset) -> None:
    settings = SETTINGS.model_copy(update={"selection": 7})
    plain = replace(mnist, train=mnist.train._replace(labels=None))
    assert len(set(selection_rows(plain, settings))) == 7


def test_reference_leaves_out_the_selection_images_except_for_copies(
    mnist: Dataset, judge: Judge, tmp_path: Path
) -> None:
    """A generator is trained on the selection images, too, so it may have copied them."""
    metrics = ("fd_judge", "kid", "fd_per_class", "class_balance", "near_duplicates")
    settings = SETTINGS.model_copy(update={"metrics": metrics, "real": 10_000, "selection": 100})
    build_reference(mnist, judge, settings, 150, tmp_path / "reference")

    reference = load_reference(tmp_path / "reference")
    rows = compared_rows(mnist, settings)
    features, logits = extract(judge, mnist.train.images)
    assert torch.equal(reference.real.features, features[rows])
    torch.testing.assert_close(reference.real.gaussian.mean, fit(features[rows]).mean)
    assert torch.equal(reference.real.shares, shares(logits[rows]))
    assert mnist.train.labels is not None and reference.real.class_gaussians is not None
    first = features[rows][torch.from_numpy(mnist.train.labels[rows] == 0)]
    torch.testing.assert_close(reference.real.class_gaussians[0].mean, fit(first).mean)
    assert reference.real.copying is not None
    assert len(reference.real.copying.features) == len(mnist.train.images)

    images = np.asarray(mnist.train.images[selection_rows(mnist, settings)])
    record = evaluate(images, None, mnist, judge, tmp_path / "reference", settings, "code")
    used = {fields["metric"]: fields["n_real"] for fields in record["protocols"].values()}
    assert (used["kid"], used["class_balance"], used["near_duplicates"]) == (len(rows), len(rows), len(rows) + 100)
    assert record["metrics"]["near_duplicates"]["value"] == 1, "copies of selection images are copies"
    with pytest.raises(UserError, match="built with another settings"):
        evaluate(images, None, mnist, judge, tmp_path / "reference", SETTINGS, "code")


def test_more_selection_images_than_half_are_rejected(mnist: Dataset, judge: Judge, tmp_path: Path) -> None:
    half = len(mnist.train.images) // 2
    with pytest.raises(UserError, match=rf"evaluate.selection = {half + 1}: more than half of .* Set it to {half} or"):
        build_reference(mnist, judge, SETTINGS.model_copy(update={"selection": half + 1}), 150, tmp_path / "reference")

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ganpipe.common.errors import UserError
from ganpipe.data.dataset import Dataset
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

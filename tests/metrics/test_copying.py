"""Samples that contain training images are recognised, honest ones are not."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats

from ganpipe.common.types import ImageShape
from ganpipe.data.dataset import Dataset, Split
from ganpipe.metrics import copying, scores
from ganpipe.metrics.copying import Nearest, average_pixels, c_t, copied_reason, find_nearest
from ganpipe.metrics.evaluate import evaluate
from ganpipe.metrics.extractors.judge import Judge, train_judge
from ganpipe.metrics.reference import build_reference
from ganpipe.metrics.scores import EvaluationFolders, score_run
from ganpipe.metrics.settings import EvaluateSettings, JudgeSettings

SETTINGS = EvaluateSettings(metrics=("near_duplicates", "authenticity", "c_t", "contrast"))
COUNT = 200


def features(count: int, seed: int) -> torch.Tensor:
    return torch.randn(count, 8, generator=torch.Generator().manual_seed(seed))


def test_nearest_rows_and_spacings_equal_those_of_all_pairs() -> None:
    queries, training = features(40, 0), features(90, 1)
    between = torch.cdist(queries.double(), training.double())
    within = torch.cdist(training.double(), training.double()).fill_diagonal_(torch.inf).sort(1).values

    found = find_nearest(queries, training)

    indices = between.argmin(1)
    assert torch.equal(found.indices, indices)
    torch.testing.assert_close(found.distances.double(), between.min(1).values, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found.own_distances.double(), within[indices, 0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found.spacing.double(), within[indices, 4], rtol=1e-5, atol=1e-5)


def test_copy_of_a_repeated_training_image_is_close() -> None:
    training = torch.cat([features(50, 0), features(50, 0)[:3].repeat(3, 1)])

    relative = find_nearest(training[:3] + 1e-3, training).relative

    assert float(relative.max()) < 0.01


def test_authenticity_is_the_share_of_samples_farther_than_the_nearest_training_row() -> None:
    ones = torch.ones(4)
    nearest = Nearest(torch.arange(4), distances=torch.tensor([0.5, 1.0, 1.5, 3.0]), own_distances=ones, spacing=ones)

    assert copying.authenticity(nearest) == 0.5


@pytest.mark.parametrize("shift", [-0.3, 0.0, 0.3])
def test_c_t_of_one_cell_is_the_standardised_mann_whitney_statistic(shift: float) -> None:
    random = np.random.default_rng(0)
    heldout, samples = random.exponential(size=150), random.exponential(size=200) + shift
    samples[:20] = heldout[:20]  # ties
    n, m = len(heldout), len(samples)
    statistic = stats.mannwhitneyu(samples, heldout).statistic
    expected = (statistic - n * m / 2) / (n * m * (n + m + 1) / 12) ** 0.5

    value = c_t(torch.from_numpy(heldout), torch.zeros(n), torch.from_numpy(samples), torch.zeros(m))

    assert value == pytest.approx(expected, rel=1e-9)


def test_c_t_weights_cells_by_held_out_images_and_skips_small_ones() -> None:
    random = torch.Generator().manual_seed(0)
    heldout, samples = (torch.rand(count, generator=random) for count in (130, 130))
    heldout_cells = torch.tensor([0] * 80 + [1] * 40 + [2] * 10)
    sample_cells = torch.tensor([0] * 40 + [1] * 80 + [3] * 10)
    parts = [c_t(heldout[heldout_cells == cell], heldout_cells[heldout_cells == cell],
                 samples[sample_cells == cell], sample_cells[sample_cells == cell]) for cell in (0, 1)]  # fmt: skip

    value = c_t(heldout, heldout_cells, samples, sample_cells)

    assert value == pytest.approx((80 * parts[0] + 40 * parts[1]) / 120)
    assert c_t(heldout[:5], heldout_cells[:5], samples, sample_cells) == 0


@pytest.mark.parametrize(
    ("copies", "count", "heldout", "copied"),
    [(0, 2000, 0.0, False), (20, 2000, 0.001, False), (100, 2000, 0.001, True), (100, 2000, 0.05, False),
     (10, 200, 0.0, True), (2, 200, 0.0, False), (3, 20, 0.0, True)],
)  # fmt: skip
def test_share_of_copies_must_exceed_that_of_held_out_images_with_confidence(
    copies: int, count: int, heldout: float, copied: bool
) -> None:
    reason = copied_reason(copies / count, count, heldout)

    assert bool(reason) == copied
    assert not copied or reason.startswith(f"{copies} of {count} samples are near-duplicates of training images")


def test_images_are_averaged_to_at_most_16_pixels() -> None:
    images = np.random.default_rng(0).integers(256, size=(3, 2, 32, 32), dtype=np.uint8)

    assert torch.equal(average_pixels(images)[:, 0], torch.from_numpy(images[:, 0, :2, :2].mean((1, 2))).float())
    assert [average_pixels(np.zeros((1, 1, size, size), dtype=np.uint8)).shape[1] for size in (8, 16, 28, 64)] == [
        64,
        256,
        196,
        256,
    ]


@pytest.fixture(scope="module", params=["grey", "colour"])
def unseen(request: pytest.FixtureRequest, mnist: Dataset) -> tuple[Dataset, NDArray[np.uint8], Judge]:
    """A dataset, images that are in neither of its splits (an honest generator), and a judge."""
    images, labels = np.array(mnist.train.images), np.array(mnist.train.labels)
    heldout = np.array(mnist.heldout.images)
    if request.param == "colour":
        random = np.random.default_rng(0)
        images, heldout = (
            (part * random.uniform(0.3, 1, (len(part), 3, 1, 1))).astype(np.uint8) for part in (images, heldout)
        )
    order = np.random.default_rng(1).permutation(600)
    train, rest = order[COUNT:], order[:COUNT]
    dataset = replace(
        mnist,
        train=Split(images[train], labels[train]),
        heldout=Split(heldout, mnist.heldout.labels),
        shape=ImageShape(images.shape[1], 28),
    )
    return dataset, images[rest], train_judge(dataset, JudgeSettings(epochs=8, batch_size=32, depth=0))


@pytest.fixture(scope="module")
def reference(unseen: tuple[Dataset, NDArray[np.uint8], Judge], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out") / "reference"
    build_reference(unseen[0], unseen[2], SETTINGS, COUNT, folder)
    return folder


@pytest.mark.parametrize("disturbance", [0, 10])
@pytest.mark.parametrize(
    ("percent", "expected"), [(0, "ok"), (1, "ok"), (5, "copied"), (20, "copied"), (100, "copied")]
)
def test_planted_copies_are_flagged(
    percent: int,
    expected: str,
    disturbance: float,
    unseen: tuple[Dataset, NDArray[np.uint8], Judge],
    reference: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """disturbance: standard deviation of noise on the copies, of 255."""
    dataset, honest, judge = unseen
    random = np.random.default_rng(2)
    samples, copies = honest.copy(), percent * COUNT // 100
    chosen = random.choice(len(dataset.train.images), copies, replace=False)
    noise = random.normal(0, disturbance, samples[:copies].shape)
    samples[:copies] = np.clip(dataset.train.images[chosen] + noise, 0, 255)
    (tmp_path / "status.json").write_text(json.dumps({"status": "ok", "reason": "", "epochs": 0}))
    monkeypatch.setattr(scores, "load_samples", lambda folder: (samples, None))
    monkeypatch.setattr(scores, "load_generator", lambda folder: type("Generator", (), {"network": None}))
    monkeypatch.setattr(scores, "load", lambda folder: dataset)
    monkeypatch.setattr(scores, "load_judge", lambda folder: judge)

    record = score_run({}, EvaluationFolders(*(tmp_path,) * 4, reference), SETTINGS, "")

    assert record["status"] == expected
    assert record["reason"].startswith(f"{record['metrics']['near_duplicates']['value'] * COUNT:.0f} of 200") == (
        expected == "copied"
    )


def test_failed_training_keeps_its_status() -> None:
    entry = {"value": 1.0, "floor": 0.0, "protocol": "p"}
    record = {"status": "collapsed", "metrics": {"near_duplicates": entry}, "protocols": {"p": {"n_generated": 100}}}

    assert scores._copied(record, SETTINGS) == {}
    assert scores._copied(record | {"status": "saturated"}, SETTINGS)["status"] == "copied"


def test_honest_images_are_flagged_in_less_than_1_percent_of_200_draws(mnist: Dataset) -> None:
    """Pixels only: training, held-out and honest images are drawn from the same 800 images."""
    rows = average_pixels(np.concatenate([mnist.train.images, mnist.heldout.images]))
    flagged = 0
    for seed in range(200):
        order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
        training, heldout, honest = rows[order[:500]], rows[order[500:650]], rows[order[650:]]
        calibration = find_nearest(heldout, training)
        close = copying.threshold(calibration)
        shares = [
            float((near.relative <= close).double().mean()) for near in (calibration, find_nearest(honest, training))
        ]
        flagged += bool(copied_reason(shares[1], len(honest), shares[0]))

    assert flagged <= 2


def test_authenticity_and_c_t_decrease_with_copies(
    unseen: tuple[Dataset, NDArray[np.uint8], Judge], reference: Path
) -> None:
    dataset, honest, judge = unseen
    found = []
    for copies in (0, 40, 200):
        samples = np.concatenate([dataset.train.images[:copies], honest[copies:]])
        metrics = evaluate(samples, None, dataset, judge, reference, SETTINGS, "")["metrics"]
        found.append([metrics[name]["value"] for name in ("authenticity", "c_t")])

    authenticity, z_scores = zip(*found, strict=True)
    assert authenticity[0] > authenticity[1] > authenticity[2] == 0
    # Not monotone for few copies: cells of some 20 images come and go with the rounding of the judge.
    assert z_scores[2] < min(z_scores[0], -3)


def test_too_few_held_out_images_leave_the_metrics_out(mnist: Dataset, judge: Judge, tmp_path: Path) -> None:
    heldout = Split(*(part[:10] for part in mnist.heldout if part is not None))
    few = replace(mnist, heldout=heldout)
    build_reference(few, judge, SETTINGS, 100, tmp_path / "reference")

    record = evaluate(mnist.train.images[:100], None, few, judge, tmp_path / "reference", SETTINGS, "")

    assert record["absent"]["near_duplicates"].startswith("needs at least 20 held-out and 6 training images")

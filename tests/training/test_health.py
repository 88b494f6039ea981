"""The rules that detect a failed training, each at its boundary."""

import numpy as np
import pytest
import torch

from ganpipe.objectives.registry import build_objective
from ganpipe.training import health


def means(**changes: float) -> dict[str, float]:
    return {"acc_real": 0.8, "acc_fake": 0.8, "d_real": 0.6, "d_fake_1": 0.4} | changes


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("bce", True),
        ("sigmoid_bce", True),
        ("minimax_bce", True),
        ("least_squares", False),
        ("hinge", False),
        ("wasserstein", False),
    ],
)
def test_discriminator_that_is_correct_on_every_image_saturates_some_losses(loss: str, expected: bool) -> None:
    objective = build_objective(loss, 1.0, 0.0)
    reason = health.saturated(means(acc_real=0.9995, acc_fake=1.0), objective)
    assert ("classified 99.95%" in reason) is bool(reason) is expected
    assert health.saturated(means(acc_real=0.998, acc_fake=1.0), objective) == ""


@pytest.mark.parametrize(
    ("loss", "expected"),
    [("bce", True), ("least_squares", True), ("hinge", False), ("wasserstein", False), ("relativistic", False)],
)
def test_scores_at_the_targets_saturate_losses_with_targets(loss: str, expected: bool) -> None:
    # Document 002, experiment 1: loss of D 0.003, loss of G 0.999 (so D(G(z)) is near 0), accuracies printed as 50 %.
    objective = build_objective(loss, 1.0, 0.0)
    reason = health.saturated(means(acc_real=0.4997, acc_fake=0.5, d_real=0.99, d_fake_1=0.001), objective)
    assert ("scored real images 0.990 and generated ones 0.001" in reason) is bool(reason) is expected
    assert health.saturated(means(acc_real=0.5, acc_fake=0.5, d_real=0.5, d_fake_1=0.5), objective) == ""


def test_method_without_a_discriminator_cannot_saturate() -> None:
    images = np.random.default_rng(0).integers(0, 256, (64, 1, 8, 8)).astype(np.uint8)
    perfect = means(acc_real=1.0, acc_fake=1.0)
    assert health.failure(images, images, perfect, None) == ("ok", "")
    assert health.failure(images, images, perfect, build_objective("bce", 1.0, 0.0))[0] == "saturated"
    assert health.failure(images, images, {}, build_objective("bce", 1.0, 0.0)) == ("ok", "")


@pytest.mark.parametrize(("value", "expected"), [(2e4, "has grown"), (float("nan"), "not finite"), (9e3, "")])
def test_losses_that_grow_or_are_not_finite_are_divergence(value: float, expected: str) -> None:
    found = health.diverged_losses(torch.full((5, 1), value), ["loss_g"])
    assert expected in found and bool(found) == bool(expected)


def test_large_outputs_are_not_divergence() -> None:
    assert health.diverged_losses(torch.full((5, 1), 1e6), ["d_real"]) == ""


def test_weights_that_grow_are_divergence() -> None:
    layer = torch.nn.Linear(3, 3)
    assert health.diverged_weights({"generator": layer}) == ""
    torch.nn.init.constant_(layer.weight, 200.0)
    assert "weight of the generator has grown" in health.diverged_weights({"generator": layer})


@pytest.mark.parametrize(("ratio", "expected"), [(0.05, True), (0.2, False)])
def test_images_that_hardly_differ_are_collapse(ratio: float, expected: bool) -> None:
    random = np.random.default_rng(0)
    real = random.integers(0, 256, (64, 1, 8, 8)).astype(np.uint8)
    generated = (128 + (real.astype(float) - 128) * ratio).astype(np.uint8)
    assert bool(health.collapsed(generated, real)) is expected

"""The rules that detect a failed training, each at its boundary."""

import numpy as np
import pytest
import torch

from ganpipe.training import health


def means(**changes: float) -> dict[str, float]:
    return {"acc_real": 0.8, "acc_fake": 0.8, "d_real": 0.6, "d_fake_1": 0.4} | changes


def test_discriminator_that_is_correct_on_every_image_is_saturated() -> None:
    assert "classified 99.95%" in health.saturated(means(acc_real=0.9995, acc_fake=1.0))
    assert health.saturated(means(acc_real=0.998, acc_fake=1.0)) == ""


def test_saturated_discriminator_of_document_002_is_recognised() -> None:
    # Experiment 1: loss of D 0.003, loss of G 0.999 (so D(G(z)) is near 0), accuracies printed as 50 %.
    printed = means(acc_real=0.4997, acc_fake=0.5, d_real=0.99, d_fake_1=0.001)
    assert "scored real images 0.990 and generated ones 0.001" in health.saturated(printed)
    assert health.saturated(means(acc_real=0.5, acc_fake=0.5, d_real=0.5, d_fake_1=0.5)) == ""


def test_family_without_a_discriminator_cannot_saturate() -> None:
    assert health.saturated({"loss": 0.0}) == ""


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

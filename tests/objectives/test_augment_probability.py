"""The probability of augmentations: independent per image, and adapted so that D's overfitting keeps its target."""

import pytest
import torch
from torch import Tensor

from ganpipe.common.schedule import AdaptiveAugmentation, Schedule
from ganpipe.objectives.augment_probability import INTERVAL, build_probability
from ganpipe.objectives.registry import build_augmentation

CPU = torch.device("cpu")
ZEROS = torch.zeros(4000, 1, 1, 1)


def fraction_changed(probability: float | Schedule) -> float:
    torch.manual_seed(0)
    return build_probability(probability, CPU).select(ZEROS + 1, ZEROS).mean().item()


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_each_image_is_augmented_with_the_probability(probability: float) -> None:
    assert abs(fraction_changed(probability) - probability) < 0.03
    assert fraction_changed(Schedule(start=probability)) == pytest.approx(probability, abs=0.03)


def test_the_choice_is_independent_for_each_image_and_augmentation() -> None:
    torch.manual_seed(0)
    images = torch.rand(2000, 1, 8, 8) + 2
    augmented = build_augmentation(["color", "cutout"], build_probability(0.5, CPU))(images)
    hole = (augmented == 0).flatten(1).any(1)
    kept = torch.where(augmented == 0, images, augmented)
    coloured = (kept != images).flatten(1).any(1)
    for chosen in (hole, coloured, hole & coloured, hole & ~coloured):
        share = chosen.float().mean().item()
        assert abs(share - (0.5 if chosen is hole or chosen is coloured else 0.25)) < 0.06


def test_a_constant_of_one_draws_no_random_numbers() -> None:
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    build_probability(1.0, CPU).select(ZEROS, ZEROS)
    assert torch.equal(torch.rand(1), expected)


def test_a_schedule_is_followed() -> None:
    probability = build_probability(Schedule(start=0, end=1, shape="linear"), CPU)
    probability.set_step(3, 4)
    assert probability.value == 0.75


def logits_with_mean_sign(mean: float, count: int) -> Tensor:
    """Logits of which the given share is positive, by the boundary 0.5 of a least-squares loss."""
    positive = round(count * (1 + mean) / 2)
    return torch.cat([torch.ones(positive), torch.zeros(count - positive)])


@pytest.mark.parametrize("target", [0.2, 0.6])
def test_controller_holds_its_target(target: float) -> None:
    """A simulated discriminator whose overfitting falls with the augmentation: r = 0.9 - p."""
    probability = build_probability(AdaptiveAugmentation(target=target, images=20_000), CPU)
    signs = []
    for _ in range(2000):
        sign = 0.9 - float(probability.value)
        probability.observe(logits_with_mean_sign(sign, 100), 0.5)
        signs.append(sign)
    assert abs(sum(signs[-400:]) / 400 - target) < 0.03
    assert abs(float(probability.value) - (0.9 - target)) < 0.05


def test_speed_and_bounds_of_the_controller() -> None:
    """With r above the target throughout, p reaches 1 after the stated number of images and stays there."""
    probability = build_probability(AdaptiveAugmentation(target=0.6, images=100 * 4 * 10), CPU)
    for step in range(1, 60):
        probability.observe(torch.ones(100), 0.0)
        assert float(probability.value) == pytest.approx(min(step // INTERVAL / 10, 1))
    for _ in range(100):
        probability.observe(-torch.ones(100), 0.0)
    assert float(probability.value) == 0


def test_controller_averages_over_its_interval() -> None:
    """One step below the target outweighs three slightly above it."""
    probability = build_probability(AdaptiveAugmentation(target=0.6, images=4000), CPU)
    probability.value = torch.tensor(0.5)
    for mean in (0.7, 0.7, 0.7, -1.0):
        probability.observe(logits_with_mean_sign(mean, 100), 0.5)
    assert float(probability.value) == pytest.approx(0.5 - 0.1)

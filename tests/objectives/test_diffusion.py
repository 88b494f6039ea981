"""Schedule and sampling step against slow scalar implementations."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganpipe.objectives.diffusion import add_noise, cosine_schedule, ddim_step, ddim_times


def slow_cosine_schedule(steps):
    """Equation 17 of Nichol and Dhariwal (2021), betas clipped at 0.999, as a running product."""

    def curve(time):
        return math.cos((time / steps + 0.008) / 1.008 * math.pi / 2) ** 2

    alpha_bar, schedule = 1.0, []
    for time in range(1, steps + 1):
        beta = min(1 - (curve(time) / curve(0)) / (curve(time - 1) / curve(0)), 0.999)
        alpha_bar *= 1 - beta
        schedule.append(alpha_bar)
    return schedule


@pytest.mark.parametrize("steps", [1, 10, 1000])
def test_the_cosine_schedule_equals_the_slow_implementation(steps):
    alpha_bar = cosine_schedule(steps)
    assert alpha_bar.dtype == torch.float64
    assert alpha_bar.tolist() == pytest.approx(slow_cosine_schedule(steps), rel=1e-9)


@given(st.integers(1, 2000))
def test_alpha_bar_decreases_within_zero_and_one(steps):
    alpha_bar = cosine_schedule(steps)
    assert alpha_bar.shape == (steps,)
    assert ((alpha_bar > 0) & (alpha_bar < 1)).all()
    assert (alpha_bar.diff() < 0).all()


def test_noisy_images_keep_unit_variance():
    torch.manual_seed(0)
    images, noise = torch.randn(3, 2, 100, 100), torch.randn(3, 2, 100, 100)
    alpha_bar = torch.tensor([0.9, 0.5, 0.01], dtype=torch.float64)
    noisy = add_noise(images, noise, alpha_bar)
    for image in range(3):
        level = alpha_bar[image].item()
        expected = math.sqrt(level) * images[image] + math.sqrt(1 - level) * noise[image]
        torch.testing.assert_close(noisy[image], expected)
    assert noisy.dtype == torch.float32
    assert noisy.std().item() == pytest.approx(1, abs=0.02)


@given(st.integers(1, 1000).flatmap(lambda steps: st.tuples(st.just(steps), st.integers(1, steps))))
def test_sampling_times_decrease_from_pure_noise_to_zero(case):
    steps, count = case
    times = ddim_times(steps, count)
    assert len(times) == count
    assert times[0] == steps - 1
    assert count == 1 or times[-1] == 0
    assert all(later < earlier for earlier, later in itertools.pairwise(times))


def test_ddim_with_the_true_noise_follows_the_forward_process_backwards():
    torch.manual_seed(0)
    image = torch.rand(1, 1, 8, 8, dtype=torch.float64) * 2 - 1
    noise = torch.randn_like(image)
    alpha_bar = cosine_schedule(1000)
    times = ddim_times(1000, 10)
    noisy = add_noise(image, noise, alpha_bar[times[:1]])
    for now, later in zip(times, [*times[1:], None], strict=True):
        following = 1.0 if later is None else alpha_bar[later].item()
        noisy = ddim_step(noisy, noise, alpha_bar[now].item(), following)
        expected = math.sqrt(following) * image + math.sqrt(1 - following) * noise
        torch.testing.assert_close(noisy, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(noisy, image, rtol=1e-4, atol=1e-4)


def test_a_predicted_image_outside_the_range_is_clamped_and_the_noise_adjusted():
    noisy, predicted = torch.tensor([2.0, -0.1]), torch.tensor([-1.0, 0.2])
    alpha_bar, following = 0.64, 0.36
    # Images (2 + 0.6) / 0.8 = 3.25, clamped to 1, and (-0.1 - 0.12) / 0.8 = -0.275.
    # Noises (2 - 0.8) / 0.6 = 2, and the prediction itself.
    expected = torch.tensor([0.6 * 1 + 0.8 * 2, 0.6 * -0.275 + 0.8 * 0.2])
    torch.testing.assert_close(ddim_step(noisy, predicted, alpha_bar, following), expected)

"""The schedule and the sampler against slow forms written out number by number."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganpipe.objectives.diffusion import add_noise, cosine_signal, ddim_step, ddim_times


def slow_cosine_signal(steps):
    """Equation 17 of Nichol and Dhariwal (2021), betas held at 0.999, multiplied up one by one."""

    def curve(time):
        return math.cos((time / steps + 0.008) / 1.008 * math.pi / 2) ** 2

    signal, signals = 1.0, []
    for time in range(1, steps + 1):
        beta = min(1 - (curve(time) / curve(0)) / (curve(time - 1) / curve(0)), 0.999)
        signal *= 1 - beta
        signals.append(signal)
    return signals


@pytest.mark.parametrize("steps", [1, 10, 1000])
def test_the_cosine_schedule_equals_its_slow_form(steps):
    signal = cosine_signal(steps)
    assert signal.dtype == torch.float64
    assert signal.tolist() == pytest.approx(slow_cosine_signal(steps), rel=1e-9)


@given(st.integers(1, 2000))
def test_the_signal_falls_and_stays_positive(steps):
    signal = cosine_signal(steps)
    assert signal.shape == (steps,)
    assert ((signal > 0) & (signal < 1)).all()
    assert (signal.diff() < 0).all()


def test_noise_keeps_the_variance():
    torch.manual_seed(0)
    images, noise = torch.randn(3, 2, 100, 100), torch.randn(3, 2, 100, 100)
    signal = torch.tensor([0.9, 0.5, 0.01], dtype=torch.float64)
    noisy = add_noise(images, noise, signal)
    for image in range(3):
        share = signal[image].item()
        expected = math.sqrt(share) * images[image] + math.sqrt(1 - share) * noise[image]
        torch.testing.assert_close(noisy[image], expected)
    assert noisy.dtype == torch.float32
    assert noisy.std().item() == pytest.approx(1, abs=0.02)


@given(st.integers(1, 1000).flatmap(lambda steps: st.tuples(st.just(steps), st.integers(1, steps))))
def test_times_fall_from_the_noisiest_to_the_cleanest(case):
    steps, count = case
    times = ddim_times(steps, count)
    assert len(times) == count
    assert times[0] == steps - 1
    assert count == 1 or times[-1] == 0
    assert all(later < earlier for earlier, later in itertools.pairwise(times))


def test_with_the_true_noise_every_step_lands_on_the_true_path():
    torch.manual_seed(0)
    image = torch.rand(1, 1, 8, 8, dtype=torch.float64) * 2 - 1
    noise = torch.randn_like(image)
    signal = cosine_signal(1000)
    times = ddim_times(1000, 10)
    noisy = add_noise(image, noise, signal[times[:1]])
    for now, later in zip(times, [*times[1:], None], strict=True):
        next_signal = 1.0 if later is None else signal[later].item()
        noisy = ddim_step(noisy, noise, signal[now].item(), next_signal)
        expected = math.sqrt(next_signal) * image + math.sqrt(1 - next_signal) * noise
        torch.testing.assert_close(noisy, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(noisy, image, rtol=1e-4, atol=1e-4)


def test_a_guess_outside_the_range_is_held_and_the_noise_made_to_agree():
    noisy, guess = torch.tensor([2.0, -0.1]), torch.tensor([-1.0, 0.2])
    signal, next_signal = 0.64, 0.36
    # Images (2 + 0.6) / 0.8 = 3.25, held at 1, and (-0.1 - 0.12) / 0.8 = -0.275.
    # Noises (2 - 0.8) / 0.6 = 2, and the guess itself.
    expected = torch.tensor([0.6 * 1 + 0.8 * 2, 0.6 * -0.275 + 0.8 * 0.2])
    torch.testing.assert_close(ddim_step(noisy, guess, signal, next_signal), expected)

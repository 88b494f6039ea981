"""Preconditioning, noise levels and loss of EDM against the paper's formulas in plain NumPy."""

import math

import numpy as np
import pytest
import torch

from ganpipe.objectives.edm import NOISE_SCALE, Preconditioning, log_normal_levels, noise_levels

SIGMAS = np.array([0.002, 0.06, 0.5, 1.3, 80.0])
DATA = 0.6
TABLE = {
    "c_skip": DATA**2 / (SIGMAS**2 + DATA**2),
    "c_out": SIGMAS * DATA / np.sqrt(DATA**2 + SIGMAS**2),
    "c_in": 1 / np.sqrt(SIGMAS**2 + DATA**2),
    "c_noise": np.log(SIGMAS) / 4,
    "loss_weight": (SIGMAS**2 + DATA**2) / (SIGMAS * DATA) ** 2,
}
"""Table 1 of Karras et al. 2022, column "Ours"."""


@pytest.mark.parametrize("name", TABLE)
def test_the_functions_of_sigma_are_those_of_the_table(name: str) -> None:
    found = getattr(Preconditioning(DATA), name)(torch.from_numpy(SIGMAS))
    np.testing.assert_allclose(found.numpy(), TABLE[name], rtol=1e-12)


def fake_network(x, times, labels):
    """Depends on the image, the time and the label."""
    return x.tanh() + 1e-4 * times.view(-1, 1, 1, 1) + labels.view(-1, 1, 1, 1)


def test_denoised_images_and_loss_equal_loops_over_images():
    torch.manual_seed(0)
    images, noise = torch.randn(2, 5, 2, 3, 3, dtype=torch.float64)
    sigma, labels = torch.from_numpy(SIGMAS), torch.arange(5)
    preconditioning = Preconditioning(DATA)
    denoised = preconditioning.denoise(fake_network, images, sigma, labels)
    losses = []
    for index, (y, n, level) in enumerate(zip(images.numpy(), noise.numpy(), SIGMAS, strict=True)):
        spread = math.sqrt(level**2 + DATA**2)

        def d(x, level=level, spread=spread, index=index):
            f = np.tanh(x / spread) + 1e-4 * NOISE_SCALE * math.log(level) / 4 + index
            return DATA**2 / spread**2 * x + level * DATA / spread * f

        np.testing.assert_allclose(denoised[index].numpy(), d(y), rtol=1e-12)
        losses.append(spread**2 / (level * DATA) ** 2 * ((d(y + level * n) - y) ** 2).mean())
    loss = preconditioning.loss(fake_network, images, sigma, noise, labels)
    assert loss.item() == pytest.approx(np.mean(losses), rel=1e-12)


def test_inputs_targets_and_the_first_loss_have_unit_size_at_every_noise_level():
    """What the table is derived from (appendix B.6), on images of standard deviation sigma_data."""
    torch.manual_seed(0)
    images, noise = DATA * torch.randn(4, 10_000, dtype=torch.float64), torch.randn(4, 10_000, dtype=torch.float64)
    preconditioning = Preconditioning(DATA)
    for sigma in torch.tensor([0.01, 0.5, 20.0], dtype=torch.float64):
        noisy = images + sigma * noise
        target = (images - preconditioning.c_skip(sigma) * noisy) / preconditioning.c_out(sigma)
        assert (preconditioning.c_in(sigma) * noisy).std().item() == pytest.approx(1, abs=0.02)
        assert target.std().item() == pytest.approx(1, abs=0.02)

    def zero(x, times, labels):
        return torch.zeros_like(x)

    shape = (4, 1, 100, 100)
    loss = preconditioning.loss(zero, images.view(shape), torch.tensor([0.01, 0.5, 3.0, 20.0]), noise.view(shape), None)
    assert loss.item() == pytest.approx(1, abs=0.02)


def test_the_logarithms_of_the_levels_are_normal():
    torch.manual_seed(0)
    logarithms = log_normal_levels(torch.empty(20_000, 1)).double().log()
    assert logarithms.mean().item() == pytest.approx(-1.2, abs=0.03)
    for level, share in ((-2.4, 0.1587), (-0.6, 0.6915), (1.2, 0.9772)):
        assert (logarithms < level).double().mean().item() == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize(("steps", "rho"), [(1, 7), (2, 7), (5, 1), (13, 7), (18, 3.5)])
def test_the_noise_levels_are_those_of_equation_5(steps, rho):
    i = np.arange(steps)
    expected = (80 ** (1 / rho) + i / max(steps - 1, 1) * (0.002 ** (1 / rho) - 80 ** (1 / rho))) ** rho
    np.testing.assert_allclose(noise_levels(steps, 0.002, 80, rho), [*expected, 0], rtol=1e-9)

"""Denoising with preconditioned networks (EDM, Karras et al. 2022, arXiv:2206.00364).

Notation: x = y + sigma n with an image y, n ~ N(0, I) and a noise level sigma > 0. The denoiser D(x; sigma) predicts y:
D = c_skip x + c_out F(c_in x; c_noise), where F is the network. Along dx/dsigma = (x - D(x; sigma)) / sigma, noise of
the level sigma_max becomes an image as sigma falls to 0 (equations 1 and 3 with sigma(t) = t and s(t) = 1).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

LOG_MEAN, LOG_STD = -1.2, 1.2
"""P_mean and P_std: mean and standard deviation of ln(sigma) in training (table 1)."""

NOISE_SCALE = 1000.0
"""Networks receive 1000 c_noise: their time embeddings expect the range of the time steps of a diffusion model."""

Network = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""Function (images, times, labels) -> prediction of the shape of the images."""


@dataclass(frozen=True)
class Preconditioning:
    """The functions of sigma of table 1 (column "Ours"), for noise levels of any shape.

    sigma_data: standard deviation of the pixel values of the images.
    """

    sigma_data: float

    def c_skip(self, sigma: Tensor) -> Tensor:
        """Return the factor of the noisy image in the denoised one."""
        return self.sigma_data**2 / (sigma**2 + self.sigma_data**2)

    def c_out(self, sigma: Tensor) -> Tensor:
        """Return the factor of the network's output, whose target has unit variance at every noise level."""
        return sigma * self.sigma_data / (sigma**2 + self.sigma_data**2).sqrt()

    def c_in(self, sigma: Tensor) -> Tensor:
        """Return the factor of the network's input, which has unit variance at every noise level."""
        return 1 / (sigma**2 + self.sigma_data**2).sqrt()

    def c_noise(self, sigma: Tensor) -> Tensor:
        """Return the noise level as the network receives it, up to the factor NOISE_SCALE."""
        return sigma.log() / 4

    def loss_weight(self, sigma: Tensor) -> Tensor:
        """Return lambda, the weight of |D(x; sigma) - y|^2: initially the loss is about 1 at all noise levels."""
        return (sigma**2 + self.sigma_data**2) / (sigma * self.sigma_data) ** 2

    def denoise(self, network: Network, x: Tensor, sigma: Tensor, labels: Tensor | None) -> Tensor:
        """Return D(x; sigma) of noisy images (N, C, H, W) at their noise levels (N,) (equation 7)."""
        level = sigma[:, None, None, None]
        prediction = network(self.c_in(level) * x, NOISE_SCALE * self.c_noise(sigma), labels)
        return self.c_skip(level) * x + self.c_out(level) * prediction

    def loss(self, network: Network, images: Tensor, sigma: Tensor, noise: Tensor, labels: Tensor | None) -> Tensor:
        """Return the weighted mean squared error of the denoised images (equation 8 for one batch).

        images (N, C, H, W); noise: standard normal, of the same shape; sigma (N,).
        """
        level = sigma[:, None, None, None]
        error = self.denoise(network, images + level * noise, sigma, labels) - images
        return (self.loss_weight(level) * error.square()).mean()


def log_normal_levels(images: Tensor) -> Tensor:
    """Draw one noise level per image, ln(sigma) ~ N(LOG_MEAN, LOG_STD^2)."""
    return (LOG_MEAN + LOG_STD * torch.randn(len(images), device=images.device)).exp()


def noise_levels(steps: int, sigma_min: float, sigma_max: float, rho: float) -> list[float]:
    """Return the `steps + 1` noise levels at the ends of sampling steps, from sigma_max over sigma_min to 0.

    All but the last are equally spaced in sigma^(1 / rho) (equation 5): the larger rho, the shorter the last steps. A
    single step leads from sigma_max to 0.
    """
    largest, smallest = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    fractions = [number / max(steps - 1, 1) for number in range(steps)]
    return [*((largest + fraction * (smallest - largest)) ** rho for fraction in fractions), 0.0]

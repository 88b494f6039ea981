"""Deterministic sampling from a preconditioned denoiser (EDM, Karras et al. 2022, algorithm 1)."""

import torch
from torch import Tensor, nn

from ganpipe.common.types import ImageShape
from ganpipe.objectives.edm import Preconditioning, noise_levels
from ganpipe.objectives.ode import integrate
from ganpipe.sampling.description import Description
from ganpipe.sampling.guidance import GuidedSampler, build_guided_network

_LIMITS = {"sigma_min": (1e-4, 1e4), "sigma_max": (1e-4, 1e4), "sigma_data": (1e-4, 1e4), "rho": (1, 100)}
"""Outside of these, noise levels overflow. The same as those of the settings."""


def build(description: Description) -> nn.Module:
    """Build the network, wrapped in its sampler."""
    network = build_guided_network(description.network, description.image, description.classes, description.options)
    return EdmSampler(network, description.image, description.classes, **description.sampling)


class EdmSampler(GuidedSampler):
    """Solver of dx/dsigma = (x - D(x; sigma)) / sigma from noise of level sigma_max to images.

    evaluations: times at which the network is evaluated. solver: one of `ganpipe.objectives.ode`. The last step, to a
    noise level of 0, is an Euler step; the last two are if the number of evaluations is even and the solver takes two.
    sigma_data: see `Preconditioning`. sigma_min, sigma_max, rho: see `noise_levels`.
    classes, guidance: see `GuidedSampler`; guiding the velocity is guiding D, because it is linear in D.
    Raises ValueError for noise levels outside of the supported ranges.
    """

    def __init__(
        self,
        network: nn.Module,
        image: ImageShape,
        classes: int,
        evaluations: int,
        solver: str,
        guidance: float,
        sigma_data: float,
        sigma_min: float,
        sigma_max: float,
        rho: float,
    ) -> None:
        super().__init__(network, image, classes, guidance)
        given = {"sigma_min": sigma_min, "sigma_max": sigma_max, "sigma_data": sigma_data, "rho": rho}
        if any(not low <= given[name] <= high for name, (low, high) in _LIMITS.items()) or sigma_min >= sigma_max:
            raise ValueError(f"sampler: noise levels {given} are not possible.")
        self.evaluations, self.solver, self.preconditioning = evaluations, solver, Preconditioning(sigma_data)
        self.sigma_min, self.sigma_max, self.rho = sigma_min, sigma_max, rho

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Map noise (N, C*H*W) and labels (N,) or None to images (N, C, H, W) in [-1, 1]."""

        def velocity(x: Tensor, sigma: float) -> Tensor:
            return self.guided_velocity(x, sigma, labels)

        def levels(steps: int) -> list[float]:
            return noise_levels(steps, self.sigma_min, self.sigma_max, self.rho)

        noise = self.sigma_max * self.as_images(z)
        return integrate(velocity, noise, self.evaluations, self.solver, levels, end_with_euler=True).clamp(-1, 1)

    def velocity(self, x: Tensor, t: float, labels: Tensor | None) -> Tensor:
        """See `GuidedSampler`; t is the noise level sigma."""
        sigma = torch.full((len(x),), t, dtype=x.dtype, device=x.device)
        return (x - self.preconditioning.denoise(self.network, x, sigma, labels)) / t

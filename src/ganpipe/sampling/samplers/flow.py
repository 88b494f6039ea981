"""Sampling from a flow model: integration of its velocity from noise to images."""

import torch
from torch import Tensor, nn

from ganpipe.common.types import ImageShape
from ganpipe.objectives.flow import TIME_SCALE
from ganpipe.objectives.ode import integrate
from ganpipe.sampling.description import Description
from ganpipe.sampling.guidance import GuidedSampler, build_guided_network


def build(description: Description) -> nn.Module:
    """Build the velocity network, wrapped in its sampler."""
    network = build_guided_network(description.network, description.image, description.classes, description.options)
    return FlowSampler(network, description.image, description.classes, **description.sampling)


class FlowSampler(GuidedSampler):
    """Solver of dx/dt = v(x, t) from noise (t = 1) to images (t = 0), with classifier-free guidance.

    evaluations: times at which the network is evaluated. solver: one of `ganpipe.objectives.ode`.
    classes, guidance: see `GuidedSampler`.
    """

    def __init__(
        self, network: nn.Module, image: ImageShape, classes: int, evaluations: int, solver: str, guidance: float
    ) -> None:
        super().__init__(network, image, classes, guidance)
        self.evaluations, self.solver = evaluations, solver

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Map noise (N, C*H*W) and labels (N,) or None to images (N, C, H, W) in [-1, 1]."""

        def velocity(x: Tensor, t: float) -> Tensor:
            return self.guided_velocity(x, t, labels)

        return integrate(velocity, self.as_images(z), self.evaluations, self.solver).clamp(-1, 1)

    def velocity(self, x: Tensor, t: float, labels: Tensor | None) -> Tensor:
        """See `GuidedSampler`."""
        times = torch.full((len(x),), TIME_SCALE * t, dtype=x.dtype, device=x.device)
        velocity: Tensor = self.network(x, times, labels)
        return velocity

"""Sampling from a flow model: integration of its velocity from noise to images."""

import torch
from torch import Tensor, nn

from ganpipe.common.types import ImageShape
from ganpipe.nets.conditional import require_labels
from ganpipe.nets.registry import build_denoiser
from ganpipe.objectives.flow import TIME_SCALE
from ganpipe.objectives.ode import integrate
from ganpipe.sampling.description import Description


def build(description: Description) -> nn.Module:
    """Build the velocity network, wrapped in its sampler."""
    network = build_velocity(description.network, description.image, description.classes, description.options)
    return FlowSampler(network, description.image, description.classes, **description.sampling)


def build_velocity(network: str, image: ImageShape, classes: int, options: dict[str, object]) -> nn.Module:
    """Return a network with new weights; if conditional, with one more label that stands for no class."""
    return build_denoiser(network, image, classes + 1 if classes else 0, options)


class FlowSampler(nn.Module):
    """Solver of dx/dt = v(x, t) from noise (t = 1) to images (t = 0), with classifier-free guidance.

    classes: number of classes, which is also the label of no class; 0 if unconditional.
    evaluations: times at which the network is evaluated. solver: one of `ganpipe.objectives.ode`.
    guidance: w in v(none) + w (v(label) - v(none)) (Ho and Salimans 2022, equation 6 with 1 + w there as w here).
    At 1 the network is evaluated with the labels alone; otherwise each evaluation is a batch of twice the size.
    """

    def __init__(
        self, network: nn.Module, image: ImageShape, classes: int, evaluations: int, solver: str, guidance: float
    ) -> None:
        super().__init__()
        self.network = network
        self.image, self.classes = image, classes
        self.evaluations, self.solver, self.guidance = evaluations, solver, guidance

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Map noise (N, C*H*W) and labels (N,) or None to images (N, C, H, W) in [-1, 1]."""
        noise = z.view(-1, self.image.channels, self.image.size, self.image.size)
        return integrate(lambda x, t: self._velocity(x, t, labels), noise, self.evaluations, self.solver).clamp(-1, 1)

    def _velocity(self, x: Tensor, t: float, labels: Tensor | None) -> Tensor:
        if not self.classes or self.guidance == 1:
            return self._evaluate(x, t, labels)
        given = require_labels(labels)
        twice = torch.cat([torch.full_like(given, self.classes), given])
        without, conditional = self._evaluate(torch.cat([x, x]), t, twice).chunk(2)
        return without + self.guidance * (conditional - without)

    def _evaluate(self, x: Tensor, t: float, labels: Tensor | None) -> Tensor:
        times = torch.full((len(x),), TIME_SCALE * t, dtype=x.dtype, device=x.device)
        velocity: Tensor = self.network(x, times, labels)
        return velocity

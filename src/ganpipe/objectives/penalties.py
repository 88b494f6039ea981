"""Gradient penalties, one function per value of the setting `penalty`.

A penalty is a function (discriminator, real, fake, weight) -> scalar that is added to the loss of D. `discriminator`
maps images (N, C, H, W) to logits (N,); labels are already bound. A logit must not depend on the other images of its
batch, which rules out batch normalisation. The images are detached: no gradient reaches the generator.
"""

from collections.abc import Callable

import torch
from torch import Tensor

LogitFunction = Callable[[Tensor], Tensor]


def gradient_penalty(discriminator: LogitFunction, real: Tensor, fake: Tensor, weight: float) -> Tensor:
    """WGAN-GP (Gulrajani et al. 2017, equation 3): weight * E[(|grad D(x)| - 1)^2].

    x is a random point on the line between a real and a generated image; one uniform number is drawn per pair.
    """
    epsilon = torch.rand(len(real), 1, 1, 1, device=real.device).to(real.dtype)
    gradients = _input_gradients(discriminator, torch.lerp(real.detach(), fake.detach(), epsilon))
    # The subgradient of vector_norm at zero is zero, so a constant discriminator gives finite gradients.
    norms: Tensor = torch.linalg.vector_norm(gradients, dim=1)
    return weight * (norms - 1).square().mean()


def r1(discriminator: LogitFunction, real: Tensor, _fake: Tensor, weight: float) -> Tensor:
    """R1 (Mescheder et al. 2018, equation 9): weight / 2 * E[|grad D(x)|^2] at real images x."""
    return weight / 2 * _input_gradients(discriminator, real).square().sum(dim=1).mean()


def r2(discriminator: LogitFunction, _real: Tensor, fake: Tensor, weight: float) -> Tensor:
    """R2 (Mescheder et al. 2018, equation 10): weight / 2 * E[|grad D(x)|^2] at generated images x."""
    return weight / 2 * _input_gradients(discriminator, fake).square().sum(dim=1).mean()


def r1_r2(discriminator: LogitFunction, real: Tensor, fake: Tensor, weight: float) -> Tensor:
    """R1 + R2, as in R3GAN (Huang et al. 2024)."""
    return r1(discriminator, real, fake, weight) + r2(discriminator, real, fake, weight)


def _input_gradients(discriminator: LogitFunction, images: Tensor) -> Tensor:
    """Return the gradient of each image's logit with respect to the image, flattened to (N, C*H*W)."""
    images = images.detach().requires_grad_()
    (gradients,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
    return gradients.flatten(1)

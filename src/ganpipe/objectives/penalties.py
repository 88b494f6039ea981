"""Penalties on the discriminator's gradient at its input: one function each, named as the setting names it.

A penalty is a function (discriminator, real, fake, weight) -> scalar to be added to the discriminator's loss.
`discriminator` maps images (N, C, H, W) to logits (N,), labels already bound; the logit of an image must not
depend on the other images of its batch, so no batch normalisation. Each image is a new leaf of the graph: no
gradient reaches the generator.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Critic = Callable[[Tensor], Tensor]


def gradient_penalty(discriminator: Critic, real: Tensor, fake: Tensor, weight: float) -> Tensor:
    """WGAN-GP (Gulrajani et al. 2017, equation 3): weight * E[(|grad D(x)| - 1)^2], x between real and fake.

    The places between are drawn from torch's global CPU generator, one for each pair of images.
    """
    places = torch.rand(len(real), 1, 1, 1).to(real)
    gradients = _input_gradients(discriminator, torch.lerp(real.detach(), fake.detach(), places))
    # The gradient of this norm is 0, not infinite, where the norm is 0.
    norms: Tensor = torch.linalg.vector_norm(gradients, dim=1)
    return weight * (norms - 1).square().mean()


def r1(discriminator: Critic, real: Tensor, _fake: Tensor, weight: float) -> Tensor:
    """R1 (Mescheder et al. 2018, equation 9): weight / 2 * E[|grad D(x)|^2] at real images."""
    return weight / 2 * _input_gradients(discriminator, real).square().sum(dim=1).mean()


def r2(discriminator: Critic, _real: Tensor, fake: Tensor, weight: float) -> Tensor:
    """R2 (Mescheder et al. 2018, equation 10): weight / 2 * E[|grad D(x)|^2] at generated images."""
    return weight / 2 * _input_gradients(discriminator, fake).square().sum(dim=1).mean()


def r1_r2(discriminator: Critic, real: Tensor, fake: Tensor, weight: float) -> Tensor:
    """Both R1 and R2, as R3GAN asks for (Huang et al. 2024)."""
    return r1(discriminator, real, fake, weight) + r2(discriminator, real, fake, weight)


def _input_gradients(discriminator: Critic, images: Tensor) -> Tensor:
    """Gradient of each image's logit at the image, flattened to (N, C*H*W)."""
    images = images.detach().requires_grad_()
    (gradients,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
    return gradients.flatten(1)

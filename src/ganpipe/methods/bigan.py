"""Adversarial feature learning (BiGAN, Donahue et al. 2017): a GAN that also learns an encoder from image to latent."""

import torch
from torch import Tensor, nn

from ganpipe.common.types import ImageShape
from ganpipe.config import Training
from ganpipe.methods.common.base import BaseMethod
from ganpipe.methods.common.discriminator_metrics import discriminator_metrics
from ganpipe.methods.common.protocol import Scalars
from ganpipe.methods.common.train_state import (
    build_discriminator_state,
    build_train_state,
    eval_forward,
    optimizer_step,
)
from ganpipe.nets.encoder import Encoder
from ganpipe.nets.initialisation import dcgan_init
from ganpipe.nets.joint import JointDiscriminator
from ganpipe.nets.registry import build_generator
from ganpipe.objectives.registry import build_objective
from ganpipe.sampling.description import Description

PARTS = {
    "generator": "{network}.Generator",
    "encoder": "encoder.Encoder",
    "discriminator": "joint.JointDiscriminator",
}
SAMPLER = "latent"


def build(training: Training, image: ImageShape, classes: int, device: torch.device) -> "BiGan":  # noqa: ARG001
    """Return generator, encoder and joint discriminator with new weights on `device`."""
    networks: dict[str, nn.Module] = {
        "generator": build_generator(training.network, image, training.latent, 0, training.generator),
        "encoder": Encoder(image, training.latent, **training.encoder),
        "discriminator": JointDiscriminator(image, training.latent, **training.discriminator),
    }
    if training.init == "dcgan":
        for network in networks.values():
            dcgan_init(network)
    description = Description(
        network=training.network,
        options=training.generator,
        latent=training.latent,
        classes=0,
        channels=image.channels,
        size=image.size,
        range=training.range,
        sampler=SAMPLER,
    )
    return BiGan(training, networks, description, device)


class BiGan(BaseMethod):
    """Generator G and encoder E against a discriminator D of pairs (image, latent), section 3 of the paper.

    With the logits a = D(x, E(x)) and b = D(G(z), z), D minimises L_D(a, b). G and E minimise the same loss with real
    and generated exchanged: L_G(b, a) for G and L_G of the logits mirrored at the decision boundary, (-a, -b), for E.
    """

    def __init__(
        self, training: Training, networks: dict[str, nn.Module], description: Description, device: torch.device
    ) -> None:
        self.objective = build_objective(training.loss, training.smooth_real, training.smooth_fake)
        self.generator = build_train_state(training, networks["generator"], device)
        self.encoder = build_train_state(training, networks["encoder"], device)
        self.discriminator = build_discriminator_state(training, networks["discriminator"], device)
        states = {"generator": self.generator, "encoder": self.encoder, "discriminator": self.discriminator}
        super().__init__(states, "generator", description)

    def step(self, images: Tensor, labels: Tensor | None) -> Scalars:  # noqa: ARG002 - unconditional
        """Update D once on the pairs (x, E(x)) and (G(z), z), then G and E once.

        Returns the metrics of `discriminator_metrics`, where real stands for (x, E(x)) and fake for (G(z), z).
        """
        x = images.contiguous(memory_format=torch.channels_last)
        z = torch.randn(len(x), self._description.latent, device=x.device)
        generated, encoded = self.generator(z), self.encoder(x)
        objective, discriminator = self.objective, self.discriminator

        discriminator.network.requires_grad_(True)
        real_logits, fake_logits = discriminator(x, encoded.detach()), discriminator(generated.detach(), z)
        loss_d = objective.discriminator(real_logits, fake_logits)
        optimizer_step(loss_d, discriminator)

        discriminator.network.requires_grad_(False)
        real_after, fake_after = discriminator(x, encoded), discriminator(generated, z)
        mirror = 2 * objective.boundary
        loss_g = objective.generator(fake_after, real_after)
        loss_g = loss_g + objective.generator(mirror - real_after, mirror - fake_after)
        optimizer_step(loss_g, self.generator, self.encoder)

        return discriminator_metrics(objective, loss_d, loss_g, real_logits, fake_logits, fake_after)

    def reconstruct(self, images: Tensor) -> Tensor:
        """Return G(E(x))."""
        return eval_forward(self.generator.eval_network, eval_forward(self.encoder.eval_network, images))

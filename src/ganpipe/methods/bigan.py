"""Adversarial feature learning (BiGAN, Donahue et al. 2017): a GAN that also learns the way back, image to noise."""

import torch
from torch import Tensor, nn

from ganpipe.common.types import ImageShape
from ganpipe.config import Training
from ganpipe.methods.common.base import Family
from ganpipe.methods.common.discriminator_metrics import discriminator_metrics
from ganpipe.methods.common.protocol import Scalars
from ganpipe.methods.common.train_state import discriminator_state, eval_forward, optimizer_step, train_state
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
    """Three networks with fresh weights, objective and optimisers as the settings say, on `device`."""
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


class BiGan(Family):
    """Generator and encoder together against a discriminator of pairs (image, latent vector)."""

    def __init__(
        self, training: Training, networks: dict[str, nn.Module], description: Description, device: torch.device
    ) -> None:
        self.device = device
        self.objective = build_objective(training.loss, training.smooth_real, training.smooth_fake)
        self.generator = train_state(training, networks["generator"], device)
        self.encoder = train_state(training, networks["encoder"], device)
        self.discriminator = discriminator_state(training, networks["discriminator"], device)
        players = {"generator": self.generator, "encoder": self.encoder, "discriminator": self.discriminator}
        super().__init__(players, "generator", description)

    def step(self, images: Tensor, labels: Tensor | None) -> Scalars:  # noqa: ARG002 - unconditional
        """One step of the discriminator on the pairs (x, E(x)) and (G(z), z), then one of generator and encoder.

        Returns both losses, D(x, E(x)), D(G(z), z) before the discriminator's step (`d_fake_1`) and after it
        (`d_fake_2`), and the shares of both kinds of pairs that the discriminator judges rightly.
        """
        real = images.contiguous(memory_format=torch.channels_last)
        z = torch.randn(len(real), self._description.latent).to(self.device)
        fake, encoded = self.generator(z), self.encoder(real)
        objective, judge = self.objective, self.discriminator

        judge.network.requires_grad_(True)
        real_logits, fake_logits = judge(real, encoded.detach()), judge(fake.detach(), z)
        loss_d = objective.discriminator(real_logits, fake_logits)
        optimizer_step(loss_d, self.discriminator)

        # Each of the two tries to have its own pairs taken for the other's: the encoder's loss is the generator's
        # with both logits mirrored at the boundary.
        judge.network.requires_grad_(False)
        real_judged, fake_judged = judge(real, encoded), judge(fake, z)
        mirror = 2 * objective.boundary
        loss_g = objective.generator(fake_judged, real_judged)
        loss_g = loss_g + objective.generator(mirror - real_judged, mirror - fake_judged)
        optimizer_step(loss_g, self.generator, self.encoder)

        return discriminator_metrics(objective, loss_d, loss_g, real_logits, fake_logits, fake_judged)

    def reconstruct(self, images: Tensor) -> Tensor:
        """G(E(x))."""
        return eval_forward(self.generator.best, eval_forward(self.encoder.best, images))

"""Generative adversarial networks (Goodfellow et al. 2014), optionally class-conditional (Mirza and Osindero 2014)."""

from typing import Any

import torch
from torch import Tensor, nn

from ganpipe.common.schedule import value_at
from ganpipe.common.types import ImageShape
from ganpipe.config import Training
from ganpipe.methods.common.base import BaseMethod
from ganpipe.methods.common.discriminator_metrics import discriminator_metrics
from ganpipe.methods.common.protocol import Scalars
from ganpipe.methods.common.train_state import build_discriminator_state, build_train_state, optimizer_step
from ganpipe.nets.initialisation import dcgan_init
from ganpipe.nets.registry import build_discriminator, build_generator
from ganpipe.objectives.augment_probability import build_probability
from ganpipe.objectives.clipping import clip_weights
from ganpipe.objectives.registry import build_augmentation, build_objective, find_penalty
from ganpipe.sampling.description import Description

PARTS = {"generator": "{network}.Generator", "discriminator": "{network}.Discriminator"}
SAMPLER = "latent"


def build(training: Training, image: ImageShape, classes: int, device: torch.device) -> "Gan":
    """Return a GAN with new weights on `device`, class-conditional if the setting `conditional` is true."""
    return build_gan(training, image, classes if training.conditional else 0, device)


def build_gan(training: Training, image: ImageShape, classes: int, device: torch.device) -> "Gan":
    """Return a GAN conditioned on so many classes, unconditional for 0, whatever the setting `conditional` says."""
    generator = build_generator(training.network, image, training.latent, classes, training.generator)
    discriminator = build_discriminator(training.network, image, classes, training.discriminator)
    if training.init == "dcgan":
        dcgan_init(generator)
        dcgan_init(discriminator)
    description = Description(
        network=training.network,
        options=training.generator,
        latent=training.latent,
        classes=classes,
        channels=image.channels,
        size=image.size,
        range=training.range,
        sampler=SAMPLER,
    )
    return Gan(training, generator, discriminator, description, device)


class Gan(BaseMethod):
    """Generator G against discriminator D, with the augmentation T in front of D.

    D minimises L_D(a, b) + penalty and G minimises L_G(b, a), where a = D(T(x)) and b = D(T(G(z))) are logits and
    (L_D, L_G) is the objective. One step is `critic_steps` updates of D, then one of G.
    """

    def __init__(
        self,
        training: Training,
        generator: nn.Module,
        discriminator: nn.Module,
        description: Description,
        device: torch.device,
    ) -> None:
        self.generator = build_train_state(training, generator, device)
        self.discriminator = build_discriminator_state(training, discriminator, device)
        super().__init__({"generator": self.generator, "discriminator": self.discriminator}, "generator", description)
        self.objective = build_objective(training.loss, training.smooth_real, training.smooth_fake)
        self.penalty, self._penalty_weight = find_penalty(training.penalty), training.penalty_weight
        self.penalty_weight, self.penalty_every = value_at(training.penalty_weight, 0, 1), training.penalty_every
        self.augment_probability = build_probability(training.augment_probability, device)
        self.augment = build_augmentation(training.augment, self.augment_probability)
        self.clip, self.batches_per_step = training.clip, training.critic_steps
        self._step = 0

    def set_step(self, step: int, steps: int) -> None:
        """See `Method`."""
        super().set_step(step, steps)
        self.penalty_weight = value_at(self._penalty_weight, step, steps)
        self.augment_probability.set_step(step, steps)
        self._step = step

    def step(self, images: Tensor, labels: Tensor | None) -> Scalars:
        """Update D on each of `critic_steps` equal parts of the images, then G on the last part.

        Returns the metrics of `discriminator_metrics`.
        """
        if labels is None or not self._description.classes:
            label_parts: tuple[Tensor | None, ...] = (None,) * self.batches_per_step
        else:
            label_parts = labels.tensor_split(self.batches_per_step)
        self.discriminator.network.requires_grad_(True)
        parts = zip(images.tensor_split(self.batches_per_step), label_parts, strict=True)
        for number, (x, y) in enumerate(parts, self._step * self.batches_per_step):
            real = x.contiguous(memory_format=torch.channels_last)
            z = torch.randn(len(real), self._description.latent, device=real.device)
            fake = self.generator(z, y)
            real_logits, fake_logits, loss_d = self._discriminator_step(real, fake.detach(), y, number)

        # The gradient of G passes through D, but the gradients of D's weights are not needed.
        self.discriminator.network.requires_grad_(False)
        fake_logits_after = self._logits(fake, y)
        paired_logits = self._logits(real, y) if self.objective.paired else real_logits.detach()
        loss_g = self.objective.generator(fake_logits_after, paired_logits)
        optimizer_step(loss_g, self.generator)

        scalars = discriminator_metrics(self.objective, loss_d, loss_g, real_logits, fake_logits, fake_logits_after)
        return scalars | self.augment_probability.scalars()

    def state_dict(self) -> dict[str, Any]:
        """See `Method`."""
        return super().state_dict() | {"augment_probability": self.augment_probability.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See `Method`."""
        super().load_state_dict(state)
        self.augment_probability.load_state_dict(state["augment_probability"])

    def _discriminator_step(
        self, real: Tensor, fake: Tensor, labels: Tensor | None, number: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Update D; return the logits of real and generated images and the loss, all from before the update.

        number: of the update, from 0. A lazy penalty (Karras et al. 2020, "Analyzing and improving the image quality
        of StyleGAN", appendix B) is computed only every `penalty_every` updates and counts as many times.
        """
        # Two forward passes, so that batch normalisation never mixes the statistics of real and generated images.
        real_logits, fake_logits = self._logits(real, labels), self._logits(fake, labels)
        loss = self.objective.discriminator(real_logits, fake_logits)
        if self.penalty and number % self.penalty_every == 0:
            weight = self.penalty_weight * self.penalty_every
            loss = loss + self.penalty(lambda images: self._logits(images, labels), real, fake, weight)
        optimizer_step(loss, self.discriminator)
        self.augment_probability.observe(real_logits.detach(), self.objective.boundary)
        if self.clip:
            clip_weights(self.discriminator.network, self.clip)
        return real_logits.detach(), fake_logits.detach(), loss.detach()

    def _logits(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """Return D(T(x)), (N,)."""
        return self.discriminator(self.augment(images), labels)

"""The adversarial game of two networks (Goodfellow et al. 2014), where wanted told the classes of the images."""

import torch
from torch import Tensor, nn

from ganpipe.common.types import ImageShape
from ganpipe.config import Training
from ganpipe.methods.common.base import Family
from ganpipe.methods.common.discriminator_metrics import discriminator_metrics
from ganpipe.methods.common.protocol import Scalars
from ganpipe.methods.common.train_state import discriminator_state, optimizer_step, train_state
from ganpipe.nets.initialisation import dcgan_init
from ganpipe.nets.registry import build_discriminator, build_generator
from ganpipe.objectives.clipping import clip_weights
from ganpipe.objectives.registry import build_augmentation, build_objective, find_penalty
from ganpipe.sampling.description import Description

PARTS = {"generator": "{network}.Generator", "discriminator": "{network}.Discriminator"}
SAMPLER = "latent"


def build(training: Training, image: ImageShape, classes: int, device: torch.device) -> "Gan":
    """Networks with fresh weights, objective and optimisers as the settings say, on `device`."""
    return assemble(training, image, classes if training.conditional else 0, device)


def assemble(training: Training, image: ImageShape, told: int, device: torch.device) -> "Gan":
    """The same, with networks that are told so many classes."""
    generator = build_generator(training.network, image, training.latent, told, training.generator)
    discriminator = build_discriminator(training.network, image, told, training.discriminator)
    if training.init == "dcgan":
        dcgan_init(generator)
        dcgan_init(discriminator)
    description = Description(
        network=training.network,
        options=training.generator,
        latent=training.latent,
        classes=told,
        channels=image.channels,
        size=image.size,
        range=training.range,
        sampler=SAMPLER,
    )
    return Gan(training, generator, discriminator, description, device)


class Gan(Family):
    """Generator against discriminator: a step of the generator after each `critic_steps` of the discriminator."""

    def __init__(
        self,
        training: Training,
        generator: nn.Module,
        discriminator: nn.Module,
        description: Description,
        device: torch.device,
    ) -> None:
        self.device = device
        self.generator = train_state(training, generator, device)
        self.discriminator = discriminator_state(training, discriminator, device)
        super().__init__({"generator": self.generator, "discriminator": self.discriminator}, "generator", description)
        self.objective = build_objective(training.loss, training.smooth_real, training.smooth_fake)
        self.penalty, self.penalty_weight = find_penalty(training.penalty), training.penalty_weight
        self.augment = build_augmentation(training.augment)
        self.clip, self.batches_per_step = training.clip, training.critic_steps

    def step(self, images: Tensor, labels: Tensor | None) -> Scalars:
        """Steps of the discriminator on equal parts of the images, then one of the generator on its last batch.

        Returns both losses, D(x), D(G(z)) before the discriminator's last step (`d_fake_1`) and after it (`d_fake_2`),
        and the shares of real and of generated images that the discriminator judges rightly.
        """
        told = labels if self._description.classes else None
        all_labels = [None] * self.batches_per_step if told is None else told.tensor_split(self.batches_per_step)
        self.discriminator.network.requires_grad_(True)
        for part, classes in zip(images.tensor_split(self.batches_per_step), all_labels, strict=True):
            real = part.contiguous(memory_format=torch.channels_last)
            noise = torch.randn(len(real), self._description.latent).to(self.device)
            fake = self.generator(noise, classes)
            real_logits, fake_logits, loss_d = self._discriminator_step(real, fake.detach(), classes)

        # The generator's gradients pass through the discriminator but need none of its weights' gradients.
        self.discriminator.network.requires_grad_(False)
        judged = self._judge(fake, classes)
        paired = self.objective.paired
        loss_g = self.objective.generator(judged, self._judge(real, classes) if paired else real_logits.detach())
        optimizer_step(loss_g, self.generator)

        return discriminator_metrics(self.objective, loss_d, loss_g, real_logits, fake_logits, judged)

    def _discriminator_step(self, real: Tensor, fake: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of real and of generated images, and the loss, from before the step."""
        # Real and generated images pass apart, so that BatchNorm never mixes their statistics.
        real_logits, fake_logits = self._judge(real, labels), self._judge(fake, labels)
        loss = self.objective.discriminator(real_logits, fake_logits)
        if self.penalty:
            loss = loss + self.penalty(lambda images: self._judge(images, labels), real, fake, self.penalty_weight)
        optimizer_step(loss, self.discriminator)
        if self.clip:
            clip_weights(self.discriminator.network, self.clip)
        return real_logits.detach(), fake_logits.detach(), loss.detach()

    def _judge(self, images: Tensor, labels: Tensor | None) -> Tensor:
        return self.discriminator(self.augment(images), labels)

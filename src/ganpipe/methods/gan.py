"""The adversarial game of two networks (Goodfellow et al. 2014), where wanted told the classes of the images."""

import torch
from torch import Tensor, nn

from ganpipe.config import Training
from ganpipe.methods.family import Family
from ganpipe.methods.judgements import judgements
from ganpipe.methods.learner import adversary, descend, learner
from ganpipe.methods.protocol import Scalars
from ganpipe.nets.catalogue import discriminator_of, generator_of
from ganpipe.nets.initialisation import dcgan_init
from ganpipe.objectives.catalogue import augmentation_of, objective_of, penalty_of
from ganpipe.objectives.clipping import clip_weights
from ganpipe.options import ImageShape
from ganpipe.samplers.description import Description

PARTS = {"generator": "{network}.Generator", "discriminator": "{network}.Discriminator"}
SAMPLER = "latent"


def build(training: Training, image: ImageShape, classes: int, device: torch.device) -> "Gan":
    """Networks with fresh weights, objective and optimisers as the settings say, on `device`."""
    return assemble(training, image, classes if training.conditional else 0, device)


def assemble(training: Training, image: ImageShape, told: int, device: torch.device) -> "Gan":
    """The same, with networks that are told so many classes."""
    generator = generator_of(training.network, image, training.latent, told, training.generator)
    discriminator = discriminator_of(training.network, image, told, training.discriminator)
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
        self.generator = learner(training, generator, device)
        self.discriminator = adversary(training, discriminator, device)
        super().__init__({"generator": self.generator, "discriminator": self.discriminator}, "generator", description)
        self.objective = objective_of(training.loss, training.smooth_real, training.smooth_fake)
        self.penalty, self.penalty_weight = penalty_of(training.penalty), training.penalty_weight
        self.augment = augmentation_of(training.augment)
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
        descend(loss_g, self.generator)

        return judgements(self.objective, loss_d, loss_g, real_logits, fake_logits, judged)

    def _discriminator_step(self, real: Tensor, fake: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of real and of generated images, and the loss, from before the step."""
        # Real and generated images pass apart, so that BatchNorm never mixes their statistics.
        real_logits, fake_logits = self._judge(real, labels), self._judge(fake, labels)
        loss = self.objective.discriminator(real_logits, fake_logits)
        if self.penalty:
            loss = loss + self.penalty(lambda images: self._judge(images, labels), real, fake, self.penalty_weight)
        descend(loss, self.discriminator)
        if self.clip:
            clip_weights(self.discriminator.network, self.clip)
        return real_logits.detach(), fake_logits.detach(), loss.detach()

    def _judge(self, images: Tensor, labels: Tensor | None) -> Tensor:
        return self.discriminator(self.augment(images), labels)

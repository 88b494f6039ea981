"""The adversarial game of two networks (Goodfellow et al. 2014)."""

from typing import Any

import torch
from torch import Tensor, nn

from ganpipe.config import Training
from ganpipe.methods.ema import AveragedWeights
from ganpipe.methods.optimizers import build_optimizer
from ganpipe.methods.protocol import Scalars
from ganpipe.nets.catalogue import discriminator_of, generator_of
from ganpipe.nets.initialisation import dcgan_init
from ganpipe.objectives.catalogue import objective_of
from ganpipe.options import ImageShape


def build(training: Training, image: ImageShape, device: torch.device) -> "Gan":
    """Networks with fresh weights, objective and optimisers as the settings say, on `device`."""
    generator = generator_of(training.network, image, training.latent, 0, training.generator)
    discriminator = discriminator_of(training.network, image, 0, training.discriminator)
    if training.init == "dcgan":
        dcgan_init(generator)
        dcgan_init(discriminator)
    return Gan(training, generator, discriminator, device)


class Gan:
    """Generator against discriminator, one step of each in turn, on the same generated batch."""

    def __init__(
        self, training: Training, generator: nn.Module, discriminator: nn.Module, device: torch.device
    ) -> None:
        self.latent = training.latent
        self.device = device
        # Convolutions are fastest with channels last in memory; the numbers are the same.
        self.generator = generator.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.discriminator = discriminator.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = AveragedWeights(self.generator, training.ema) if training.ema else None
        self.objective = objective_of(training.loss, training.smooth_real, training.smooth_fake)
        self.generator_optimizer = build_optimizer(
            training.optimizer, self.generator.parameters(), training.lr, training.betas
        )
        self.discriminator_optimizer = build_optimizer(
            training.optimizer_discriminator or training.optimizer,
            self.discriminator.parameters(),
            training.lr_discriminator or training.lr,
            training.betas,
        )

    def step(self, images: Tensor, labels: Tensor | None) -> Scalars:  # noqa: ARG002 - unconditional
        """One step of the discriminator, then one of the generator.

        Returns both losses, D(x), D(G(z)) before the discriminator's step (`d_fake_1`) and after it (`d_fake_2`), and
        the shares of real and of generated images that the discriminator judges rightly.
        """
        real = images.contiguous(memory_format=torch.channels_last)
        fake = self.generator(torch.randn(len(images), self.latent).to(self.device))

        # Real and generated images pass apart, so that BatchNorm never mixes their statistics.
        self.discriminator.requires_grad_(True)
        real_logits = self.discriminator(real)
        fake_logits = self.discriminator(fake.detach())
        loss_d = self.objective.discriminator(real_logits, fake_logits)
        self.discriminator_optimizer.zero_grad()
        loss_d.backward()  # type: ignore[no-untyped-call]
        self.discriminator_optimizer.step()

        # The generator's gradients pass through the discriminator but need none of its weights' gradients.
        self.discriminator.requires_grad_(False)
        judged = self.discriminator(fake)
        loss_g = self.objective.generator(
            judged, self.discriminator(real) if self.objective.paired else real_logits.detach()
        )
        self.generator_optimizer.zero_grad()
        loss_g.backward()  # type: ignore[no-untyped-call]
        self.generator_optimizer.step()
        if self.average:
            self.average.update(self.generator)

        with torch.no_grad():
            score, boundary = self.objective.score, self.objective.boundary
            return {
                "loss_d": loss_d.detach(),
                "loss_g": loss_g.detach(),
                "d_real": score(real_logits).mean(),
                "d_fake_1": score(fake_logits).mean(),
                "d_fake_2": score(judged).mean(),
                "acc_real": (real_logits > boundary).float().mean(),
                "acc_fake": (fake_logits <= boundary).float().mean(),
            }

    @torch.no_grad()
    def sample(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """Images from noise, with averaged weights where they are kept."""
        network = self.exported()
        training = network.training
        images: Tensor = network.eval()(z.to(self.device), labels)
        network.train(training)
        return images

    def networks(self) -> dict[str, nn.Module]:
        """Both players."""
        return {"generator": self.generator, "discriminator": self.discriminator}

    def exported(self) -> nn.Module:
        """The averaged generator, or the generator itself."""
        return self.average.network if self.average else self.generator

    def state(self) -> dict[str, Any]:
        """Weights, averages and optimisers."""
        return {
            "generator": self.generator.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "generator_optimizer": self.generator_optimizer.state_dict(),
            "discriminator_optimizer": self.discriminator_optimizer.state_dict(),
            "average": self.average.network.state_dict() if self.average else None,
            "average_updates": self.average.updates if self.average else 0,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take up a state that `state` gave."""
        self.generator.load_state_dict(state["generator"])
        self.discriminator.load_state_dict(state["discriminator"])
        self.generator_optimizer.load_state_dict(state["generator_optimizer"])
        self.discriminator_optimizer.load_state_dict(state["discriminator_optimizer"])
        if self.average:
            self.average.network.load_state_dict(state["average"])
            self.average.updates = state["average_updates"]

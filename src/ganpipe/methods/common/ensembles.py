"""Independent GANs of one kind: trained as one where their networks can be stacked, else one after the other."""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ganpipe.config import Training
from ganpipe.methods.common.discriminator_metrics import discriminator_metrics
from ganpipe.methods.common.precision import reduces
from ganpipe.methods.common.stacked import StackedNetwork, each, stackable
from ganpipe.methods.common.train_state import discriminator_state, optimizer_step, train_state
from ganpipe.methods.gan import Gan
from ganpipe.objectives.clipping import clip_weights
from ganpipe.objectives.registry import build_augmentation, build_objective


class GanEnsemble(Protocol):
    """Pairs of generator and discriminator that know nothing of each other."""

    def step(self, images: Tensor) -> dict[str, Tensor]:
        """One step of each pair on its own images (pairs, N, C, H, W); returns the scalars of a GAN, each (pairs,)."""

    def networks(self) -> dict[str, list[nn.Module]]:
        """The players under training: "generator" and "discriminator", one of each for every pair."""

    def exported(self) -> list[nn.Module]:
        """The generators that are kept."""

    def state(self) -> dict[str, Any]:
        """All that a bit-exact resume needs."""

    def load(self, state: dict[str, Any]) -> None:
        """Take up a state that `state` gave."""


def build_ensemble(gans: Sequence[Gan], training: Training, device: torch.device) -> GanEnsemble:
    """The fastest way to train them.

    A penalty takes gradients of its own, which stacked networks do not give; nor does their batch normalisation take
    maps in bfloat16 beside weights in float32.
    """
    players = gans[0].networks().values()
    plain = training.penalty == "none" and not reduces(training.precision, device)
    if plain and all(map(stackable, players)):
        return StackedEnsemble(gans, training, device)
    return SequentialEnsemble(gans)


class SequentialEnsemble:
    """One pair after the other."""

    def __init__(self, gans: Sequence[Gan]) -> None:
        self.gans = gans

    def step(self, images: Tensor) -> dict[str, Tensor]:
        """See `Pairs`."""
        steps = [gan.step(own, None) for gan, own in zip(self.gans, images, strict=True)]
        return {name: torch.stack([scalars[name] for scalars in steps]) for name in steps[0]}

    def networks(self) -> dict[str, list[nn.Module]]:
        """See `Pairs`."""
        return {name: [gan.networks()[name] for gan in self.gans] for name in self.gans[0].networks()}

    def exported(self) -> list[nn.Module]:
        """See `Pairs`."""
        return [gan.exported() for gan in self.gans]

    def state(self) -> dict[str, Any]:
        """Every GAN's own."""
        return {"gans": [gan.state() for gan in self.gans]}

    def load(self, state: dict[str, Any]) -> None:
        """Take up a state that `state` gave."""
        for gan, own in zip(self.gans, state["gans"], strict=True):
            gan.load(own)


class StackedEnsemble:
    """All pairs at once: the same steps as those of each `Gan` alone, but for the rounding of sums."""

    def __init__(self, gans: Sequence[Gan], training: Training, device: torch.device) -> None:
        self.device, self.latent = device, training.latent
        generators = StackedNetwork([gan.generator.network for gan in gans])
        discriminators = StackedNetwork([gan.discriminator.network for gan in gans])
        self.generator = train_state(training, generators, device)
        self.discriminator = discriminator_state(training, discriminators, device)
        self.objective = build_objective(training.loss, training.smooth_real, training.smooth_fake)
        self.augment = build_augmentation(training.augment)
        self.clip, self.critic_steps = training.clip, training.critic_steps
        self._networks = {"generator": generators.members(), "discriminator": discriminators.members()}
        best = self.generator.best
        assert isinstance(best, StackedNetwork)
        self._exported = best.members()

    def step(self, images: Tensor) -> dict[str, Tensor]:
        """See `Pairs`, and `Gan.step` for what happens in each of them."""
        objective = self.objective
        self.discriminator.network.requires_grad_(True)
        for real in images.tensor_split(self.critic_steps, dim=1):
            fake = self.generator(torch.randn(*real.shape[:2], self.latent).to(self.device))
            real_logits, fake_logits = self._judge(real), self._judge(fake.detach())
            loss_d = each(objective.discriminator, real_logits, fake_logits)
            # No weight belongs to two pairs, so the gradient of the sum holds each pair's own.
            optimizer_step(loss_d.sum(), self.discriminator)
            if self.clip:
                clip_weights(self.discriminator.network, self.clip)

        self.discriminator.network.requires_grad_(False)
        judged = self._judge(fake)
        loss_g = each(objective.generator, judged, self._judge(real) if objective.paired else real_logits.detach())
        optimizer_step(loss_g.sum(), self.generator)

        scalars: dict[str, Tensor] = each(
            lambda *tensors: discriminator_metrics(objective, *tensors),
            *(tensor.detach() for tensor in (loss_d, loss_g, real_logits, fake_logits, judged)),
        )
        return scalars

    def networks(self) -> dict[str, list[nn.Module]]:
        """See `Pairs`."""
        return self._networks

    def exported(self) -> list[nn.Module]:
        """See `Pairs`."""
        return self._exported

    def state(self) -> dict[str, Any]:
        """Both stacks."""
        return {"generator": self.generator.state(), "discriminator": self.discriminator.state()}

    def load(self, state: dict[str, Any]) -> None:
        """Take up a state that `state` gave."""
        self.generator.load(state["generator"])
        self.discriminator.load(state["discriminator"])

    def _judge(self, images: Tensor) -> Tensor:
        augmented = self.augment(images.flatten(0, 1)).reshape(images.shape)
        return self.discriminator(augmented)

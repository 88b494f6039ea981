"""Independent GANs of equal architecture, trained as one stacked GAN if possible, else one after the other."""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ganpipe.common.schedule import AdaptiveAugmentation
from ganpipe.config import Training
from ganpipe.methods.common.discriminator_metrics import discriminator_metrics
from ganpipe.methods.common.precision import uses_bfloat16
from ganpipe.methods.common.stacked import StackedNetwork, is_stackable, vmap_members
from ganpipe.methods.common.train_state import build_discriminator_state, build_train_state, optimizer_step
from ganpipe.methods.gan import Gan
from ganpipe.objectives.augment_probability import build_probability
from ganpipe.objectives.clipping import clip_weights
from ganpipe.objectives.registry import build_augmentation, build_objective


class GanEnsemble(Protocol):
    """GANs that share nothing but the settings."""

    def set_step(self, step: int, steps: int) -> None:
        """Set all scheduled values of every GAN for a step (from 0) of `steps`."""

    def step(self, images: Tensor) -> dict[str, Tensor]:
        """Update each GAN once on its slice of the images (members, N, C, H, W); return scalars, (members,) each."""

    def networks(self) -> dict[str, list[nn.Module]]:
        """Return the trained networks: "generator" and "discriminator", one of each per member."""

    def image_generators(self) -> list[nn.Module]:
        """Return the generators, with EMA weights if they are kept."""

    def state_dict(self) -> dict[str, Any]:
        """Return all that a bit-exact resume needs."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state returned by `state_dict`."""


def build_ensemble(gans: Sequence[Gan], training: Training, device: torch.device) -> GanEnsemble:
    """Return a stacked ensemble if the settings permit it, else a sequential one.

    Stacked networks do not support the input gradients of a penalty, their batch normalisation does not accept
    bfloat16 activations with float32 weights, and adaptive augmentation needs a probability for each GAN.
    """
    adaptive = isinstance(training.augment_probability, AdaptiveAugmentation)
    supported = training.penalty == "none" and not adaptive and not uses_bfloat16(training.precision, device)
    if supported and all(map(is_stackable, gans[0].networks().values())):
        return StackedEnsemble(gans, training, device)
    return SequentialEnsemble(gans)


class SequentialEnsemble:
    """Updates the GANs one after the other."""

    def __init__(self, gans: Sequence[Gan]) -> None:
        self.gans = gans

    def set_step(self, step: int, steps: int) -> None:
        """See `GanEnsemble`."""
        for gan in self.gans:
            gan.set_step(step, steps)

    def step(self, images: Tensor) -> dict[str, Tensor]:
        """See `GanEnsemble`."""
        steps = [gan.step(own, None) for gan, own in zip(self.gans, images, strict=True)]
        return {name: torch.stack([scalars[name] for scalars in steps]) for name in steps[0]}

    def networks(self) -> dict[str, list[nn.Module]]:
        """See `GanEnsemble`."""
        return {name: [gan.networks()[name] for gan in self.gans] for name in self.gans[0].networks()}

    def image_generators(self) -> list[nn.Module]:
        """See `GanEnsemble`."""
        return [gan.image_generator() for gan in self.gans]

    def state_dict(self) -> dict[str, Any]:
        """See `GanEnsemble`."""
        return {"gans": [gan.state_dict() for gan in self.gans]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See `GanEnsemble`."""
        for gan, own in zip(self.gans, state["gans"], strict=True):
            gan.load_state_dict(own)


class StackedEnsemble:
    """Updates all GANs at once, by the same steps as `Gan` up to the rounding of sums."""

    def __init__(self, gans: Sequence[Gan], training: Training, device: torch.device) -> None:
        self.latent = training.latent
        generators = StackedNetwork([gan.generator.network for gan in gans])
        discriminators = StackedNetwork([gan.discriminator.network for gan in gans])
        self.generator = build_train_state(training, generators, device)
        self.discriminator = build_discriminator_state(training, discriminators, device)
        self.objective = build_objective(training.loss, training.smooth_real, training.smooth_fake)
        self.augment_probability = build_probability(training.augment_probability, device)
        self.augment = build_augmentation(training.augment, self.augment_probability)
        self.clip, self.critic_steps = training.clip, training.critic_steps
        self._networks = {"generator": generators.members(), "discriminator": discriminators.members()}
        eval_network = self.generator.eval_network
        assert isinstance(eval_network, StackedNetwork)
        self._image_generators = eval_network.members()

    def set_step(self, step: int, steps: int) -> None:
        """See `GanEnsemble`."""
        self.generator.set_step(step, steps)
        self.discriminator.set_step(step, steps)
        self.augment_probability.set_step(step, steps)

    def step(self, images: Tensor) -> dict[str, Tensor]:
        """See `GanEnsemble`; for the objective see `Gan`."""
        objective = self.objective
        self.discriminator.network.requires_grad_(True)
        for real in images.tensor_split(self.critic_steps, dim=1):
            fake = self.generator(torch.randn(*real.shape[:2], self.latent, device=real.device))
            real_logits, fake_logits = self._logits(real), self._logits(fake.detach())
            loss_d = vmap_members(objective.discriminator, real_logits, fake_logits)
            # The members share no weights, so the gradient of the sum contains each member's own gradient.
            optimizer_step(loss_d.sum(), self.discriminator)
            if self.clip:
                clip_weights(self.discriminator.network, self.clip)

        self.discriminator.network.requires_grad_(False)
        fake_logits_after = self._logits(fake)
        paired_logits = self._logits(real) if objective.paired else real_logits.detach()
        loss_g = vmap_members(objective.generator, fake_logits_after, paired_logits)
        optimizer_step(loss_g.sum(), self.generator)

        scalars: dict[str, Tensor] = vmap_members(
            lambda *tensors: discriminator_metrics(objective, *tensors),
            *(tensor.detach() for tensor in (loss_d, loss_g, real_logits, fake_logits, fake_logits_after)),
        )
        return scalars

    def networks(self) -> dict[str, list[nn.Module]]:
        """See `GanEnsemble`."""
        return self._networks

    def image_generators(self) -> list[nn.Module]:
        """See `GanEnsemble`."""
        return self._image_generators

    def state_dict(self) -> dict[str, Any]:
        """See `GanEnsemble`."""
        return {"generator": self.generator.state_dict(), "discriminator": self.discriminator.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See `GanEnsemble`."""
        self.generator.load_state_dict(state["generator"])
        self.discriminator.load_state_dict(state["discriminator"])

    def _logits(self, images: Tensor) -> Tensor:
        """Return D(T(x)) of every member, (members, N)."""
        augmented = self.augment(images.flatten(0, 1)).reshape(images.shape)
        return self.discriminator(augmented)

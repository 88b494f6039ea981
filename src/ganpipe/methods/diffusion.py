"""Denoising diffusion (Ho et al. 2020): a network learns to find the noise in an image."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganpipe.common.types import ImageShape
from ganpipe.config import Training
from ganpipe.methods.common.base import Family
from ganpipe.methods.common.protocol import Scalars
from ganpipe.methods.common.train_state import TrainState, optimizer_step, train_state
from ganpipe.nets.registry import build_denoiser
from ganpipe.objectives.diffusion import add_noise, cosine_signal
from ganpipe.sampling.description import Description
from ganpipe.sampling.samplers.ddim import Ddim

PARTS = {"generator": "{network}.Denoiser"}
SAMPLER = "ddim"


def build(training: Training, image: ImageShape, classes: int, device: torch.device) -> "Diffusion":
    """A denoiser with PyTorch's own initial weights, told the classes where wanted."""
    told = classes if training.conditional else 0
    denoiser = build_denoiser(training.network, image, told, training.generator)
    description = Description(
        network=training.network,
        options=training.generator,
        latent=image.channels * image.size**2,
        classes=told,
        channels=image.channels,
        size=image.size,
        range="signed",
        sampler=SAMPLER,
        sampling={"noise_steps": training.noise_steps, "steps": training.sampling_steps},
    )
    return Diffusion(train_state(training, denoiser, device), description, device)


class Diffusion(Family):
    """A denoiser under training; images come from few deterministic steps of it."""

    def __init__(self, denoiser: TrainState, description: Description, device: torch.device) -> None:
        super().__init__({"denoiser": denoiser}, "denoiser", description)
        self.denoiser = denoiser
        self.device = device
        self.signal = cosine_signal(description.sampling["noise_steps"]).float()

    def step(self, images: Tensor, labels: Tensor | None) -> Scalars:
        """One step on the squared error of the noise at random times (equation 14)."""
        images = images.contiguous(memory_format=torch.channels_last)
        times = torch.randint(len(self.signal), (len(images),))
        noise = torch.randn(images.shape).to(self.device)
        noisy = add_noise(images, noise, self.signal[times].to(self.device))
        told = labels if self._description.classes else None
        loss = F.mse_loss(self.denoiser(noisy, times.to(self.device), told), noise)
        optimizer_step(loss, self.denoiser)
        return {"loss": loss.detach()}

    def exported(self) -> nn.Module:
        """The denoiser within its sampler."""
        return Ddim(self.denoiser.best, self._description.image, **self._description.sampling)

"""Denoising diffusion (Ho et al. 2020) with the cosine schedule (Nichol and Dhariwal 2021)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganpipe.common.types import ImageShape
from ganpipe.config import Training
from ganpipe.methods.common.base import BaseMethod
from ganpipe.methods.common.denoisers import describe_denoiser
from ganpipe.methods.common.protocol import Scalars
from ganpipe.methods.common.train_state import TrainState, build_train_state, optimizer_step
from ganpipe.nets.registry import build_denoiser
from ganpipe.objectives.diffusion import add_noise, cosine_schedule
from ganpipe.sampling.description import Description
from ganpipe.sampling.samplers.ddim import Ddim

PARTS = {"generator": "{network}.Denoiser"}
SAMPLER = "ddim"


def build(training: Training, image: ImageShape, classes: int, device: torch.device) -> "Diffusion":
    """Return a denoiser on `device`, initialised as PyTorch does by default, conditional if `conditional` is true."""
    classes = classes if training.conditional else 0
    denoiser = build_denoiser(training.network, image, classes, training.generator)
    sampling = {"noise_steps": training.noise_steps, "steps": training.sampling_steps}
    description = describe_denoiser(training, image, classes, SAMPLER, sampling)
    return Diffusion(build_train_state(training, denoiser, device), description, device)


class Diffusion(BaseMethod):
    """Denoiser e_theta, trained to predict the noise in an image.

    It minimises E |e - e_theta(x_t, t)|^2 with x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) e, e ~ N(0, I) and
    t uniform (Ho et al. 2020, equation 14). Images are sampled in a few deterministic steps (DDIM, Song et al. 2021).
    """

    def __init__(self, denoiser: TrainState, description: Description, device: torch.device) -> None:
        super().__init__({"denoiser": denoiser}, "denoiser", description)
        self.denoiser = denoiser
        self.alpha_bar = cosine_schedule(description.sampling["noise_steps"]).float().to(device)

    def step(self, images: Tensor, labels: Tensor | None) -> Scalars:
        """Update the denoiser once; return the mean squared error of the predicted noise."""
        x = images.contiguous(memory_format=torch.channels_last)
        t = torch.randint(len(self.alpha_bar), (len(x),), device=x.device)
        noise = torch.randn(x.shape, device=x.device)
        x_t = add_noise(x, noise, self.alpha_bar[t])
        labels = labels if self._description.classes else None
        loss = F.mse_loss(self.denoiser(x_t, t, labels), noise)
        optimizer_step(loss, self.denoiser)
        return {"loss": loss.detach()}

    def image_generator(self) -> nn.Module:
        """Return the denoiser wrapped in its sampler."""
        return Ddim(self.denoiser.eval_network, self._description.image, **self._description.sampling)

"""Denoising with a preconditioned network (EDM, Karras et al. 2022)."""

import torch
from torch import Tensor, nn

from ganpipe.common.types import ImageShape
from ganpipe.config import Training
from ganpipe.methods.common.base import BaseMethod
from ganpipe.methods.common.denoisers import describe_denoiser, training_labels
from ganpipe.methods.common.protocol import Scalars
from ganpipe.methods.common.train_state import TrainState, build_train_state, optimizer_step
from ganpipe.objectives.edm import Preconditioning, log_normal_levels
from ganpipe.sampling.description import Description
from ganpipe.sampling.guidance import build_guided_network
from ganpipe.sampling.samplers.edm import EdmSampler

PARTS = {"generator": "{network}.Denoiser"}
SAMPLER = "edm"


def build(training: Training, image: ImageShape, classes: int, device: torch.device) -> "Edm":
    """Return a denoiser on `device`, initialised as PyTorch does by default."""
    classes = classes if training.conditional else 0
    network = build_guided_network(training.network, image, classes, training.generator)
    sampling = {
        "evaluations": training.sampling_steps,
        "solver": training.solver,
        "guidance": training.guidance,
        "sigma_data": training.sigma_data,
        "sigma_min": training.sigma_min,
        "sigma_max": training.sigma_max,
        "rho": training.rho,
    }
    description = describe_denoiser(training, image, classes, SAMPLER, sampling)
    return Edm(build_train_state(training, network, device), description, training.label_dropout)


class Edm(BaseMethod):
    """Denoiser D_theta(x; sigma), a preconditioned network, which predicts the image y in x = y + sigma n.

    It minimises E lambda(sigma) |D_theta(y + sigma n; sigma) - y|^2 with log-normal noise levels sigma (Karras et al.
    2022, equations 2 and 8).
    label_dropout: probability with which an image is trained without its label, for guidance.
    """

    def __init__(self, denoiser: TrainState, description: Description, label_dropout: float) -> None:
        super().__init__({"denoiser": denoiser}, "denoiser", description)
        self.denoiser, self._label_dropout = denoiser, label_dropout
        self._preconditioning = Preconditioning(description.sampling["sigma_data"])

    def step(self, images: Tensor, labels: Tensor | None) -> Scalars:
        """Update the network once; return the weighted mean squared error of the denoised images."""
        x = images.contiguous(memory_format=torch.channels_last)
        noise = torch.randn(x.shape, device=x.device)
        sigma = log_normal_levels(x)
        given = training_labels(labels, self._description.classes, self._label_dropout)
        loss = self._preconditioning.loss(self.denoiser, x, sigma, noise, given)
        optimizer_step(loss, self.denoiser)
        return {"loss": loss.detach()}

    def image_generator(self) -> nn.Module:
        """Return the network wrapped in its sampler."""
        description = self._description
        return EdmSampler(self.denoiser.eval_network, description.image, description.classes, **description.sampling)

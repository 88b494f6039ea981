"""Flow matching on straight paths (Lipman et al. 2023; rectified flow, Liu et al. 2023)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganpipe.common.types import ImageShape
from ganpipe.config import Training
from ganpipe.methods.common.base import BaseMethod
from ganpipe.methods.common.denoisers import describe_denoiser, training_labels
from ganpipe.methods.common.protocol import Scalars
from ganpipe.methods.common.train_state import TrainState, build_train_state, optimizer_step
from ganpipe.objectives.flow import TIME_SCALE, interpolate, logit_normal_times, pair_optimally
from ganpipe.sampling.description import Description
from ganpipe.sampling.guidance import build_guided_network
from ganpipe.sampling.samplers.flow import FlowSampler

PARTS = {"generator": "{network}.Denoiser"}
SAMPLER = "flow"


def build(training: Training, image: ImageShape, classes: int, device: torch.device) -> "Flow":
    """Return a velocity network on `device`, initialised as PyTorch does by default."""
    classes = classes if training.conditional else 0
    network = build_guided_network(training.network, image, classes, training.generator)
    sampling = {
        "evaluations": training.sampling_steps,
        "solver": training.solver,
        "guidance": training.guidance,
    }
    description = describe_denoiser(training, image, classes, SAMPLER, sampling)
    state = build_train_state(training, network, device)
    return Flow(state, description, training.pairing == "optimal", training.label_dropout)


class Flow(BaseMethod):
    """Velocity v_theta of the straight paths x_t = (1 - t) x + t z between images x and noise z ~ N(0, I).

    It minimises E |v_theta(x_t, t) - (z - x)|^2 (Liu et al. 2023, equation 1) with logit-normal times t.
    optimal_pairs: assign the noise to the images of a batch so that the paths are short.
    label_dropout: probability with which an image is trained without its label, for guidance.
    """

    def __init__(
        self, velocity: TrainState, description: Description, optimal_pairs: bool, label_dropout: float
    ) -> None:
        super().__init__({"velocity": velocity}, "velocity", description)
        self.velocity, self._optimal_pairs, self._label_dropout = velocity, optimal_pairs, label_dropout

    def step(self, images: Tensor, labels: Tensor | None) -> Scalars:
        """Update the network once; return the mean squared error of the predicted velocity."""
        x = images.contiguous(memory_format=torch.channels_last)
        noise = torch.randn(x.shape, device=x.device)
        if self._optimal_pairs:
            noise = pair_optimally(x, noise)
        t = logit_normal_times(x)
        given = training_labels(labels, self._description.classes, self._label_dropout)
        loss = F.mse_loss(self.velocity(interpolate(x, noise, t), TIME_SCALE * t, given), noise - x)
        optimizer_step(loss, self.velocity)
        return {"loss": loss.detach()}

    def image_generator(self) -> nn.Module:
        """Return the network wrapped in its sampler."""
        description = self._description
        return FlowSampler(self.velocity.eval_network, description.image, description.classes, **description.sampling)

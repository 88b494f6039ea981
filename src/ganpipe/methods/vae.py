"""The variational autoencoder (Kingma and Welling 2014): a generative model without a discriminator."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ganpipe.common.types import ImageShape
from ganpipe.config import Training
from ganpipe.methods.common.base import Family
from ganpipe.methods.common.protocol import Scalars
from ganpipe.methods.common.train_state import TrainState, eval_forward, optimizer_step, train_state
from ganpipe.nets.encoder import Encoder
from ganpipe.nets.registry import build_generator
from ganpipe.sampling.description import Description

PARTS = {"generator": "{network}.Generator", "encoder": "encoder.Encoder"}
SAMPLER = "latent"


def build(training: Training, image: ImageShape, classes: int, device: torch.device) -> "Vae":  # noqa: ARG001
    """An encoder, and a generator as decoder, with PyTorch's own initial weights."""
    decoder = build_generator(training.network, image, training.latent, 0, training.generator)
    encoder = Encoder(image, 2 * training.latent, **training.encoder)
    description = Description(
        network=training.network,
        options=training.generator,
        latent=training.latent,
        classes=0,
        channels=image.channels,
        size=image.size,
        range="signed",
        sampler=SAMPLER,
    )
    return Vae(train_state(training, encoder, device), train_state(training, decoder, device), description)


class Vae(Family):
    """Encoder and decoder, trained together on the evidence lower bound."""

    def __init__(self, encoder: TrainState, decoder: TrainState, description: Description) -> None:
        self.encoder, self.decoder = encoder, decoder
        super().__init__({"encoder": encoder, "decoder": decoder}, "decoder", description)

    def step(self, images: Tensor, labels: Tensor | None) -> Scalars:  # noqa: ARG002 - unconditional
        """One step down the negative lower bound (equation 10 with L = 1; the Bernoulli decoder of appendix C.1).

        Returns it and its two terms in nats per value of an image, so that they read alike at every size.
        """
        images = images.contiguous(memory_format=torch.channels_last)
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        z = mean + (log_variance / 2).exp() * torch.randn(mean.shape).to(mean)
        decoded = self.decoder(z)

        # The decoder's tanh of u, brought to [0, 1], is the sigmoid of 2u: the probability that a value is white.
        reconstruction = F.binary_cross_entropy((decoded + 1) / 2, (images + 1) / 2)
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum() / 2 / images.numel()
        loss = reconstruction + divergence
        optimizer_step(loss, self.encoder, self.decoder)
        return {"loss": loss.detach(), "reconstruction": reconstruction.detach(), "divergence": divergence.detach()}

    def reconstruct(self, images: Tensor) -> Tensor:
        """Decode the mean of what each image may have come from."""
        mean, _ = eval_forward(self.encoder.best, images).chunk(2, dim=1)
        return eval_forward(self.decoder.best, mean)

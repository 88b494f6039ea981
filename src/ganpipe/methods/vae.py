"""Variational autoencoder (VAE, Kingma and Welling 2014)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ganpipe.common.types import ImageShape
from ganpipe.config import Training
from ganpipe.methods.common.base import BaseMethod
from ganpipe.methods.common.protocol import Scalars
from ganpipe.methods.common.train_state import TrainState, build_train_state, eval_forward, optimizer_step
from ganpipe.nets.encoder import Encoder
from ganpipe.nets.layers import TanhGenerator
from ganpipe.nets.registry import build_generator
from ganpipe.sampling.description import Description

PARTS = {"generator": "{network}.Generator", "encoder": "encoder.Encoder"}
SAMPLER = "latent"


def build(training: Training, image: ImageShape, classes: int, device: torch.device) -> "Vae":  # noqa: ARG001
    """Return an encoder and, as decoder, a generator on `device`, both with PyTorch's default initialisation."""
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
    return Vae(build_train_state(training, encoder, device), build_train_state(training, decoder, device), description)


class Vae(BaseMethod):
    """Encoder q(z|x) = N(mu, sigma^2) and Bernoulli decoder p(x|z), trained jointly on the evidence lower bound.

    Both minimise KL(q(z|x) || N(0, I)) - log p(x|z), with z = mu + sigma * e and e ~ N(0, I): equation 10 of the paper
    with L = 1 and the Bernoulli decoder of appendix C.1, its targets being pixels in [0, 1].
    """

    def __init__(self, encoder: TrainState, decoder: TrainState, description: Description) -> None:
        if not isinstance(decoder.network, TanhGenerator):
            raise TypeError(
                f"decoder: {type(decoder.network).__name__} is not a TanhGenerator. Derive it from that class."
            )
        self.encoder, self.decoder, self._pre_tanh = encoder, decoder, decoder.network.pre_tanh
        super().__init__({"encoder": encoder, "decoder": decoder}, "decoder", description)

    def step(self, images: Tensor, labels: Tensor | None) -> Scalars:  # noqa: ARG002 - unconditional
        """Update encoder and decoder once.

        Returns the loss and its two terms in nats per pixel and channel, comparable across image sizes.
        """
        x = images.contiguous(memory_format=torch.channels_last)
        mu, log_variance = self.encoder(x).chunk(2, dim=1)
        z = mu + (log_variance / 2).exp() * torch.randn(mu.shape, device=mu.device)
        # A pixel is white with probability (tanh(u) + 1) / 2 = sigmoid(2u). The likelihood needs the logit 2u, because
        # tanh(u) is exactly 1 above u = 9, in bfloat16 above 3.5.
        logits = 2 * self.decoder.run(self._pre_tanh, z)
        reconstruction = F.binary_cross_entropy_with_logits(logits, (x + 1) / 2)
        divergence = (mu.square() + log_variance.exp() - 1 - log_variance).sum() / 2 / x.numel()
        loss = reconstruction + divergence
        optimizer_step(loss, self.encoder, self.decoder)
        return {"loss": loss.detach(), "reconstruction": reconstruction.detach(), "divergence": divergence.detach()}

    def reconstruct(self, images: Tensor) -> Tensor:
        """Return the decoded mean of q(z|x)."""
        mu, _ = eval_forward(self.encoder.eval_network, images).chunk(2, dim=1)
        return eval_forward(self.decoder.eval_network, mu)

"""Training loops in their simplest form: what the papers say, with nothing done for speed.

Convolutions as PyTorch has them, maps contiguous, optimisers one parameter at a time, gradients for all weights in
every step, losses from probabilities, averages one tensor at a time. Each loop returns its losses and what it has
trained.
"""

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ganpipe.common.types import ImageShape
from ganpipe.config import Training
from ganpipe.nets.encoder import Encoder
from ganpipe.nets.initialisation import dcgan_init
from ganpipe.nets.joint import JointDiscriminator
from ganpipe.nets.registry import build_denoiser, build_discriminator, build_generator

Trained = tuple[list[list[Tensor]], dict[str, nn.Module]]
GanLoss = tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]


def _log(probabilities: Tensor) -> Tensor:
    return probabilities.log().mean()


# Of D, from the logits of real and of generated images; of G, from those of generated and of real ones.
LOSSES: dict[str, GanLoss] = {
    "bce": (lambda a, b: -_log(a.sigmoid()) - _log(1 - b.sigmoid()), lambda b, _: -_log(b.sigmoid())),
    "minimax_bce": (lambda a, b: -_log(a.sigmoid()) - _log(1 - b.sigmoid()), lambda b, _: _log(1 - b.sigmoid())),
    "least_squares": (lambda a, b: ((a - 1) ** 2).mean() + (b**2).mean(), lambda b, _: ((b - 1) ** 2).mean()),
    "wasserstein": (lambda a, b: b.mean() - a.mean(), lambda b, _: -b.mean()),
    "hinge": (lambda a, b: (1 - a).clamp(min=0).mean() + (1 + b).clamp(min=0).mean(), lambda b, _: -b.mean()),
    "relativistic": (lambda a, b: -_log((a - b).sigmoid()), lambda b, a: -_log((b - a).sigmoid())),
}


def gradient_norms(discriminator: nn.Module, images: Tensor) -> Tensor:
    """Norm of each image's gradient, from one image at a time."""
    norms = []
    for image in images.detach().split(1):
        image.requires_grad_()
        (gradient,) = torch.autograd.grad(discriminator(image).sum(), image, create_graph=True)
        norms.append((gradient**2).sum().sqrt())
    return torch.stack(norms)


def penalty(name: str, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    if name == "gradient_penalty":
        place = torch.rand(len(real), 1, 1, 1)
        return ((gradient_norms(discriminator, real + place * (fake - real)) - 1) ** 2).mean()
    of_real, of_fake = name in ("r1", "r1_r2"), name in ("r2", "r1_r2")
    terms = [(gradient_norms(discriminator, images) ** 2).mean() / 2
             for images, counts in ((real, of_real), (fake, of_fake)) if counts]  # fmt: skip
    return torch.stack(terms).sum()


def gan(training: Training, image: ImageShape, batches: Iterator[Tensor]) -> Trained:
    generator = build_generator(training.network, image, training.latent, 0, training.generator)
    discriminator = build_discriminator(training.network, image, 0, training.discriminator)
    _initialise(training, generator, discriminator)
    average = Average(generator, training.ema)
    of_g = optimizer(training.optimizer, generator, training.lr, training.betas)
    of_d = optimizer(
        training.optimizer_discriminator or training.optimizer,
        discriminator,
        training.lr_discriminator or training.lr,
        training.betas,
    )
    loss_of_d, loss_of_g = LOSSES[training.loss]
    losses = []
    for images in batches:
        for real in images.chunk(training.critic_steps):
            fake = generator(torch.randn(len(real), training.latent))
            loss_d = loss_of_d(discriminator(real), discriminator(fake.detach()))
            if training.penalty != "none":
                loss_d = loss_d + training.penalty_weight * penalty(training.penalty, discriminator, real, fake)
            step(loss_d, of_d)
            for weight in discriminator.parameters() if training.clip else ():
                weight.data.clamp_(-training.clip, training.clip)
        # Only the relativistic loss looks at real images again; BatchNorm's running statistics must not see them else.
        judged = discriminator(fake)
        loss_g = loss_of_g(judged, discriminator(real) if training.loss == "relativistic" else judged)
        step(loss_g, of_g)
        average.follow(generator)
        losses.append([loss_d.detach(), loss_g.detach()])
    return losses, {"generator": generator, "discriminator": discriminator, "average": average.network}


def bigan(training: Training, image: ImageShape, batches: Iterator[Tensor]) -> Trained:
    generator = build_generator(training.network, image, training.latent, 0, training.generator)
    encoder = Encoder(image, training.latent, **training.encoder)
    discriminator = JointDiscriminator(image, training.latent, **training.discriminator)
    _initialise(training, generator, encoder, discriminator)
    average = Average(generator, training.ema)
    players = nn.ModuleList([generator, encoder])
    of_both = optimizer(training.optimizer, players, training.lr, training.betas)
    of_d = optimizer(training.optimizer, discriminator, training.lr, training.betas)
    losses = []
    for real in batches:
        z = torch.randn(len(real), training.latent)
        fake, encoded = generator(z), encoder(real)
        right, wrong = discriminator(real, encoded.detach()).sigmoid(), discriminator(fake.detach(), z).sigmoid()
        loss_d = -_log(right) - _log(1 - wrong)
        step(loss_d, of_d)
        right, wrong = discriminator(real, encoded).sigmoid(), discriminator(fake, z).sigmoid()
        loss_g = -_log(wrong) - _log(1 - right)
        step(loss_g, of_both)
        average.follow(generator)
        losses.append([loss_d.detach(), loss_g.detach()])
    trained = {"generator": generator, "encoder": encoder, "discriminator": discriminator}
    return losses, trained | {"average": average.network}


def vae(training: Training, image: ImageShape, batches: Iterator[Tensor]) -> Trained:
    decoder = build_generator(training.network, image, training.latent, 0, training.generator)
    encoder = Encoder(image, 2 * training.latent, **training.encoder)
    average = Average(decoder, training.ema)
    of_both = optimizer(training.optimizer, nn.ModuleList([decoder, encoder]), training.lr, training.betas)
    losses = []
    for images in batches:
        mean, log_variance = encoder(images).tensor_split(2, dim=1)
        z = mean + (log_variance.exp() ** 0.5) * torch.randn(mean.shape)
        white, target = (decoder(z) + 1) / 2, (images + 1) / 2
        likelihood = target * white.log() + (1 - target) * (1 - white).log()
        divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp())
        loss = (divergence.sum() - likelihood.sum()) / images.numel()
        step(loss, of_both)
        average.follow(decoder)
        losses.append([loss.detach()])
    return losses, {"encoder": encoder, "decoder": decoder, "average": average.network}


def diffusion(training: Training, image: ImageShape, batches: Iterator[Tensor]) -> Trained:
    denoiser = build_denoiser(training.network, image, 0, training.generator)
    average = Average(denoiser, training.ema)
    of_denoiser = optimizer(training.optimizer, denoiser, training.lr, training.betas)
    count = training.noise_steps
    wave = [math.cos((t / count + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(count + 1)]
    losses = []
    for images in batches:
        times, noise = torch.randint(count, (len(images),)), torch.randn(images.shape)
        noisy = []
        for picture, time, grain in zip(images, times.tolist(), noise, strict=True):
            signal = 1.0
            for t in range(time + 1):
                signal *= 1 - min(1 - wave[t + 1] / wave[t], 0.999)
            noisy.append(math.sqrt(signal) * picture + math.sqrt(1 - signal) * grain)
        loss = ((denoiser(torch.stack(noisy), times) - noise) ** 2).mean()
        step(loss, of_denoiser)
        average.follow(denoiser)
        losses.append([loss.detach()])
    return losses, {"denoiser": denoiser, "average": average.network}


def optimizer(name: str, network: nn.Module, lr: float, betas: tuple[float, float]) -> torch.optim.Optimizer:
    kinds: dict[str, tuple[Any, dict[str, Any]]] = {
        "adam": (torch.optim.Adam, {"betas": betas}),
        "rmsprop": (torch.optim.RMSprop, {}),
        "sgd": (torch.optim.SGD, {"momentum": betas[0]}),
    }
    kind, options = kinds[name]
    built: torch.optim.Optimizer = kind(network.parameters(), lr=lr, foreach=False, **options)
    return built


def step(loss: Tensor, of_network: torch.optim.Optimizer) -> None:
    of_network.zero_grad()
    loss.backward()
    of_network.step()


class Average:
    """Exponential moving average with the warm-up min(decay, (1 + t) / (10 + t))."""

    def __init__(self, network: nn.Module, decay: float | None) -> None:
        assert decay is not None
        self.network, self.decay, self.updates = copy.deepcopy(network), decay, 0

    def follow(self, network: nn.Module) -> None:
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        for mine, theirs in zip(self.network.state_dict().values(), network.state_dict().values(), strict=True):
            mine.copy_(decay * mine + (1 - decay) * theirs if mine.is_floating_point() else theirs)


def _initialise(training: Training, *networks: nn.Module) -> None:
    if training.init == "dcgan":
        for network in networks:
            dcgan_init(network)

"""Training loops in their simplest form: the equations of the papers without any optimisation for speed.

PyTorch's own convolutions, contiguous feature maps, optimisers that update one parameter at a time, gradients for all
weights in every step, losses from probabilities, EMA one tensor at a time. Each loop returns its losses and the trained
networks.
"""

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ganpipe.common.schedule import Schedule
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


# Loss of D from the logits (real, generated), loss of G from the logits (generated, real).
LOSSES: dict[str, GanLoss] = {
    "bce": (lambda a, b: -_log(a.sigmoid()) - _log(1 - b.sigmoid()), lambda b, _: -_log(b.sigmoid())),
    "sigmoid_bce": (lambda a, b: -_log(a.sigmoid()) - _log(1 - b.sigmoid()), lambda b, _: -_log(b.sigmoid())),
    "minimax_bce": (lambda a, b: -_log(a.sigmoid()) - _log(1 - b.sigmoid()), lambda b, _: _log(1 - b.sigmoid())),
    "least_squares": (lambda a, b: ((a - 1) ** 2).mean() + (b**2).mean(), lambda b, _: ((b - 1) ** 2).mean()),
    "wasserstein": (lambda a, b: b.mean() - a.mean(), lambda b, _: -b.mean()),
    "hinge": (lambda a, b: (1 - a).clamp(min=0).mean() + (1 + b).clamp(min=0).mean(), lambda b, _: -b.mean()),
    "relativistic": (lambda a, b: -_log((a - b).sigmoid()), lambda b, a: -_log((b - a).sigmoid())),
}


def gradient_norms(discriminator: nn.Module, images: Tensor) -> Tensor:
    """Norm of each image's gradient, computed one image at a time."""
    norms = []
    for image in images.detach().split(1):
        image.requires_grad_()
        (gradient,) = torch.autograd.grad(discriminator(image).sum(), image, create_graph=True)
        norms.append((gradient**2).sum().sqrt())
    return torch.stack(norms)


def penalty(name: str, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    if name == "gradient_penalty":
        epsilon = torch.rand(len(real), 1, 1, 1)
        return ((gradient_norms(discriminator, real + epsilon * (fake - real)) - 1) ** 2).mean()
    at_real, at_fake = name in ("r1", "r1_r2"), name in ("r2", "r1_r2")
    terms = [(gradient_norms(discriminator, images) ** 2).mean() / 2
             for images, included in ((real, at_real), (fake, at_fake)) if included]  # fmt: skip
    return torch.stack(terms).sum()


def gan(training: Training, image: ImageShape, batches: Iterator[Tensor]) -> Trained:
    generator = build_generator(training.network, image, training.latent, 0, training.generator)
    discriminator = build_discriminator(training.network, image, 0, training.discriminator)
    _initialise(training, generator, discriminator)
    ema = Ema(generator, training.ema)
    optimizer_g = create_optimizer(training.optimizer, generator, 0.0, (0.0, 0.0))
    optimizer_d = create_optimizer(
        training.optimizer_discriminator or training.optimizer, discriminator, 0.0, (0.0, 0.0)
    )
    discriminator_loss, generator_loss = LOSSES[training.loss]
    losses, updates = [], 0
    every_batch = list(batches)
    for number, images in enumerate(every_batch):

        def now(setting: float | Schedule, number: int = number) -> float:
            return all_values(setting, len(every_batch))[number]

        for optimizer, lr in ((optimizer_g, training.lr), (optimizer_d, training.lr_discriminator or training.lr)):
            set_values(optimizer, now(lr), (now(training.betas[0]), now(training.betas[1])))
        for real in images.chunk(training.critic_steps):
            fake = generator(torch.randn(len(real), training.latent))
            loss_d = discriminator_loss(discriminator(real), discriminator(fake.detach()))
            if training.penalty != "none" and updates % training.penalty_every == 0:
                factor = now(training.penalty_weight) * training.penalty_every
                loss_d = loss_d + factor * penalty(training.penalty, discriminator, real, fake)
            updates += 1
            step(loss_d, optimizer_d)
            for weight in discriminator.parameters() if training.clip else ():
                weight.data.clamp_(-training.clip, training.clip)
        # Only the relativistic loss needs D(x) again; otherwise BatchNorm's running statistics must not see x twice.
        fake_logits = discriminator(fake)
        loss_g = generator_loss(fake_logits, discriminator(real) if training.loss == "relativistic" else fake_logits)
        step(loss_g, optimizer_g)
        ema.update(generator)
        losses.append([loss_d.detach(), loss_g.detach()])
    return losses, {"generator": generator, "discriminator": discriminator, "ema": ema.network}


def bigan(training: Training, image: ImageShape, batches: Iterator[Tensor]) -> Trained:
    generator = build_generator(training.network, image, training.latent, 0, training.generator)
    encoder = Encoder(image, training.latent, **training.encoder)
    discriminator = JointDiscriminator(image, training.latent, **training.discriminator)
    _initialise(training, generator, encoder, discriminator)
    ema = Ema(generator, training.ema)
    generator_and_encoder = nn.ModuleList([generator, encoder])
    optimizer_g = create_optimizer(training.optimizer, generator_and_encoder, training.lr, training.betas)
    optimizer_d = create_optimizer(training.optimizer, discriminator, training.lr, training.betas)
    losses = []
    for real in batches:
        z = torch.randn(len(real), training.latent)
        fake, encoded = generator(z), encoder(real)
        p_real, p_fake = discriminator(real, encoded.detach()).sigmoid(), discriminator(fake.detach(), z).sigmoid()
        loss_d = -_log(p_real) - _log(1 - p_fake)
        step(loss_d, optimizer_d)
        p_real, p_fake = discriminator(real, encoded).sigmoid(), discriminator(fake, z).sigmoid()
        loss_g = -_log(p_fake) - _log(1 - p_real)
        step(loss_g, optimizer_g)
        ema.update(generator)
        losses.append([loss_d.detach(), loss_g.detach()])
    trained = {"generator": generator, "encoder": encoder, "discriminator": discriminator}
    return losses, trained | {"ema": ema.network}


def vae(training: Training, image: ImageShape, batches: Iterator[Tensor]) -> Trained:
    decoder = build_generator(training.network, image, training.latent, 0, training.generator)
    encoder = Encoder(image, 2 * training.latent, **training.encoder)
    ema = Ema(decoder, training.ema)
    optimizer_g = create_optimizer(training.optimizer, nn.ModuleList([decoder, encoder]), training.lr, training.betas)
    losses = []
    for images in batches:
        mean, log_variance = encoder(images).tensor_split(2, dim=1)
        z = mean + (log_variance.exp() ** 0.5) * torch.randn(mean.shape)
        white, target = (decoder(z) + 1) / 2, (images + 1) / 2
        likelihood = target * white.log() + (1 - target) * (1 - white).log()
        divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp())
        loss = (divergence.sum() - likelihood.sum()) / images.numel()
        step(loss, optimizer_g)
        ema.update(decoder)
        losses.append([loss.detach()])
    return losses, {"encoder": encoder, "decoder": decoder, "ema": ema.network}


def diffusion(training: Training, image: ImageShape, batches: Iterator[Tensor]) -> Trained:
    denoiser = build_denoiser(training.network, image, 0, training.generator)
    ema = Ema(denoiser, training.ema)
    optimizer_denoiser = create_optimizer(training.optimizer, denoiser, training.lr, training.betas)
    steps = training.noise_steps
    curve = [math.cos((t / steps + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(steps + 1)]
    losses = []
    for images in batches:
        times, noise = torch.randint(steps, (len(images),)), torch.randn(images.shape)
        noisy = []
        for image_noise, image_0, time in zip(noise, images, times.tolist(), strict=True):
            alpha_bar = 1.0
            for t in range(time + 1):
                alpha_bar *= 1 - min(1 - curve[t + 1] / curve[t], 0.999)
            noisy.append(math.sqrt(alpha_bar) * image_0 + math.sqrt(1 - alpha_bar) * image_noise)
        loss = ((denoiser(torch.stack(noisy), times) - noise) ** 2).mean()
        step(loss, optimizer_denoiser)
        ema.update(denoiser)
        losses.append([loss.detach()])
    return losses, {"denoiser": denoiser, "ema": ema.network}


def flow(training: Training, image: ImageShape, batches: Iterator[Tensor]) -> Trained:
    network = build_denoiser(training.network, image, 0, training.generator)
    ema = Ema(network, training.ema)
    optimizer = create_optimizer(training.optimizer, network, 0.0, (0.0, 0.0))
    losses, every_batch = [], list(batches)
    for number, images in enumerate(every_batch):
        set_values(optimizer, all_values(training.lr, len(every_batch))[number], (training.betas[0], training.betas[1]))
        noise, u = torch.randn(images.shape), torch.randn(len(images))
        rows = []
        for image_0, z, value in zip(images, noise, u.tolist(), strict=True):
            t = 1 / (1 + math.exp(-value))
            rows.append((image_0 + t * (z - image_0), 1000 * t, z - image_0))
        noisy, times, velocity = (
            torch.stack([torch.as_tensor(value) for value in column]) for column in zip(*rows, strict=True)
        )
        loss = ((network(noisy, times) - velocity) ** 2).mean()
        step(loss, optimizer)
        ema.update(network)
        losses.append([loss.detach()])
    return losses, {"velocity": network, "ema": ema.network}


def edm(training: Training, image: ImageShape, batches: Iterator[Tensor]) -> Trained:
    network = build_denoiser(training.network, image, 0, training.generator)
    ema = Ema(network, training.ema)
    optimizer = create_optimizer(training.optimizer, network, 0.0, (0.0, 0.0))
    losses, every_batch, deviation = [], list(batches), training.sigma_data
    for number, images in enumerate(every_batch):
        set_values(optimizer, all_values(training.lr, len(every_batch))[number], (training.betas[0], training.betas[1]))
        noise, u = torch.randn(images.shape), torch.randn(len(images))
        total = torch.zeros(())
        for y, n, value in zip(images, noise, u.tolist(), strict=True):
            sigma = math.exp(1.2 * value - 1.2)
            variance = sigma**2 + deviation**2
            noisy = y + sigma * n
            scaled, time = noisy / math.sqrt(variance), torch.tensor([1000 * math.log(sigma) / 4])
            predicted = network(scaled[None], time)[0]
            denoised = deviation**2 / variance * noisy + sigma * deviation / math.sqrt(variance) * predicted
            total = total + variance / (sigma * deviation) ** 2 * ((denoised - y) ** 2).sum()
        loss = total / images.numel()
        step(loss, optimizer)
        ema.update(network)
        losses.append([loss.detach()])
    return losses, {"denoiser": network, "ema": ema.network}


def all_values(setting: float | Schedule, steps: int) -> list[float]:
    """The value of a setting at every step of a training, by running through it from the start."""
    if isinstance(setting, float | int):
        return [setting] * steps
    values = [setting.start * part / setting.warmup for part in range(1, setting.warmup + 1)]
    rest = steps - setting.warmup
    end = setting.start if setting.end is None else setting.end
    for part in range(rest):
        weight = 1 - part / rest if setting.shape == "linear" else math.cos(math.pi * part / rest / 2) ** 2
        values.append(weight * setting.start + (1 - weight) * end)
    return values


def set_values(optimizer: torch.optim.Optimizer, lr: float, betas: tuple[float, float]) -> None:
    """Set the values of a step in an optimiser, whichever of them it has."""
    for group in optimizer.param_groups:
        group["lr"] = lr
        if "betas" in group:
            group["betas"] = betas
        elif isinstance(optimizer, torch.optim.SGD):
            group["momentum"] = betas[0]


def create_optimizer(name: str, network: nn.Module, lr: float, betas: tuple[float, float]) -> torch.optim.Optimizer:
    classes: dict[str, tuple[Any, dict[str, Any]]] = {
        "adam": (torch.optim.Adam, {"betas": betas}),
        "rmsprop": (torch.optim.RMSprop, {}),
        "sgd": (torch.optim.SGD, {"momentum": betas[0]}),
    }
    optimizer_class, options = classes[name]
    result: torch.optim.Optimizer = optimizer_class(network.parameters(), lr=lr, foreach=False, **options)
    return result


def step(loss: Tensor, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


class Ema:
    """Exponential moving average with the warm-up min(decay, (1 + t) / (10 + t))."""

    def __init__(self, network: nn.Module, decay: float | None) -> None:
        assert decay is not None
        self.network, self.decay, self.updates = copy.deepcopy(network), decay, 0

    def update(self, network: nn.Module) -> None:
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        for average, value in zip(self.network.state_dict().values(), network.state_dict().values(), strict=True):
            average.copy_(decay * average + (1 - decay) * value if average.is_floating_point() else value)


def _initialise(training: Training, *networks: nn.Module) -> None:
    if training.init == "dcgan":
        for network in networks:
            dcgan_init(network)

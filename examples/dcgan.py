"""Train a DCGAN on MNIST: one GAN training, complete, in plain PyTorch.

    python examples/dcgan.py                              # about five minutes on two CPU cores
    python examples/dcgan.py --width 64 --batch-size 128 --lr 0.0002 --epochs 100    # the settings of document 002

After every epoch the script prints the losses and saves a grid of 64 generated digits to `--out`.

This is experiment `e03-dcgan` of params.yaml (Radford, Metz and Chintala 2016, for images of 28x28 pixels) without the
pipeline around it: the same networks, initial weights, losses, optimisers and weight averaging. A test
(tests/examples/test_dcgan.py) checks that 50 steps give the losses of the pipeline. The defaults differ from that
experiment in batch size and learning rate, so that a few minutes suffice.
"""

import argparse
import copy
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.datasets import MNIST
from torchvision.utils import save_image

LATENT = 100  # length of a noise vector z


# --- Data -------------------------------------------------------------------------------------------------------------


def load_images(folder: Path) -> Tensor:
    """Return the training images as uint8 (N, 1, 28, 28): prepared by the pipeline, or downloaded by torchvision."""
    prepared = folder / "train_images.npy"
    if prepared.exists():
        return torch.from_numpy(np.load(prepared))
    return MNIST(root="out/torchvision", train=True, download=True).data.unsqueeze(1)


def to_signed(pixels: Tensor) -> Tensor:
    """Scale bytes 0..255 to floats in [-1, 1], the range of the generator's tanh."""
    return pixels.to(torch.get_default_dtype()) / 127.5 - 1.0


# --- Networks ---------------------------------------------------------------------------------------------------------


def build_generator(width: int) -> nn.Sequential:
    """Noise (N, LATENT) -> images (N, 1, 28, 28) in [-1, 1]. No biases: batch normalisation adds its own shift."""
    return nn.Sequential(
        nn.Unflatten(1, (LATENT, 1, 1)),
        nn.ConvTranspose2d(LATENT, 4 * width, 4, bias=False),  # 4x4
        nn.BatchNorm2d(4 * width),
        nn.ReLU(),
        nn.ConvTranspose2d(4 * width, 2 * width, 3, stride=2, padding=1, bias=False),  # 7x7
        nn.BatchNorm2d(2 * width),
        nn.ReLU(),
        nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1, bias=False),  # 14x14
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.ConvTranspose2d(width, 1, 4, stride=2, padding=1, bias=False),  # 28x28
        nn.Tanh(),
    )


def build_discriminator(width: int) -> nn.Sequential:
    """Images (N, 1, 28, 28) -> logits (N,): positive for "real", negative for "generated"."""
    return nn.Sequential(
        nn.Conv2d(1, width, 4, stride=2, padding=1, bias=False),  # 14x14
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=False),  # 7x7
        nn.BatchNorm2d(2 * width),
        nn.LeakyReLU(0.2),
        nn.Conv2d(2 * width, 4 * width, 4, stride=2, padding=1, bias=False),  # 3x3
        nn.BatchNorm2d(4 * width),
        nn.LeakyReLU(0.2),
        nn.Conv2d(4 * width, 1, 3, bias=False),  # 1x1
        nn.Flatten(0),
    )


def init_weights(module: nn.Module) -> None:
    """Draw initial weights as the DCGAN paper does: N(0, 0.02); scales of batch normalisation: N(1, 0.02)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)


# --- Losses -----------------------------------------------------------------------------------------------------------


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """-E[log D(x)] - E[log(1 - D(G(z)))], where D is the sigmoid of the logit."""
    real = F.binary_cross_entropy_with_logits(real_logits, torch.ones_like(real_logits))
    fake = F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))
    return real + fake


def generator_loss(fake_logits: Tensor) -> Tensor:
    """-E[log D(G(z))]: the non-saturating loss, whose gradient does not vanish while D still rejects every sample."""
    return F.binary_cross_entropy_with_logits(fake_logits, torch.ones_like(fake_logits))


# --- Training ---------------------------------------------------------------------------------------------------------


class Training:
    """Both networks, their optimisers, and an exponential moving average (EMA) of the generator's weights."""

    def __init__(self, width: int, lr: float, betas: tuple[float, float] = (0.5, 0.999), ema: float = 0.999) -> None:
        self.generator = build_generator(width).apply(init_weights)
        self.discriminator = build_discriminator(width).apply(init_weights)
        self.optimizer_g = torch.optim.Adam(self.generator.parameters(), lr=lr, betas=betas)
        self.optimizer_d = torch.optim.Adam(self.discriminator.parameters(), lr=lr, betas=betas)
        self.average = copy.deepcopy(self.generator).requires_grad_(False).eval()
        self.ema, self.steps = ema, 0

    def step(self, real: Tensor, z: Tensor) -> tuple[float, float]:
        """Train D, then G, on images (N, 1, 28, 28) and noise (N, LATENT); return the losses of D and G."""
        fake = self.generator(z)

        # Discriminator. `detach` stops the gradient before it reaches G. Real and generated images are two batches, so
        # that batch normalisation never mixes their statistics.
        loss_d = discriminator_loss(self.discriminator(real), self.discriminator(fake.detach()))
        self.optimizer_d.zero_grad()
        loss_d.backward()
        self.optimizer_d.step()

        # Generator. The gradient flows through the updated D into G; only G is changed.
        loss_g = generator_loss(self.discriminator(fake))
        self.optimizer_g.zero_grad()
        loss_g.backward()
        self.optimizer_g.step()

        self.update_average()
        return loss_d.item(), loss_g.item()

    @torch.no_grad()
    def update_average(self) -> None:
        """Move the averaged generator towards the current one; the first steps use a shorter memory."""
        decay = min(self.ema, (1 + self.steps) / (10 + self.steps))
        currents = self.generator.state_dict().values()
        for average, current in zip(self.average.state_dict().values(), currents, strict=True):
            if average.is_floating_point():
                average.lerp_(current, 1 - decay)
            else:
                average.copy_(current)  # batch normalisation's count of batches
        self.steps += 1

    @torch.no_grad()
    def save_grid(self, z: Tensor, path: Path) -> None:
        """Save images of the averaged generator as a PNG grid, eight in a row."""
        images = (self.average(z) + 1) / 2
        path.parent.mkdir(parents=True, exist_ok=True)
        save_image(images, path, nrow=8)


def train(images: Tensor, options: argparse.Namespace) -> None:
    """Train for `options.epochs` epochs and save a grid after each."""
    torch.manual_seed(options.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    training = Training(options.width, options.lr)
    for network in (training.generator, training.discriminator, training.average):
        network.to(device)
    fixed_z = torch.randn(64, LATENT).to(device)  # the same noise for every grid
    started = time.perf_counter()
    for epoch in range(1, options.epochs + 1):
        losses = []
        batches = torch.randperm(len(images)).split(options.batch_size)
        for rows in batches[: len(images) // options.batch_size]:  # without the incomplete last batch
            z = torch.randn(len(rows), LATENT).to(device)
            losses.append(training.step(to_signed(images[rows].to(device)), z))
        loss_d, loss_g = np.mean(losses, axis=0)
        training.save_grid(fixed_z, options.out)
        seconds = time.perf_counter() - started
        print(f"epoch {epoch}: loss of D {loss_d:.3f}, of G {loss_g:.3f}; {seconds:.0f} s; {options.out}", flush=True)


def main() -> None:
    """Read the options and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=5, help="passes over the training images (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=64, help="images per step (default: %(default)s)")
    parser.add_argument("--lr", type=float, default=1e-3, help="Adam's learning rate (default: %(default)s)")
    parser.add_argument("--width", type=int, default=16, help="channels of the 14x14 maps (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights, noise and order (default: %(default)s)")
    parser.add_argument("--data", type=Path, default=Path("out/prepared/mnist"), help="prepared arrays (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("dcgan.png"), help="the grid (default: %(default)s)")
    options = parser.parse_args()
    train(load_images(options.data), options)


if __name__ == "__main__":
    main()

"""Images a second of one training: ours against the loop that users run, in turn and in one run.

    python benchmarks/training.py [--width 16 32 64] [--steps 60] [--rounds 3]

The users' loop is that of the PyTorch DCGAN example, written afresh for 28x28: a DataLoader with workers, the
discriminator's two backward passes apart, `.item()` after every step. It gets two threads, as PyTorch takes by itself
on two cores; ours is run with one thread and with two. Both train the same networks on the same images.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from ganpipe.config import Training
from ganpipe.data.batches import Batches
from ganpipe.data.dataset import Split
from ganpipe.methods.gan import build
from ganpipe.options import ImageShape
from ganpipe.process import keep_memory

IMAGE, LATENT = ImageShape(1, 28), 100


def plain_generator(width: int) -> nn.Sequential:
    """The example's generator at 28x28, in PyTorch's own layers."""
    layers: list[nn.Module] = []
    inputs = LATENT
    for outputs, kernel, stride, padding in ((4, 4, 1, 0), (2, 3, 2, 1), (1, 4, 2, 1)):
        layers.append(nn.ConvTranspose2d(inputs, outputs * width, kernel, stride, padding, bias=False))
        layers += [nn.BatchNorm2d(outputs * width), nn.ReLU(True)]
        inputs = outputs * width
    return nn.Sequential(*layers, nn.ConvTranspose2d(width, 1, 4, 2, 1, bias=False), nn.Tanh())


def plain_discriminator(width: int) -> nn.Sequential:
    """The example's discriminator at 28x28."""
    layers: list[nn.Module] = []
    for inputs, outputs in ((1, width), (width, 2 * width), (2 * width, 4 * width)):
        layers.append(nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False))
        layers += [nn.BatchNorm2d(outputs)] if inputs > 1 else []
        layers.append(nn.LeakyReLU(0.2, inplace=True))
    return nn.Sequential(*layers, nn.Conv2d(4 * width, 1, 3, 1, 0, bias=False), nn.Sigmoid(), nn.Flatten(0))


class Images(Dataset[torch.Tensor]):
    """A data set as users write it: one image at a time, scaled when asked for."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.from_numpy(self.pixels[index]).float() / 127.5 - 1


def users_loop(pixels: np.ndarray, width: int, batch: int, steps: int, workers: int) -> float:
    """Images a second of the example's loop."""
    torch.set_num_threads(2)
    torch.manual_seed(0)
    generator, discriminator = plain_generator(width), plain_discriminator(width)
    optimizer_g = torch.optim.Adam(generator.parameters(), 2e-4, (0.5, 0.999))
    optimizer_d = torch.optim.Adam(discriminator.parameters(), 2e-4, (0.5, 0.999))
    loss = nn.BCELoss()
    loader = DataLoader(Images(pixels), batch, shuffle=True, num_workers=workers, drop_last=True)
    done, started = 0, time.perf_counter()
    while done < steps:
        for real in loader:
            discriminator.zero_grad()
            judged = discriminator(real)
            loss_real = loss(judged, torch.ones(batch))
            loss_real.backward()
            fake = generator(torch.randn(batch, LATENT, 1, 1))
            judged_fake = discriminator(fake.detach())
            loss_fake = loss(judged_fake, torch.zeros(batch))
            loss_fake.backward()
            optimizer_d.step()
            generator.zero_grad()
            again = discriminator(fake)
            loss_g = loss(again, torch.ones(batch))
            loss_g.backward()
            optimizer_g.step()
            _ = (loss_real + loss_fake).item(), loss_g.item(), judged.mean().item(), again.mean().item()
            done += 1
            if done == steps:
                break
    return steps * batch / (time.perf_counter() - started)


def our_loop(pixels: np.ndarray, width: int, batch: int, steps: int, threads: int) -> float:
    """Images a second of the pipeline's step."""
    keep_memory()
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    options = {"width": width}
    training = Training(
        dataset="mnist", network="dcgan", generator=options, discriminator=options, latent=LATENT, lr=2e-4,
        batch_size=batch, epochs=1, ema=0.999, seed=0, threads=threads,
    )  # fmt: skip
    method = build(training, IMAGE, 0, torch.device("cpu"))
    batches = Batches(Split(pixels, None), batch, 0)
    done, epoch, started = 0, 0, time.perf_counter()
    while done < steps:
        for images, labels in batches.epoch(epoch):
            method.step(images, labels)
            done += 1
            if done == steps:
                break
        epoch += 1
    return steps * batch / (time.perf_counter() - started)


def main() -> None:
    """Print one row a width: medians over the rounds, and the ratios to the users' loop."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, nargs="+", default=[16, 32, 64])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=Path, default=Path("out/prepared/mnist/train_images.npy"))
    chosen = parser.parse_args()
    pixels = np.load(chosen.images, allow_pickle=False)

    for width in chosen.width:
        size = (pixels, width, chosen.batch, chosen.steps)
        loops: dict[str, Callable[[], float]] = {
            "users' loop, 2 workers": lambda size=size: users_loop(*size, workers=2),
            "users' loop, no workers": lambda size=size: users_loop(*size, workers=0),
            "ours, 1 thread": lambda size=size: our_loop(*size, threads=1),
            "ours, 2 threads": lambda size=size: our_loop(*size, threads=2),
        }
        speeds: dict[str, list[float]] = {name: [] for name in loops}
        for _ in range(chosen.rounds):
            for name, loop in loops.items():
                speeds[name].append(loop())
        base = statistics.median(speeds["users' loop, 2 workers"])
        for name, values in speeds.items():
            median = statistics.median(values)
            print(
                f"width {width:3}  {name:24} {median:7.0f} images/s ({min(values):.0f} to {max(values):.0f})  "
                f"{median / base:5.2f}x",
                flush=True,
            )


if __name__ == "__main__":
    main()

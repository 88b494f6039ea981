"""Speed of ten GANs, one per digit: trained as a stacked ensemble, or one after the other.

    python benchmarks/per_class.py [--batch 16 64] [--threads 1 2] [--steps 40] [--rounds 3]

One after the other: the loop of the PyTorch DCGAN example (a DataLoader per digit, two backward passes for the
discriminator, `.item()` after every step), and this pipeline's method `gan`. Stacked: the method `per_class`. The
networks are those of the experiment `digitwise-dcgan16`. `--batch` is the batch size per digit; a step updates all ten
GANs once. Needs the prepared dataset `mnist16`.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from ganpipe.common.process import tune_allocator
from ganpipe.common.types import ImageShape
from ganpipe.config import Training
from ganpipe.data.balanced import BalancedBatches
from ganpipe.data.batches import Batches
from ganpipe.data.dataset import Split
from ganpipe.methods.registry import build_method

IMAGE, LATENT, WIDTH, DIGITS = ImageShape(1, 16), 100, 16, 10
CPU = torch.device("cpu")


def plain_networks() -> tuple[nn.Module, nn.Module]:
    """Return generator and discriminator built from PyTorch's own layers."""
    generator = nn.Sequential(
        nn.ConvTranspose2d(LATENT, 2 * WIDTH, 4, 1, 0, bias=False),
        nn.BatchNorm2d(2 * WIDTH),
        nn.ReLU(True),
        nn.ConvTranspose2d(2 * WIDTH, WIDTH, 4, 2, 1, bias=False),
        nn.BatchNorm2d(WIDTH),
        nn.ReLU(True),
        nn.ConvTranspose2d(WIDTH, 1, 4, 2, 1, bias=False),
        nn.Tanh(),
    )
    discriminator = nn.Sequential(
        nn.Conv2d(1, WIDTH, 4, 2, 1, bias=False),
        nn.LeakyReLU(0.2, True),
        nn.Conv2d(WIDTH, 2 * WIDTH, 4, 2, 1, bias=False),
        nn.BatchNorm2d(2 * WIDTH),
        nn.LeakyReLU(0.2, True),
        nn.Conv2d(2 * WIDTH, 1, 4, 1, 0, bias=False),
        nn.Sigmoid(),
        nn.Flatten(0),
    )
    return generator, discriminator


def example_loops(digits: list[Split], batch: int, steps: int) -> float:
    """Return the seconds of one plain training per digit, one after the other."""
    loss = nn.BCELoss()
    seconds = 0.0
    for digit in digits:
        generator, discriminator = plain_networks()
        optimizer_g = torch.optim.Adam(generator.parameters(), 1e-3, (0.5, 0.999))
        optimizer_d = torch.optim.Adam(discriminator.parameters(), 1e-3, (0.5, 0.999))
        pixels = torch.from_numpy(digit.images).float() / 127.5 - 1
        loader = DataLoader(TensorDataset(pixels), batch, shuffle=True, drop_last=True)
        done, started = 0, time.perf_counter()
        while done < steps:
            for (real,) in loader:
                discriminator.zero_grad()
                loss_real = loss(discriminator(real), torch.full((batch,), 0.9))
                loss_real.backward()
                fake = generator(torch.randn(batch, LATENT, 1, 1))
                loss_fake = loss(discriminator(fake.detach()), torch.zeros(batch))
                loss_fake.backward()
                optimizer_d.step()
                generator.zero_grad()
                loss_g = loss(discriminator(fake), torch.ones(batch))
                loss_g.backward()
                optimizer_g.step()
                _ = (loss_real + loss_fake).item(), loss_g.item()
                done += 1
                if done == steps:
                    break
        seconds += time.perf_counter() - started
    return seconds


def sequential_gans(digits: list[Split], batch: int, steps: int) -> float:
    """Return the seconds of one training with the method `gan` per digit, one after the other."""
    return sum(train_seconds("gan", Batches(digit, batch, 0), batch, steps) for digit in digits)


def stacked_gans(digits: list[Split], batch: int, steps: int) -> float:
    """Return the seconds of one training of all digits with the method `per_class`."""
    split = Split(
        np.concatenate([digit.images for digit in digits]),
        np.repeat(np.arange(DIGITS), [len(digit.images) for digit in digits]),
    )
    return train_seconds("per_class", BalancedBatches(split, DIGITS * batch, 0, DIGITS), DIGITS * batch, steps)


def train_seconds(method: str, batches: Batches, batch: int, steps: int) -> float:
    """Return the seconds of `steps` steps of a method."""
    training = Training(
        dataset="mnist16", method=method, network="dcgan", generator={"width": WIDTH}, discriminator={"width": WIDTH},
        latent=LATENT, lr=1e-3, smooth_real=0.9, batch_size=batch, epochs=1, ema=0.999, seed=0, threads=1,
    )  # fmt: skip
    model = build_method(training, IMAGE, DIGITS, CPU)
    done, epoch, started = 0, 0, time.perf_counter()
    while done < steps:
        for images, labels in batches.epoch(epoch):
            model.step(images, labels)
            done += 1
            if done == steps:
                break
        epoch += 1
    return time.perf_counter() - started


def main() -> None:
    """Print milliseconds per step of all ten GANs, and the speed-up over the example's loop with equal threads."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, nargs="+", default=[16, 64], help="images per digit and step")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=Path, default=Path("out/prepared/mnist16"))
    chosen = parser.parse_args()
    if not chosen.images.is_dir():
        parser.error(f"{chosen.images}: not found. Add mnist16 to grid.datasets and run `dvc repro prepare@mnist16`.")
    tune_allocator()
    pixels, labels = (np.load(chosen.images / f"train_{name}.npy") for name in ("images", "labels"))
    digits = [Split(pixels[labels == digit], None) for digit in range(DIGITS)]
    loops: dict[str, Callable[[list[Split], int, int], float]] = {
        "PyTorch example": example_loops,
        "method gan": sequential_gans,
        "method per_class": stacked_gans,
    }
    for batch in chosen.batch:
        spent: dict[tuple[str, int], list[float]] = {
            (name, threads): [] for threads in chosen.threads for name in loops
        }
        for _ in range(chosen.rounds):
            for (name, threads), seconds in spent.items():
                torch.set_num_threads(threads)
                seconds.append(loops[name](digits, batch, chosen.steps))
        for (name, threads), seconds in spent.items():
            median = statistics.median(seconds)
            base = statistics.median(spent["PyTorch example", threads])
            print(
                f"batch {batch:3}  {threads} threads  {name:16} {1000 * median / chosen.steps:7.1f} ms/step "
                f"{base / median:5.2f}x",
                flush=True,
            )


if __name__ == "__main__":
    main()

"""Ten GANs, one for each digit: trained together against ten trainings in turn, in one run.

    python benchmarks/digitwise.py [--batch 16 64] [--threads 1 2] [--steps 40] [--rounds 3]

In turn are measured the loop that users write (a DataLoader for each digit, the discriminator's two backward passes
apart, `.item()` after every step) and this pipeline's method `gan`. The networks are those of `digitwise-dcgan16`; the
batch is that of one digit. A step is one of all ten pairs.
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


def plain_pair() -> tuple[nn.Module, nn.Module]:
    """Generator and discriminator in PyTorch's own layers."""
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


def users_loop(digits: list[Split], batch: int, steps: int) -> float:
    """One plain training after the other."""
    loss = nn.BCELoss()
    seconds = 0.0
    for digit in digits:
        generator, discriminator = plain_pair()
        optimizer_g = torch.optim.Adam(generator.parameters(), 1e-3, (0.5, 0.999))
        optimizer_d = torch.optim.Adam(discriminator.parameters(), 1e-3, (0.5, 0.999))
        pixels = torch.from_numpy(digit.images).float() / 127.5 - 1
        loader = DataLoader(TensorDataset(pixels), batch, shuffle=True, drop_last=True)
        done, started = 0, time.perf_counter()
        while done < steps:
            for (real,) in loader:
                discriminator.zero_grad()
                judged = discriminator(real)
                loss_real = loss(judged, torch.full((batch,), 0.9))
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


def in_turn(digits: list[Split], batch: int, steps: int) -> float:
    """One training of the method `gan` after the other."""
    return sum(train("gan", Batches(digit, batch, 0), batch, steps) for digit in digits)


def together(digits: list[Split], batch: int, steps: int) -> float:
    """The method `per_class`."""
    split = Split(
        np.concatenate([digit.images for digit in digits]),
        np.repeat(np.arange(DIGITS), [len(digit.images) for digit in digits]),
    )
    return train("per_class", BalancedBatches(split, DIGITS * batch, 0, DIGITS), DIGITS * batch, steps)


def train(method: str, batches: Batches, batch: int, steps: int) -> float:
    """Seconds of so many steps of this pipeline."""
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
    """Print milliseconds a step of all ten pairs, and the ratio to the users' loop with as many threads."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=Path, default=Path("out/prepared/mnist16"))
    chosen = parser.parse_args()
    if not chosen.images.is_dir():
        parser.error(f"{chosen.images} is missing: add mnist16 to grid.datasets, then `dvc repro prepare@mnist16`")
    tune_allocator()
    pixels, labels = (np.load(chosen.images / f"train_{name}.npy") for name in ("images", "labels"))
    digits = [Split(pixels[labels == digit], None) for digit in range(DIGITS)]
    loops: dict[str, Callable[[list[Split], int, int], float]] = {
        "users' loop in turn": users_loop,
        "method gan in turn": in_turn,
        "per_class, together": together,
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
            base = statistics.median(spent["users' loop in turn", threads])
            print(
                f"batch {batch:3}  {threads} threads  {name:20} {1000 * median / chosen.steps:7.1f} ms/step "
                f"{base / median:5.2f}x",
                flush=True,
            )


if __name__ == "__main__":
    main()

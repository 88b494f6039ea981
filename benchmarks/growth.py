"""Measure how time and memory of one training grow: with its images, its epochs, and its number of steps.

    python benchmarks/growth.py [--images 2560 5120 10240] [--epochs 1 2 4 8] [--steps 1000000] [--network-steps 50000]

Each measurement runs the pipeline's training loop in its own process. Time should be proportional to the processed
images, and peak memory should not depend on the epochs. An epoch of a long training should cost what its tenth epoch
cost: once without a network (`--steps` steps that only return scalars, so that the bookkeeping of the loop is all there
is) and once with a small MLP (`--network-steps`). `--images` needs the prepared MNIST; `--images 0` leaves it out.
"""

import argparse
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from loops import run_in_subprocess
from torch import Tensor, nn

from ganpipe.common.process import tune_allocator
from ganpipe.common.progress import ProgressCallback
from ganpipe.common.types import ImageShape
from ganpipe.config import Training
from ganpipe.data.dataset import Dataset, Split, load
from ganpipe.methods.common.discriminator_metrics import NAMES
from ganpipe.sampling.description import Description
from ganpipe.training import loop

CPU = torch.device("cpu")
NARROW = {"width": 16}
CHECKPOINT_S = 30.0
TENTH, WINDOW = 10, 10
"""The first epoch that is compared, and the number of epochs whose median is taken: single epochs are noisy."""


def measure_size(prepared: Path, images: int, epochs: int) -> tuple[float, float]:
    """Return seconds and peak memory (MiB) of a training on that many images for that many epochs."""
    tune_allocator()
    training = Training(
        dataset="mnist", generator=NARROW, discriminator=NARROW, batch_size=128, epochs=epochs, ema=0.999, seed=0,
        threads=1, images=images,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as work:
        callback = ProgressCallback("growth", epochs)
        _, seconds = loop.train(training, load(prepared), Path(work), callback, CPU, CHECKPOINT_S)
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)


class EpochCosts(ProgressCallback):
    """Records seconds of wall time, seconds of processor time and resident memory (MiB) at the end of every epoch."""

    def __init__(self, epochs: int) -> None:
        super().__init__("growth", epochs)
        self.costs: list[tuple[float, float, float]] = []
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def on_epoch(self, history: Sequence[Mapping[str, float]], epochs: Sequence[Mapping[str, float]]) -> None:  # noqa: ARG002
        """Measure the time since the end of the previous epoch, its checkpoint included."""
        wall, cpu = time.perf_counter(), time.process_time()
        self.costs.append((wall - self._wall, cpu - self._cpu, _resident_mib()))
        self._wall, self._cpu = wall, cpu


def measure_length(network: bool, epochs: int, steps: int) -> list[tuple[float, float, float]]:
    """Return the costs of every epoch of a long training of `epochs` times `steps` steps on images of 8x8 pixels."""
    tune_allocator()
    images = np.random.default_rng(0).integers(0, 256, (2 * steps, 1, 8, 8), dtype=np.uint8)
    dataset = Dataset("random", Split(images, None), Split(images[:64], None), (), "", ImageShape(1, 8))
    hidden = {"hidden": (8,)}
    training = Training(
        dataset="random", network="mlp", generator=hidden, discriminator=hidden, latent=4, batch_size=2, epochs=epochs,
        seed=0, threads=1,
    )  # fmt: skip
    if not network:
        loop.build_method = lambda *_: ScalarsOnly()  # type: ignore[assignment]
    callback = EpochCosts(epochs)
    with tempfile.TemporaryDirectory() as work:
        outcome, _ = loop.train(training, dataset, Path(work), callback, CPU, CHECKPOINT_S)
    assert outcome.steps == epochs * steps
    return callback.costs


class ScalarsOnly:
    """A method without training: its steps return the scalars of a GAN."""

    batches_per_step = 1

    def __init__(self) -> None:
        self._scalars = dict(zip(NAMES, torch.rand(len(NAMES)).unbind(), strict=True))
        self._generator = NoiseToImage()

    def step(self, images: Tensor, labels: Tensor | None) -> dict[str, Tensor]:  # noqa: ARG002 - interface of methods
        """Return the scalars."""
        return self._scalars

    def networks(self) -> dict[str, nn.Module]:
        """Return the generator, which has no weights."""
        return {"generator": self._generator}

    def image_generator(self) -> nn.Module:
        """Return the generator."""
        return self._generator

    def description(self) -> Description:
        """Return a description with the shape of the noise and of the images."""
        return Description("none", {}, latent=64, classes=0, channels=1, size=8, range="signed")

    def state_dict(self) -> dict[str, Any]:
        """Return no state."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore no state."""


class NoiseToImage(nn.Module):
    """Returns noise as images."""

    def forward(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:  # noqa: ARG002 - interface of generators
        """Return noise N,64 as images N,1,8,8."""
        return noise.view(-1, 1, 8, 8).tanh()


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def print_sizes(prepared: Path, images: Sequence[int], epochs: Sequence[int]) -> None:
    """Print a row for each number of images, then for each number of epochs."""
    print(f"{'images':>8} {'epochs':>7} {'seconds':>8} {'ms per image':>13} {'peak, MiB':>10}")
    for count, length in [(count, 1) for count in images] + [(images[0], length) for length in epochs]:
        seconds, memory = run_in_subprocess(measure_size, prepared, count, length)
        print(f"{count:8} {length:7} {seconds:8.1f} {1000 * seconds / (count * length):13.3f} {memory:10.0f}")


def print_length(name: str, network: bool, epochs: int, steps: int) -> None:
    """Print what epochs around the tenth and the last ones cost, and their ratio."""
    costs = run_in_subprocess(measure_length, network, epochs, steps)
    medians = [
        [statistics.median(column) for column in zip(*part, strict=True)]
        for part in (costs[TENTH - 1 : TENTH - 1 + WINDOW], costs[-WINDOW:])
    ]
    print(f"{name}: {epochs} epochs of {steps} steps; medians of {WINDOW} epochs")
    print(f"{'':24} {f'from epoch {TENTH}':>15} {'last':>10} {'ratio':>7}")
    for label, first, last in zip(("seconds", "processor seconds", "resident memory, MiB"), *medians, strict=True):
        print(f"{label:24} {first:15.4g} {last:10.4g} {last / first:7.3f}", flush=True)


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=[2560, 5120, 10240])
    parser.add_argument("--epochs", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--prepared", type=Path, default=Path("out/prepared/mnist"))
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--network-steps", type=int, default=50_000)
    parser.add_argument("--steps-per-epoch", type=int, default=1000)
    arguments = parser.parse_args()
    per_epoch = arguments.steps_per_epoch
    if arguments.images != [0]:
        print_sizes(arguments.prepared, arguments.images, arguments.epochs)
    print_length("without a network", False, arguments.steps // per_epoch, per_epoch)
    print_length("with an MLP", True, arguments.network_steps // per_epoch, per_epoch)


if __name__ == "__main__":
    main()

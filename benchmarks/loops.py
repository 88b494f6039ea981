"""The two training loops that the benchmarks compare. Each yields its generator after every step.

`example_loop` is the loop of the PyTorch DCGAN example, rewritten for 28x28 pixels: a DataLoader, two backward passes
for the discriminator, `.item()` after every step. `pipeline_loop` is the pipeline's step on the pipeline's batches.
Both train the same networks on the same images.
"""

import multiprocessing
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader, Dataset

from ganpipe.common.process import tune_allocator
from ganpipe.common.types import ImageShape
from ganpipe.config import Training
from ganpipe.data.batches import Batches
from ganpipe.data.dataset import Split
from ganpipe.methods.gan import build
from ganpipe.training.history import History

IMAGE, LATENT = ImageShape(1, 28), 100
Pixels = NDArray[np.uint8]
T = TypeVar("T")


def run_in_subprocess(function: Callable[..., T], *arguments: object) -> T:
    """Return the function's result from a new process, so that one loop's allocator settings do not affect the next."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(function, *arguments).result()


def example_loop(
    pixels: Pixels, width: int, batch: int, lr: float, threads: int, workers: int, seed: int
) -> Iterator[nn.Module]:
    """Train endlessly with the loop of the PyTorch example."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    generator, discriminator = _plain_generator(width), _plain_discriminator(width)
    for network in (generator, discriminator):
        network.apply(_init_weights)
    optimizer_g = torch.optim.Adam(generator.parameters(), lr, (0.5, 0.999))
    optimizer_d = torch.optim.Adam(discriminator.parameters(), lr, (0.5, 0.999))
    loss = nn.BCELoss()
    loader = DataLoader(Images(pixels), batch, shuffle=True, num_workers=workers, drop_last=True)
    while True:
        for real in loader:
            discriminator.zero_grad()
            real_scores = discriminator(real)
            loss_real = loss(real_scores, torch.ones(batch))
            loss_real.backward()
            fake = generator(torch.randn(batch, LATENT, 1, 1))
            fake_scores = discriminator(fake.detach())
            loss_fake = loss(fake_scores, torch.zeros(batch))
            loss_fake.backward()
            optimizer_d.step()
            generator.zero_grad()
            scores_after = discriminator(fake)
            loss_g = loss(scores_after, torch.ones(batch))
            loss_g.backward()
            optimizer_g.step()
            _ = (loss_real + loss_fake).item(), loss_g.item(), real_scores.mean().item(), scores_after.mean().item()
            yield generator


def pipeline_loop(
    pixels: Pixels, width: int, batch: int, lr: float, threads: int, lowering: bool, seed: int
) -> Iterator[nn.Module]:
    """Train endlessly with the pipeline's step; yields the generator with EMA weights."""
    tune_allocator()
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    options = {"width": width}
    training = Training(
        dataset="mnist", network="dcgan", generator=options, discriminator=options, latent=LATENT, lr=lr,
        batch_size=batch, epochs=1, ema=0.999, seed=seed, threads=threads, lowering=lowering,
    )  # fmt: skip
    method = build(training, IMAGE, 0, torch.device("cpu"))
    batches = Batches(Split(pixels, None), batch, seed)
    with tempfile.TemporaryDirectory() as folder:
        history = History(Path(folder))
        for epoch in count():
            for images, labels in batches.epoch(epoch):
                history.append(method.step(images, labels))
                yield method.image_generator()


def _plain_generator(width: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    inputs = LATENT
    for outputs, kernel, stride, padding in ((4, 4, 1, 0), (2, 3, 2, 1), (1, 4, 2, 1)):
        layers.append(nn.ConvTranspose2d(inputs, outputs * width, kernel, stride, padding, bias=False))
        layers += [nn.BatchNorm2d(outputs * width), nn.ReLU(True)]
        inputs = outputs * width
    return nn.Sequential(*layers, nn.ConvTranspose2d(width, 1, 4, 2, 1, bias=False), nn.Tanh())


def _plain_discriminator(width: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in ((1, width), (width, 2 * width), (2 * width, 4 * width)):
        layers.append(nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False))
        layers += [nn.BatchNorm2d(outputs)] if inputs > 1 else []
        layers.append(nn.LeakyReLU(0.2, inplace=True))
    return nn.Sequential(*layers, nn.Conv2d(4 * width, 1, 3, 1, 0, bias=False), nn.Sigmoid(), nn.Flatten(0))


def _init_weights(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)


class Images(Dataset[torch.Tensor]):
    """A dataset as most users write it: one image per call, scaled on access."""

    def __init__(self, pixels: Pixels) -> None:
        self.pixels = pixels

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.from_numpy(self.pixels[index]).float() / 127.5 - 1

"""Training and use of a classifier: of the judge, and of the student that learns from samples alone."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ganpipe.data.dataset import Split
from ganpipe.metrics.extractors.features import extract
from ganpipe.metrics.settings import JudgeSettings
from ganpipe.nets.classifier import Classifier

ROTATIONS = 4
_WARM_UP = 0.25  # share of the steps in which the learning rate climbs; then it falls to zero

Progress = Callable[[int, int], None]
"""Called after every step with (steps done, steps in all)."""


def fit_classifier(
    network: Classifier, split: Split, settings: JudgeSettings, progress: Progress = lambda _done, _all: None
) -> None:
    """Train `network` in place on uint8 images (N,C,H,W) and their labels, or on rotations when there are none.

    Randomness comes from torch's global generator.
    """
    network.train().to(memory_format=torch.channels_last)
    images = torch.from_numpy(np.array(split.images))
    labels = None if split.labels is None else torch.from_numpy(np.array(split.labels))
    batch = min(settings.batch_size, len(images))
    epoch = len(images) // batch
    steps = settings.epochs * epoch
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.lr, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _ramp((step + 1) / (steps + 1)))
    for step in range(steps):
        if step % epoch == 0:
            order = torch.randperm(len(images))
        chosen = order[step % epoch * batch :][:batch]
        inputs = _augmented(_scaled(images[chosen]), settings)
        inputs, targets = rotations(inputs) if labels is None else (inputs, labels[chosen])
        loss = F.cross_entropy(network(inputs.contiguous(memory_format=torch.channels_last)), targets)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        progress(step + 1, steps)
    network.eval()


def look(network: Classifier, images: Tensor) -> tuple[Tensor, Tensor]:
    """Features (n, d) and logits (n, classes), float32, of uint8 images (n,C,H,W)."""
    features = network.features(_scaled(images))
    return features, network.head(features)


def accuracy(network: Classifier, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> float:
    """Share of images (N,C,H,W) whose label (N,) the network names."""
    _, logits = extract(lambda batch: look(network, batch), images)
    return float(np.mean(logits.argmax(1).numpy() == labels))


def rotations(images: Tensor) -> tuple[Tensor, Tensor]:
    """Images (n,C,H,W) in all four rotations, and which (4n,): the labels of data without labels."""
    turns = torch.arange(ROTATIONS).repeat_interleave(len(images))
    return torch.cat([torch.rot90(images, turn, (2, 3)) for turn in range(ROTATIONS)]), turns


def _ramp(progress: float) -> float:
    return min(progress / _WARM_UP, (1 - progress) / (1 - _WARM_UP))


def _scaled(images: Tensor) -> Tensor:
    return images.float().div_(127.5).sub_(1).contiguous(memory_format=torch.channels_last)


def _augmented(images: Tensor, settings: JudgeSettings) -> Tensor:
    size = images.shape[-1]
    if settings.shift:
        top, left = torch.randint(0, 2 * settings.shift + 1, (2,)).tolist()
        bordered = F.pad(images, (settings.shift,) * 4, mode="replicate")
        images = bordered[..., top : top + size, left : left + size]
    if settings.flip:
        mirrored = torch.rand(len(images), 1, 1, 1) < 0.5
        images = torch.where(mirrored, images.flip(-1), images)
    return images

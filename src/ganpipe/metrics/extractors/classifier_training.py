"""Training and use of the small classifier: the judge, and the student that is trained on samples only."""

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
_WARM_UP = 0.25  # share of the steps in which the learning rate rises linearly; afterwards it falls to zero

Progress = Callable[[int, int], None]
"""Called after every step with (completed steps, total steps)."""


def fit_classifier(
    network: Classifier, split: Split, settings: JudgeSettings, progress: Progress = lambda _done, _total: None
) -> None:
    """Train `network` in place on uint8 images (N,C,H,W) and their labels, or on rotations if there are no labels.

    Images are read batch by batch, so a memory-mapped split may be larger than memory. Random numbers come from torch's
    global generator.
    """
    network.train().to(memory_format=torch.channels_last)
    labels = None if split.labels is None else torch.from_numpy(np.array(split.labels))
    count = len(split.images)
    batch = min(settings.batch_size, count)
    batches = count // batch
    steps = settings.epochs * batches
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.lr, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _ramp((step + 1) / (steps + 1)))
    for step in range(steps):
        if step % batches == 0:
            order = torch.randperm(count)
        indices = order[step % batches * batch :][:batch]
        images = torch.from_numpy(np.asarray(split.images[indices.numpy()]))
        inputs = _augment(_scale(images), settings)
        inputs, targets = rotations(inputs) if labels is None else (inputs, labels[indices])
        loss = F.cross_entropy(network(inputs.contiguous(memory_format=torch.channels_last)), targets)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        progress(step + 1, steps)
    network.eval()


def classify(network: Classifier, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return features (n, d) and logits (n, classes), float32, of uint8 images (n,C,H,W)."""
    features = network.features(_scale(images))
    return features, network.head(features)


def accuracy(network: Classifier, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> float:
    """Return the share of images (N,C,H,W) whose label (N,) the network predicts."""
    _, logits = extract(lambda batch: classify(network, batch), images)
    return float(np.mean(logits.argmax(1).numpy() == labels))


def rotations(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return images (n,C,H,W) in all four rotations and the number of quarter turns of each, (4n,)."""
    turns = torch.arange(ROTATIONS).repeat_interleave(len(images))
    return torch.cat([torch.rot90(images, turn, (2, 3)) for turn in range(ROTATIONS)]), turns


def _ramp(progress: float) -> float:
    return min(progress / _WARM_UP, (1 - progress) / (1 - _WARM_UP))


def _scale(images: Tensor) -> Tensor:
    return images.float().div_(127.5).sub_(1).contiguous(memory_format=torch.channels_last)


def _augment(images: Tensor, settings: JudgeSettings) -> Tensor:
    size = images.shape[-1]
    if settings.shift:
        top, left = torch.randint(0, 2 * settings.shift + 1, (2,)).tolist()
        padded = F.pad(images, (settings.shift,) * 4, mode="replicate")
        images = padded[..., top : top + size, left : left + size]
    if settings.flip:
        mirrored = torch.rand(len(images), 1, 1, 1) < 0.5
        images = torch.where(mirrored, images.flip(-1), images)
    return images

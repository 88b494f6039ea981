"""A trained generator as two files that anyone can use: `generator.safetensors` and `model.json`.

The weights are named tensors. The description says which network they belong to and how numbers become pixels, so that
the generator can be rebuilt with or without this package.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from ganpipe.common.atomic import atomic_file, write_text
from ganpipe.common.errors import UserError
from ganpipe.sampling.description import DESCRIPTION, WEIGHTS, Description

BATCH = 250
"""Images made at once: always the same number, since another one may round differently."""


_OF_ANOTHER_FORM = (ValueError, TypeError, LookupError, AttributeError)


@dataclass(frozen=True)
class LoadedGenerator:
    """A generator ready to make images."""

    description: Description
    network: nn.Module

    def sample(self, count: int, labels: NDArray[np.int64] | None = None, seed: int = 0) -> NDArray[np.uint8]:
        """Images uint8 count,C,H,W, equal for equal seeds.

        labels: a class each, for a generator that is told classes; None for all classes in turn.
        """
        return draw(self, count, labels, seed)


def save_generator(network: nn.Module, description: Description, folder: Path) -> None:
    """Write both files into a folder."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    with atomic_file(folder / WEIGHTS) as part:
        part.write_bytes(save_tensors(tensors))  # of its own files safetensors leaves none that tells of a full disk
    write_text(folder / DESCRIPTION, json.dumps(asdict(description), indent=2) + "\n")


def load_generator(folder: Path) -> LoadedGenerator:
    """Rebuild a generator from its folder.

    Raises UserError when a file is missing or damaged, or does not fit the other.
    """
    try:
        description = Description(**json.loads((folder / DESCRIPTION).read_text(encoding="utf-8")))
        weights = load_file(folder / WEIGHTS)
        _refuse_misfits(description, weights)
        network = description.build()
        network.load_state_dict(weights)
    except FileNotFoundError as error:
        raise UserError(f"{error.filename} is not there: train the run first (dvc repro)") from error
    except (SafetensorError, RuntimeError, ImportError, *_OF_ANOTHER_FORM) as error:
        raise UserError(f"{folder} does not hold a generator: {error}") from error
    return LoadedGenerator(description, network.requires_grad_(False).eval())


def _refuse_misfits(description: Description, weights: dict[str, Tensor]) -> None:
    """Raise ValueError for weights of other names or shapes, before a network takes its memory, and for NaN."""
    with torch.device("meta"):
        wanted = {name: tensor.shape for name, tensor in description.build().state_dict().items()}
    found = {name: tensor.shape for name, tensor in weights.items()}
    wrong = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    if wrong:
        raise ValueError(f"{wrong[0]} and {len(wrong) - 1} more weights are missing, unknown or of another shape")
    unusable = [name for name, tensor in weights.items() if not tensor.isfinite().all()]
    if unusable:
        raise ValueError(f"{unusable[0]} holds values that are no finite numbers")


@torch.no_grad()
def draw(generator: LoadedGenerator, count: int, labels: NDArray[np.int64] | None, seed: int) -> NDArray[np.uint8]:
    """Images uint8 count,C,H,W from noise of that seed, made in batches."""
    random = torch.Generator().manual_seed(seed)
    noise = torch.randn(count, generator.description.latent, generator=random)
    told = _told(generator.description, count, labels)
    batches = [
        to_pixels(
            generator.network(noise[at : at + BATCH], None if told is None else told[at : at + BATCH]),
            generator.description.range,
        )
        for at in range(0, count, BATCH)
    ]
    return np.concatenate(batches)


def balanced_labels(count: int, classes: int) -> NDArray[np.int64] | None:
    """Labels (count,) that ask for all classes in turn; None for a generator that is not told classes."""
    return np.arange(count) % classes if classes else None


def _told(description: Description, count: int, labels: NDArray[np.int64] | None) -> Tensor | None:
    """The labels as the network takes them: by default all classes in turn, and none where there are no classes."""
    labels = balanced_labels(count, description.classes) if labels is None else labels
    return None if labels is None or not description.classes else torch.from_numpy(labels)


def to_pixels(images: Tensor, value_range: str) -> NDArray[np.uint8]:
    """Images in the networks' range as uint8, rounded to the nearest level; values outside the range are clipped."""
    unit = images if value_range == "unit" else (images + 1) / 2
    pixels: NDArray[np.uint8] = unit.mul(255).round_().clamp_(0, 255).to(torch.uint8).cpu().contiguous().numpy()
    return pixels

"""Save, load and sample a trained generator, stored as `generator.safetensors` and `model.json`.

The description in `model.json` states the network and how its output is converted to pixels, so that the generator can
be rebuilt with or without this package.
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
from ganpipe.common.random_streams import torch_stream
from ganpipe.sampling.description import DESCRIPTION, WEIGHTS, Description

BATCH = 250
"""Images per forward pass. Fixed, because another batch size may round differently."""

_MALFORMED = (ValueError, TypeError, LookupError, AttributeError)
"""Errors raised by a description or weights of another form."""


@dataclass(frozen=True)
class LoadedGenerator:
    """A generator in eval mode without gradients, and its description."""

    description: Description
    network: nn.Module

    def sample(self, count: int, labels: NDArray[np.int64] | None = None, seed: int = 0) -> NDArray[np.uint8]:
        """Generate images (count,C,H,W uint8), a function of the arguments only.

        labels: class of each image (count,) for a conditional generator; None cycles through all classes.
        """
        return sample_images(self, count, labels, seed)


def save_generator(network: nn.Module, description: Description, folder: Path) -> None:
    """Write the weights and the description of a generator into a folder."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    with atomic_file(folder / WEIGHTS) as part:
        part.write_bytes(save_tensors(tensors))  # save_file would hide the error of a full disk
    write_text(folder / DESCRIPTION, json.dumps(asdict(description), indent=2) + "\n")


def load_generator(folder: Path) -> LoadedGenerator:
    """Load the generator saved in a folder. Raises UserError if a file is missing, damaged, or does not match."""
    try:
        description = Description(**json.loads((folder / DESCRIPTION).read_text(encoding="utf-8")))
        weights = load_file(folder / WEIGHTS)
        _check_weights(description, weights)
        network = description.build()
        network.load_state_dict(weights)
    except FileNotFoundError as error:
        path = error.filename or folder / WEIGHTS  # safetensors does not state the file
        raise UserError(f"{path}: no such file. Train the run first (dvc repro).") from error
    except (SafetensorError, RuntimeError, ImportError, *_MALFORMED) as error:
        raise UserError(
            f"{folder}: not a valid generator ({error}). Train the run again, or use another folder."
        ) from error
    return LoadedGenerator(description, network.requires_grad_(False).eval())


def _check_weights(description: Description, weights: dict[str, Tensor]) -> None:
    """Raise ValueError for weights whose names or shapes differ from the network's, and for NaN or infinite values.

    The network is built on the meta device, so that a wrong description cannot allocate memory.
    """
    with torch.device("meta"):
        expected = {name: tensor.shape for name, tensor in description.build().state_dict().items()}
    found = {name: tensor.shape for name, tensor in weights.items()}
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong:
        raise ValueError(f"{wrong[0]} and {len(wrong) - 1} more weights are missing, unknown or have another shape")
    not_finite = [name for name, tensor in weights.items() if not tensor.isfinite().all()]
    if not_finite:
        raise ValueError(f"{not_finite[0]} contains NaN or infinite values")


@torch.no_grad()
def sample_images(
    generator: LoadedGenerator, count: int, labels: NDArray[np.int64] | None, seed: int
) -> NDArray[np.uint8]:
    """Generate images (count,C,H,W uint8) in batches of `BATCH`, from standard normal noise drawn with `seed`."""
    random = torch_stream(seed, "sampling")
    noise = torch.randn(count, generator.description.latent, generator=random)
    classes = _network_labels(generator.description, count, labels)
    batches = [
        to_pixels(
            generator.network(
                noise[start : start + BATCH], None if classes is None else classes[start : start + BATCH]
            ),
            generator.description.range,
        )
        for start in range(0, count, BATCH)
    ]
    return np.concatenate(batches)


def cyclic_labels(count: int, classes: int) -> NDArray[np.int64] | None:
    """Return the labels 0, 1, ..., classes - 1, 0, 1, ... (count int64); None without classes."""
    return np.arange(count) % classes if classes else None


def _network_labels(description: Description, count: int, labels: NDArray[np.int64] | None) -> Tensor | None:
    """Return the labels (count int64) for a conditional network; None for an unconditional one."""
    labels = cyclic_labels(count, description.classes) if labels is None else labels
    return None if labels is None or not description.classes else torch.from_numpy(labels)


def to_pixels(images: Tensor, value_range: str) -> NDArray[np.uint8]:
    """Convert images in [-1, 1] ("signed") or [0, 1] ("unit") to uint8, rounded to the nearest level and clipped."""
    unit = images if value_range == "unit" else (images + 1) / 2
    pixels: NDArray[np.uint8] = unit.mul(255).round_().clamp_(0, 255).to(torch.uint8).cpu().contiguous().numpy()
    return pixels

"""Images generated from the same noise throughout a training."""

import numpy as np
import torch
from numpy.typing import NDArray

from ganpipe.common.random_streams import torch_stream
from ganpipe.methods.common.protocol import Model
from ganpipe.methods.common.train_state import eval_forward
from ganpipe.sampling.description import Description
from ganpipe.sampling.generator import cyclic_labels, to_pixels

FIXED_IMAGES = 64
"""Images generated from the same noise after every epoch."""


class FixedNoise:
    """Noise, and labels for a class-conditional generator, that stay the same from epoch to epoch."""

    def __init__(self, description: Description, seed: int, device: torch.device) -> None:
        random = torch_stream(seed, "fixed_noise")
        self._noise = torch.randn(FIXED_IMAGES, description.latent, generator=random).to(device)
        labels = cyclic_labels(FIXED_IMAGES, description.classes)
        self._labels = None if labels is None else torch.from_numpy(labels).to(device)
        self._range = description.range

    def generate(self, model: Model) -> NDArray[np.uint8]:
        """Return the images that the model currently generates, uint8 FIXED_IMAGES,C,H,W."""
        return to_pixels(eval_forward(model.image_generator(), self._noise, self._labels), self._range)

"""The standard feature extractor of the Fréchet inception distance: Inception-v3 as built by torch-fidelity.

Its weights are not part of any package. Without them `fid` is not computed: the distance of another network would be
another number.
"""

import io
import pickle
import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ganpipe.common.determinism import deterministic_mode
from ganpipe.common.errors import UserError
from ganpipe.metrics.extractors.features import stream
from ganpipe.metrics.extractors.inception_file import NO_WEIGHTS, PUBLISHED, verify_weights, weights_path
from ganpipe.metrics.extractors.obtain_inception import obtain_weights, stored_weights
from ganpipe.metrics.settings import DOWNLOAD, EvaluateSettings
from ganpipe.metrics.statistics import Gaussian, Moments

RESIZE = "bilinear 299x299 (TensorFlow 1)"
_WIDTH = 2048
_BATCH = 16  # at 299x299, one layer takes 3 MB per image


@dataclass(frozen=True)
class Inception:
    """The network with its weights, and the SHA-256 of the weights file."""

    network: nn.Module
    sha256: str

    def __call__(self, images: Tensor) -> tuple[Tensor]:
        """Return features pool3 (n, 2048), float32, of uint8 images (n,C,H,W); grey images get three equal channels."""
        features: tuple[Tensor] = self.network(images.expand(-1, 3, -1, -1))
        return features

    def gaussian(self, images: NDArray[np.uint8]) -> Gaussian:
        """Return the normal distribution fitted to the features of images (N,C,H,W), batch by batch."""
        moments = Moments(_WIDTH)
        for (features,) in stream(self, images, _BATCH):
            moments.add(features)
        return moments.gaussian()


def load_inception(settings: EvaluateSettings) -> Inception:
    """Return the extractor with the weights from the file that `evaluate.inception` names.

    Raises UserError if no file is named, if it cannot be found or downloaded, or if its content is wrong.
    """
    if settings.inception is None:
        raise UserError(NO_WEIGHTS)
    if settings.inception == DOWNLOAD:
        obtain_weights(settings)
        path = stored_weights()
    else:
        path = weights_path(settings.inception)
    sha256 = verify_weights(path, settings)
    try:
        tensors = torch.load(path, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise UserError(
            f"evaluate.inception: {path} does not contain weights ({str(error).splitlines()[0]}). Download the file "
            f"from {PUBLISHED}."
        ) from error
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3  # takes seconds

    # torch-fidelity unpickles the file it is given, so it gets a copy of what was loaded as tensors only.
    tensors_only = io.BytesIO()
    torch.save(tensors, tensors_only)
    tensors_only.seek(0)
    return Inception(FeatureExtractorInceptionV3("inception-v3", [str(_WIDTH)], tensors_only), sha256)


def seconds_per_image(settings: EvaluateSettings) -> float:
    """Measure the extraction from a batch of noise, with the threads of an evaluation; a warm-up is not counted."""
    extractor = load_inception(settings.model_copy(update={"inception": DOWNLOAD}))
    images = np.random.default_rng(0).integers(256, size=(_BATCH, 3, 32, 32), dtype=np.uint8)
    with deterministic_mode(settings.threads):
        seconds = 0.0
        for _ in range(2):
            started = time.perf_counter()
            for _ in stream(extractor, images, _BATCH):
                pass
            seconds = time.perf_counter() - started
    return seconds / _BATCH

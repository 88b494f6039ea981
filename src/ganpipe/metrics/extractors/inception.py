"""The standard extractor of the Fréchet inception distance: Inception-v3, as torch-fidelity builds it.

Its weights are not part of any package. Where they cannot be had, `fid` is absent with the reason: another network's
distance would be another number.
"""

import io
import pickle
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ganpipe.common.errors import UserError
from ganpipe.common.hashing import file_digest
from ganpipe.data.download import download
from ganpipe.metrics.extractors.features import stream
from ganpipe.metrics.settings import DOWNLOAD, EvaluateSettings
from ganpipe.metrics.statistics import Gaussian, Moments

PUBLISHED = (
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth"
)
"""Where the weights' owner publishes them."""

RESIZE = "bilinear 299x299 (TensorFlow 1)"
_WIDTH = 2048
_BATCH = 16  # at 299x299, one layer of one image takes 3 MB
_TIMEOUT = 20.0


@dataclass(frozen=True)
class Inception:
    """The network with its weights, and the SHA-256 of the file they came from."""

    network: nn.Module
    sha256: str

    def __call__(self, images: Tensor) -> tuple[Tensor]:
        """Features pool3 (n, 2048), float32, of uint8 images (n,C,H,W); grey images are repeated to three channels."""
        features: tuple[Tensor] = self.network(images.expand(-1, 3, -1, -1))
        return features

    def gaussian(self, images: NDArray[np.uint8]) -> Gaussian:
        """Normal distribution fitted to the features of images (N,C,H,W), streamed."""
        moments = Moments(_WIDTH)
        for (features,) in stream(self, images, _BATCH):
            moments.add(features)
        return moments.gaussian()


def load_inception(settings: EvaluateSettings) -> Inception:
    """The extractor from the weights file that `evaluate.inception` names.

    Raises UserError when none is named, when it cannot be had, or when its bytes are not the expected ones.
    """
    if settings.inception is None:
        raise UserError(
            f"needs the standard Inception weights, which come with no package: get {PUBLISHED} from their "
            f"owner and name the file in evaluate.inception, or set evaluate.inception to {DOWNLOAD}"
        )
    path = _downloaded(PUBLISHED) if settings.inception == DOWNLOAD else Path(settings.inception)
    if not path.is_file():
        raise UserError(
            f"evaluate.inception: {settings.inception} is not a file; its owner publishes it at {PUBLISHED}"
        )
    sha256 = file_digest(path)
    if not sha256.startswith(settings.inception_sha256):
        raise UserError(
            f"evaluate.inception: {path.name} has the SHA-256 {sha256}, which does not begin with "
            f"{settings.inception_sha256} (evaluate.inception_sha256); its owner publishes it at {PUBLISHED}"
        )
    try:
        tensors = torch.load(path, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise UserError(f"evaluate.inception: {path.name} holds no weights ({_first_line(error)})") from error
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3  # takes seconds

    # torch-fidelity unpickles what it is given, so it is given a copy of what was loaded as tensors alone.
    tensors_only = io.BytesIO()
    torch.save(tensors, tensors_only)
    tensors_only.seek(0)
    return Inception(FeatureExtractorInceptionV3("inception-v3", [str(_WIDTH)], tensors_only), sha256)


def _downloaded(address: str) -> Path:
    target = Path(torch.hub.get_dir()) / "checkpoints" / address.rsplit("/", 1)[1]
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            download(address, target, _TIMEOUT)
        except (OSError, HTTPException) as error:
            raise UserError(
                f"the download of {address} failed ({error}); get it by other means and name the file in "
                "evaluate.inception"
            ) from error
    return target


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]

"""Put the published Inception weights where `evaluate.inception: download` finds them."""

import shutil
from http.client import HTTPException
from pathlib import Path

import torch

from ganpipe.common.atomic import atomic_file
from ganpipe.common.errors import UserError
from ganpipe.data.download import download
from ganpipe.metrics.extractors.inception_file import PUBLISHED, verify_weights
from ganpipe.metrics.settings import EvaluateSettings

_TIMEOUT = 20.0  # seconds to connect, and between two blocks


def stored_weights() -> Path:
    """Return the file that `evaluate.inception: download` uses: one per user, in PyTorch's folder of checkpoints."""
    return Path(torch.hub.get_dir()) / "checkpoints" / PUBLISHED.rsplit("/", 1)[1]


def obtain_weights(settings: EvaluateSettings, source: Path | None = None, address: str = PUBLISHED) -> bool:
    """Copy the weights from the file `source`, or download them, to `stored_weights()`; return whether that was needed.

    The file appears only if its SHA-256 is the expected one. An interrupted download is resumed. Raises UserError.
    """
    target = stored_weights()
    if target.exists() and source is None:
        verify_weights(target, settings)
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    if source is not None:
        verify_weights(source, settings)
        with atomic_file(target) as part:
            shutil.copyfile(source, part)
        return True
    received = target.with_name(f"{target.name}.received")
    try:
        download(address, received, _TIMEOUT)
        verify_weights(received, settings)
        received.rename(target)
    except (OSError, HTTPException) as error:
        raise UserError(
            f"{address}: the download failed ({error}). Run this again to resume it; or get the file on another "
            "machine and import it with --from FILE."
        ) from error
    finally:
        received.unlink(missing_ok=True)
    return True

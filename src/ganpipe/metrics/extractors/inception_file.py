"""The file with the weights of the standard Inception-v3: where it is published, where it is, whether it is the one.

Imports no torch: the planner checks the file before anything runs.
"""

from pathlib import Path

from ganpipe.common.checkout import root
from ganpipe.common.errors import UserError
from ganpipe.common.hashing import file_digest
from ganpipe.metrics.settings import EvaluateSettings

PUBLISHED = (
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth"
)
"""Address at which the owner publishes the weights."""

NO_WEIGHTS = (
    "needs the standard Inception weights, which are part of no package: `ganpipe weights inception` downloads them, "
    f"and with --from FILE imports the file of {PUBLISHED}"
)
"""Why `fid` cannot be computed while `evaluate.inception` is null."""


def weights_path(setting: str) -> Path:
    """Return the file that `evaluate.inception` names; a relative path starts at the main checkout."""
    return root() / Path(setting).expanduser()


def verify_weights(path: Path, settings: EvaluateSettings) -> str:
    """Return the SHA-256 of the weights file. Raises UserError if there is no file, or it is not the expected one."""
    if not path.is_file():
        raise UserError(f"evaluate.inception: {path} is not a file. Download it from {PUBLISHED}, or set null.")
    sha256 = file_digest(path)
    if not sha256.startswith(settings.inception_sha256):
        raise UserError(
            f"evaluate.inception: the SHA-256 of {path} is {sha256}, which does not start with "
            f"{settings.inception_sha256} (evaluate.inception_sha256). Download the file from {PUBLISHED}."
        )
    return sha256

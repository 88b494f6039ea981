"""Settings of the judge and of the evaluation. No torch: the planner checks them before anything is imported."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ganpipe.common.types import Count, Fraction, Natural, Positive

INCEPTION_SHA256 = "6726825d"  # the published weights carry the first digits of their SHA-256 in their file name
DOWNLOAD = "download"


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class JudgeSettings(_Settings):
    """How the judge of a dataset is trained. The defaults suit 28x28 grey images; natural images want more width."""

    width: Count = 16
    depth: Natural = 1
    epochs: Count = 3
    batch_size: Annotated[int, Field(ge=2)] = 128
    lr: Positive = 0.005
    shift: Natural = 2
    """Training images are moved by up to this many pixels."""
    flip: bool = False
    """Training images are mirrored at random: right for natural images, wrong for digits."""
    min_accuracy: Fraction | None = None
    """A judge below this held-out accuracy is kept, and its record carries a warning."""
    threads: Count = 1
    seed: Natural = 0


class EvaluateSettings(_Settings):
    """What is measured on the samples, and how. All but `metrics` and `threads` are part of every protocol."""

    metrics: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "fd_judge",
        "sharpness",
        "contrast",
        "diversity",
        "class_coverage",
    )
    real: Count = 10_000
    """Training images that samples are compared with one by one (KID, precision, recall, density, coverage, FID)."""
    neighbours: Count = 5
    """The k of the k-nearest-neighbour balls of precision, recall, density and coverage."""
    pairs: Count = 5_000
    """Random pairs of samples of which the structural similarity is averaged."""
    queries: Count = 2_000
    """Samples of which the nearest training image is looked for."""
    inception: str | None = None
    """File with the standard Inception weights; `download` fetches them from their owner; null leaves `fid` out."""
    inception_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")] = INCEPTION_SHA256
    """SHA-256 of that file, or its first digits."""
    threads: Count = 1
    seed: Natural = 0

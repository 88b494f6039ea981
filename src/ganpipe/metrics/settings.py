"""Settings of the judge and of the evaluation. Imports no torch, so that the planner stays fast."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ganpipe.common.types import Count, Fraction, Natural, Positive, Seed

INCEPTION_SHA256 = "6726825d"  # first digits of the SHA-256, as in the name of the published file
DOWNLOAD = "download"


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class JudgeSettings(_Settings):
    """Training of a dataset's judge. The defaults suit 28x28 grey images; natural images need a larger width."""

    width: Count = 16
    depth: Natural = 1
    epochs: Count = 3
    batch_size: Annotated[int, Field(ge=2)] = 128
    lr: Positive = 0.005
    shift: Natural = 2
    """Augmentation: shift training images by up to this many pixels."""
    flip: bool = False
    """Augmentation: mirror training images at random; suits natural images, not digits."""
    min_accuracy: Fraction | None = None
    """Held-out accuracy below which the judge's record contains a warning."""
    threads: Count = 1
    seed: Seed = 0


class CurveSettings(_Settings):
    """Quality over the epochs of a training: one metric of the generators that were kept during it."""

    metrics: tuple[str, ...] = ("fd_judge", "kid_imagenet")
    """In order of preference: the curve shows the first one that can be computed for the run."""
    samples: Natural = 2_000
    """Generated images per point; 0: no curve."""


class EvaluateSettings(_Settings):
    """Which metrics are computed, and how. `metrics`, `curve` and `threads` are not part of the protocol."""

    metrics: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "fd_judge",
        "sharpness",
        "contrast",
        "diversity",
        "class_coverage",
    )
    real: Count = 10_000
    """Training images used by KID, precision, recall, density, coverage and FID."""
    neighbours: Count = 5
    """The k of the k-nearest-neighbour balls of precision, recall, density and coverage."""
    pairs: Count = 5_000
    """Random pairs of samples over which the structural similarity is averaged."""
    queries: Count = 2_000
    """Samples whose nearest training image is searched."""
    selection: Natural = 0
    """Training images by which `train.keep: best` selects a generator; the metrics of the ranking do not use them."""
    curve: CurveSettings = CurveSettings()
    inception: str | None = None
    """File with the standard Inception weights; `download` gets it from its owner; null: `fid` is not computed."""
    inception_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")] = INCEPTION_SHA256
    """SHA-256 of that file, or its first digits."""
    threads: Count = 1
    seed: Seed = 0

"""The input of a metric function: samples, statistics of real images, and the features of both."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ganpipe.common.errors import UserError
from ganpipe.common.fixed_sample import spread_indices
from ganpipe.common.random_streams import numpy_stream
from ganpipe.data.dataset import Dataset
from ganpipe.metrics import copying
from ganpipe.metrics.copying import CopyReference
from ganpipe.metrics.cost import Sampler
from ganpipe.metrics.extractors.checks import Checks
from ganpipe.metrics.extractors.features import extract
from ganpipe.metrics.extractors.imagenet import IMAGES, load_imagenet
from ganpipe.metrics.extractors.inception import Inception
from ganpipe.metrics.extractors.inception_file import NO_WEIGHTS
from ganpipe.metrics.extractors.judge import Judge
from ganpipe.metrics.manifold import ManifoldOverlap, overlap
from ganpipe.metrics.settings import EvaluateSettings
from ganpipe.metrics.statistics import Gaussian, fit

Requirement = Literal[
    "judge", "inception", "imagenet", "neighbours", "copying", "classes", "labels", "class_sizes", "generator"
]
"""What a metric requires beyond pixels.

`judge`, `inception`, `imagenet`: this feature extractor, and that it passed its checks. `neighbours`: more images than
`evaluate.neighbours` on both sides. `copying`: enough training and held-out images to calibrate what a copy is.
`classes`: a judge trained on classes. `labels`: the requested classes of the samples. `class_sizes`: two samples and
two training images of every class. `generator`: the generator itself.
"""


@dataclass(frozen=True)
class RealStatistics:
    """Statistics of the real images, computed once per dataset, from the training images without `evaluate.selection`.

    features (n, d): the judge's, of `evaluate.real` training images; radii (n,) and kernel: statistics of these rows
    for the metrics that compare image by image, None if there are too few. gaussian: fitted to the judge's features of
    all these images. shares (classes,): the judge's predictions there. inception: fitted to Inception features of the
    `evaluate.real` images. copying, of the whole train split; class_gaussians, of the judge's features of each class:
    for the metrics that require them, None otherwise or if there are too few images. imagenet (m, 1280): features of at
    most `imagenet.IMAGES` training images, None if no metric requires them; imagenet_checks: whether these
    features may decide.
    """

    features: Tensor
    radii: Tensor | None
    kernel: float | None
    gaussian: Gaussian
    shares: Tensor
    inception: Gaussian | None
    copying: CopyReference | None = None
    class_gaussians: tuple[Gaussian, ...] | None = None
    imagenet: Tensor | None = None
    imagenet_checks: Checks | None = None


@dataclass(frozen=True)
class EvaluationContext:
    """Everything but the samples: data, extractors and settings. Without Inception, `fid` cannot be computed."""

    dataset: Dataset
    judge: Judge
    inception: Inception | None
    real: RealStatistics
    settings: EvaluateSettings

    @cached_property
    def compared_rows(self) -> NDArray[np.int64]:
        """Rows of the training images that samples are compared with."""
        return compared_rows(self.dataset, self.settings)


@dataclass(frozen=True)
class Evaluation:
    """Samples to be evaluated. Each extractor runs once, when the first metric needs it.

    samples: uint8 (N,C,H,W), possibly a memory map. labels: the requested classes, (N,). sampler: the generator.
    judge_outputs: features and logits of the judge, if they are already known. rows: indices of the samples to use;
    None uses all. Labels and judge outputs belong to these rows only.
    """

    context: EvaluationContext
    samples: NDArray[np.uint8]
    labels: NDArray[np.int64] | None = None
    sampler: Sampler | None = None
    judge_outputs: tuple[Tensor, ...] | None = None
    rows: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """Return the number of samples in use."""
        return len(self.samples if self.rows is None else self.rows)

    @cached_property
    def images(self) -> NDArray[np.uint8]:
        """Samples in use, uint8 (n,C,H,W)."""
        return self.samples if self.rows is None else self.samples[self.rows]

    @property
    def real(self) -> RealStatistics:
        """Statistics of the real images."""
        return self.context.real

    @property
    def settings(self) -> EvaluateSettings:
        """The section `evaluate` of the configuration."""
        return self.context.settings

    @property
    def features(self) -> Tensor:
        """The judge's features of the samples, float32 (n, d)."""
        return self._judge_outputs[0]

    @property
    def logits(self) -> Tensor:
        """The judge's logits of the samples, float32 (n, classes)."""
        return self._judge_outputs[1]

    def subset(self, rows: NDArray[np.int64]) -> "Evaluation":
        """Return the evaluation of some of the samples; no features are extracted and no images are copied."""
        return replace(
            self,
            labels=None if self.labels is None else self.labels[rows],
            judge_outputs=tuple(output[rows] for output in self._judge_outputs),
            rows=rows if self.rows is None else self.rows[rows],
        )

    def missing(self, requirement: Requirement) -> str:
        """Return why a requirement is not met, with a suggested fix; empty if it is met."""
        match requirement:
            case "judge":
                return self.context.judge.objection
            case "inception" if self.context.inception is None:
                return NO_WEIGHTS
            case "imagenet":
                checks = self.real.imagenet_checks
                return checks.objection("the ImageNet extractor") if checks else ""
            case "neighbours":
                count, neighbours = min(len(self), len(self.real.features)), self.settings.neighbours
                if count <= neighbours:
                    return (
                        f"needs more than evaluate.neighbours = {neighbours} images, there are {len(self)} samples and "
                        f"{len(self.real.features)} real images: set evaluate.neighbours below {count}"
                    )
            case "copying" if self.real.copying is None:
                return (
                    f"needs at least {copying.MIN_HELDOUT} held-out and {copying.NEIGHBOURS + 1} training images: add "
                    "images to the dataset"
                )
            case "classes" if self.context.judge.task != "classes":
                return "needs a judge trained on classes, but the dataset has fewer than two"
            case "labels" if self.labels is None:
                return "needs a generator that is conditioned on class labels"
            case "class_sizes":
                counts = np.bincount(self.labels if self.labels is not None else [], minlength=1)
                classes = len(self.context.dataset.classes)
                if self.real.class_gaussians is None or len(counts) < classes or counts.min() < 2:
                    return "needs at least two samples and two training images of every class: raise sample.count"
            case "generator" if self.sampler is None:
                return "needs the generator itself, not only its images"
        return ""

    @cached_property
    def gaussian(self) -> Gaussian:
        """Normal distribution fitted to the judge's features of the samples."""
        return fit(self.features)

    @cached_property
    def overlap(self) -> ManifoldOverlap:
        """Overlap of the judge's features of the samples with those of the real images."""
        return overlap(self.real.features, self.features, self.settings.neighbours, self.real.radii)

    @cached_property
    def imagenet_features(self) -> Tensor:
        """ImageNet features of at most `imagenet.IMAGES` samples, float32 (m, 1280)."""
        return load_imagenet().features(self.images[random_rows(len(self), IMAGES, self.settings.seed)])

    @cached_property
    def copy_statistics(self) -> copying.CopyStatistics:
        """Copying among `evaluate.queries` of the samples."""
        reference = self.real.copying
        assert reference is not None
        rows = random_rows(len(self), self.settings.queries, self.settings.seed)
        training = self.context.dataset.train.images
        pixels = copying.find_nearest(copying.average_pixels(self.images[rows]), copying.average_pixels(training))
        features = copying.find_nearest(self.features[rows], reference.features)
        close = pixels.relative <= reference.pixel_threshold
        close |= features.relative <= reference.feature_threshold
        cells = self.logits[rows].argmax(1)
        return copying.CopyStatistics(
            near_duplicates=float(close.double().mean()),
            authenticity=copying.authenticity(features),
            c_t=copying.c_t(reference.distances, reference.cells, features.distances, cells),
        )

    @cached_property
    def _judge_outputs(self) -> tuple[Tensor, ...]:
        return self.judge_outputs or extract(self.context.judge, self.images)


def random_rows(available: int, count: int, seed: int) -> NDArray[np.int64]:
    """Return `count` (or all) of the row indices 0 .. available - 1, drawn by the seed, in ascending order.

    Datasets are sorted by class, so the first rows would show a few classes only.
    """
    return np.sort(numpy_stream(seed, "metrics").choice(available, min(available, count), replace=False))


def selection_rows(dataset: Dataset, settings: EvaluateSettings) -> NDArray[np.int64]:
    """Return the rows of the `evaluate.selection` training images by which a generator is selected, ascending.

    They are drawn at random, from each class in proportion to its size. Raises UserError if they are more than half of
    the training images.
    """
    available, count = len(dataset.train.images), settings.selection
    if count > available // 2:
        raise UserError(
            f"evaluate.selection = {count}: more than half of the {available} training images of {dataset.name}. Set "
            f"it to {available // 2} or less."
        )
    rows = numpy_stream(settings.seed, "metrics", 1).permutation(available)
    if dataset.train.labels is not None:
        rows = rows[np.argsort(dataset.train.labels[rows], kind="stable")]
    return np.sort(rows[spread_indices(available, count)])


def compared_rows(dataset: Dataset, settings: EvaluateSettings) -> NDArray[np.int64]:
    """Return the rows of all other training images, ascending: those that the samples of a run are compared with."""
    return np.setdiff1d(np.arange(len(dataset.train.images)), selection_rows(dataset, settings))

"""What a metric function is given: the samples, the real images, and what the extractors see in either."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ganpipe.data.dataset import Dataset
from ganpipe.metrics.cost import Sampler
from ganpipe.metrics.extractors.features import extract
from ganpipe.metrics.extractors.inception import Inception
from ganpipe.metrics.extractors.judge import Judge
from ganpipe.metrics.manifold import ManifoldOverlap, overlap
from ganpipe.metrics.settings import EvaluateSettings
from ganpipe.metrics.statistics import Gaussian, fit

Need = Literal["judge", "inception", "classes", "labels", "generator"]
"""What a metric needs beyond the samples' pixels. `classes`: a judge of classes; `labels`: those asked for."""


@dataclass(frozen=True)
class RealStatistics:
    """The real side of the comparisons, computed once per dataset.

    features (n, d): the judge's, of `evaluate.real` train images; radii (n,) and kernel: what the metrics that compare
    image by image need of these alone, None where they are too few. gaussian: of the judge's features of the whole
    train split. shares (classes,): the judge's predictions there. inception: of Inception features of the subset.
    """

    features: Tensor
    radii: Tensor | None
    kernel: float | None
    gaussian: Gaussian
    shares: Tensor
    inception: Gaussian | None


@dataclass(frozen=True)
class EvaluationContext:
    """All but the samples: data, extractors and settings. `without_inception` says why there is no Inception."""

    dataset: Dataset
    judge: Judge
    inception: Inception | None
    real: RealStatistics
    settings: EvaluateSettings
    without_inception: str = ""


@dataclass(frozen=True)
class Evaluation:
    """Samples to be measured in a setting. Each extractor runs once, when the first metric asks for it.

    images: uint8 (N,C,H,W). labels: the classes that were asked for, (N,). sampler: what made them. judged: what the
    judge makes of the images, where that is known already.
    """

    setting: EvaluationContext
    images: NDArray[np.uint8]
    labels: NDArray[np.int64] | None = None
    sampler: Sampler | None = None
    judged: tuple[Tensor, ...] | None = None

    @property
    def real(self) -> RealStatistics:
        """The real images that the samples are compared with."""
        return self.setting.real

    @property
    def settings(self) -> EvaluateSettings:
        """What the user set."""
        return self.setting.settings

    @property
    def features(self) -> Tensor:
        """The judge's features of the samples, float32 (N, d)."""
        return self._judged[0]

    @property
    def logits(self) -> Tensor:
        """The judge's logits of the samples, float32 (N, classes)."""
        return self._judged[1]

    def part(self, rows: NDArray[np.int64]) -> "Evaluation":
        """The case of some of the samples; nothing is extracted again."""
        return replace(
            self,
            images=self.images[rows],
            labels=None if self.labels is None else self.labels[rows],
            judged=tuple(output[rows] for output in self._judged),
        )

    def lacks(self, need: Need) -> str:
        """Why a need is not met here, and the cure; empty when it is."""
        match need:
            case "judge":
                return ""
            case "inception":
                return self.setting.without_inception
            case "classes" if self.setting.judge.task != "classes":
                return "needs a judge of classes; this data set has fewer than two"
            case "labels" if self.labels is None:
                return "needs a generator that is told which class to make"
            case "generator" if self.sampler is None:
                return "needs the generator itself, not its images alone"
        return ""

    @cached_property
    def gaussian(self) -> Gaussian:
        """Fitted to the judge's features of the samples."""
        return fit(self.features)

    @cached_property
    def overlap(self) -> ManifoldOverlap:
        """How the judge's features of the samples and of the real subset lie among each other."""
        return overlap(self.real.features, self.features, self.settings.neighbours, self.real.radii)

    @cached_property
    def _judged(self) -> tuple[Tensor, ...]:
        return self.judged or extract(self.setting.judge, self.images)

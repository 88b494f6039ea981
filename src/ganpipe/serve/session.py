"""A trained generator with its dataset and judge: images on request, with metrics and predicted classes.

Used by the command `sample` and by the demo page.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from ganpipe.common.errors import UserError
from ganpipe.common.image_grid import tile
from ganpipe.common.random_streams import torch_seed, torch_stream
from ganpipe.common.types import MAX_SEED
from ganpipe.data.dataset import Dataset, load
from ganpipe.metrics.extractors.judge import Judge, load_judge
from ganpipe.plan import layout
from ganpipe.plan.problems import did_you_mean
from ganpipe.sampling.generator import BATCH, LoadedGenerator, load_generator, to_pixels
from ganpipe.sampling.selection import sampled_generator
from ganpipe.serve.runs import select_run
from ganpipe.serve.sample_metrics import ClassPrediction, SampleMetric, classify, sample_metrics
from ganpipe.serve.signature import MAX_IMAGES

MAX_SEARCHED = 20 * BATCH
"""Images sampled, at most, to find those of one class with a generator that is not conditioned on class labels."""

_COLUMNS = 8
_DISPLAY_WIDTH = 84


@dataclass(frozen=True)
class ClassSearch:
    """How many images were sampled to find those of one class, and how many the judge assigned to it."""

    sampled: int
    matching: int


@dataclass(frozen=True)
class SampleSheet:
    """Images uint8 N,C,H,W of a run, with their metrics and predicted classes.

    class_name: the requested class. search: set if the judge selected the images.
    """

    run: str
    images: NDArray[np.uint8]
    class_name: str | None
    metrics: list[SampleMetric]
    prediction: ClassPrediction | None
    search: ClassSearch | None = None
    columns: int = _COLUMNS

    def grid(self) -> NDArray[np.uint8]:
        """Return all images as one grid H,W,C."""
        return tile(self.images, self.columns)

    @property
    def scale(self) -> int:
        """Whole-number enlargement that makes an image at most 84 pixels wide."""
        return max(1, _DISPLAY_WIDTH // int(self.images.shape[-1]))


@dataclass(frozen=True)
class GeneratorSession:
    """The generator of a run with its dataset and judge."""

    run: str
    generator: LoadedGenerator
    dataset: Dataset
    judge: Judge

    @classmethod
    def open(cls, run: str | None = None) -> "GeneratorSession":
        """Load a run of the current grid, by default the winner. Raises UserError if it has no generator."""
        name = select_run(run)
        dataset = layout.run_plan(name)["train"]["dataset"]
        return cls(
            name,
            load_generator(sampled_generator(layout.MODELS / name, layout.SAMPLES / name)),
            load(layout.PREPARED / dataset),
            load_judge(layout.JUDGE / dataset),
        )

    def sample(self, count: int, class_name: str | None, seed: int) -> SampleSheet:
        """Sample `count` images from a seed, all of one class if `class_name` is given.

        If the generator is not conditioned on class labels, return the first samples that the judge assigns to the
        class: fewer than `count` if MAX_SEARCHED samples do not contain more. Raises UserError for an invalid count,
        seed or class, and if the search finds nothing.
        """
        _check_count(count)
        _check_seed(seed)
        label = self._label(class_name)
        columns = math.isqrt(count - 1) + 1
        if label is None or self.generator.description.classes:
            labels = None if label is None else np.full(count, label)
            images = self.generator.sample(count, labels, seed)
            return replace(self._sheet(images, class_name), columns=columns)
        images, search = self._search(count, label, seed)
        return replace(self._sheet(images, class_name), columns=columns, search=search)

    def interpolate(self, count: int, class_name: str | None, start: int, end: int) -> SampleSheet:
        """Return `count` images from the first image of seed `start` to that of seed `end`.

        Interpolates the latent vectors with `slerp`. Raises UserError as `sample` does, for fewer than 2 images, for
        a conditional generator without a class, and for an unconditional one with a class.
        """
        _check_count(count, fewest=2)
        _check_seed(start)
        _check_seed(end)
        label = self._label(class_name)
        classes = self.generator.description.classes
        if classes and label is None:
            raise UserError(
                f"{self.run}: interpolation in a conditional generator needs one class. Choose a class: "
                f"{_list_names(self.dataset.classes)}."
            )
        if not classes and label is not None:
            raise UserError(
                f"{self.run}: the generator is not conditioned on class labels, so the interpolation cannot keep to a "
                "class. Leave the class out, or choose a conditional run."
            )
        noise = slerp(self._latent(start), self._latent(end), count)
        labels = None if label is None else torch.full((count,), label)
        with torch.no_grad():
            images = to_pixels(self.generator.network(noise, labels), self.generator.description.range)
        sheet = self._sheet(images, class_name)
        # Neighbours are similar by construction: their diversity says nothing about the generator.
        metrics = [metric for metric in sheet.metrics if metric.name != "diversity"]
        return replace(sheet, metrics=metrics, columns=min(count, _COLUMNS))

    def _search(self, count: int, label: int, seed: int) -> tuple[NDArray[np.uint8], ClassSearch]:
        name = self.dataset.classes[label]
        found, sampled, matching = [], 0, 0
        while sampled < MAX_SEARCHED and matching < count:
            images = self.generator.sample(BATCH, None, _round_seed(seed, sampled // BATCH))
            prediction = classify(images, self.judge, self.dataset.classes)
            if prediction is None:
                raise UserError(
                    f"{self.run}: the generator is not conditioned on class labels, and the judge of "
                    f"{self.dataset.name} was trained without them. Leave the class out."
                )
            found.append(images[[predicted == name for predicted in prediction.names]])
            sampled, matching = sampled + BATCH, matching + len(found[-1])
        if not matching:
            raise UserError(
                f"{self.run}: the generator is not conditioned on class labels, and the judge classifies none of "
                f"{sampled} samples as {name}. Choose a run that generates this class, or a conditional one."
            )
        return np.concatenate(found)[:count], ClassSearch(sampled, matching)

    def _sheet(self, images: NDArray[np.uint8], class_name: str | None) -> SampleSheet:
        metrics = sample_metrics(images, self.dataset, self._label(class_name))
        return SampleSheet(self.run, images, class_name, metrics, classify(images, self.judge, self.dataset.classes))

    def _label(self, class_name: str | None) -> int | None:
        if class_name is None:
            return None
        if not self.dataset.classes:
            raise UserError(f"class {class_name}: {self.dataset.name} has no classes. Leave the class out.")
        if class_name not in self.dataset.classes:
            suggestion = did_you_mean(class_name, self.dataset.classes)
            raise UserError(f"class {class_name}: not a class of {self.dataset.name}. {suggestion}")
        return self.dataset.classes.index(class_name)

    def _latent(self, seed: int) -> torch.Tensor:
        """Return the latent vector (1, d) of the single image that `sample` makes from a seed."""
        random = torch_stream(seed, "sampling")
        return torch.randn(1, self.generator.description.latent, generator=random)


def slerp(first: torch.Tensor, last: torch.Tensor, count: int) -> torch.Tensor:
    """Interpolate between two vectors (1, d) at `count` equal angles; returns (count, d).

    Spherical interpolation keeps to the vector lengths of the training (White, Sampling generative networks, 2016,
    arXiv 1609.04468).
    """
    cosine = torch.nn.functional.cosine_similarity(first, last).clamp(-1, 1)
    angle = torch.arccos(cosine)
    t = torch.linspace(0, 1, count).unsqueeze(1)
    if torch.sin(angle) < 1e-4:  # (nearly) parallel
        return torch.lerp(first, last, t)
    return (torch.sin((1 - t) * angle) * first + torch.sin(t * angle) * last) / torch.sin(angle)


def _round_seed(seed: int, round_number: int) -> int:
    """Return a seed for one round of a search, so that the searches of two seeds share no noise."""
    return torch_seed(seed, "interactive", round_number)


def _check_count(count: int, fewest: int = 1) -> None:
    if not fewest <= count <= MAX_IMAGES:
        raise UserError(f"{count} images: not between {fewest} and {MAX_IMAGES}. Choose another number of images.")


def _check_seed(seed: int) -> None:
    if not 0 <= seed <= MAX_SEED:
        raise UserError(f"seed {seed}: not between 0 and {MAX_SEED}. Choose another seed.")


def _list_names(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= _COLUMNS * 2 else f"{names[0]} to {names[-1]}"

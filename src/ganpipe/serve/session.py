"""Images on request from a trained run, each lot with what can be measured and read in it.

The command `sample` and the page of `demo` both ask here; nothing else draws.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from ganpipe.common.errors import UserError
from ganpipe.common.image_grid import tile
from ganpipe.data.dataset import Dataset, load
from ganpipe.metrics.extractors.judge import Judge, load_judge
from ganpipe.plan import layout
from ganpipe.plan.problems import did_you_mean
from ganpipe.sampling.generator import BATCH, LoadedGenerator, load_generator, to_pixels
from ganpipe.serve.runs import chosen_run
from ganpipe.serve.sample_metrics import Measure, Reading, measure, read
from ganpipe.serve.signature import MOST

MOST_SEARCHED = 20 * BATCH
"""Images drawn to find those of a class, at most, where the generator cannot be told one."""

LAST_SEED = 2**32 - 1
_ROW = 8


@dataclass(frozen=True)
class Search:
    """How images of a class were found by a generator that cannot be told one: `hits` of `drawn` read as it."""

    drawn: int
    hits: int


@dataclass(frozen=True)
class SampleSheet:
    """Images uint8 N,C,H,W of a run, and what is said of them.

    asked: the class that was asked for. search: how they were found, where the judge chose them.
    """

    run: str
    images: NDArray[np.uint8]
    asked: str | None
    measures: list[Measure]
    reading: Reading | None
    search: Search | None = None
    columns: int = _ROW

    def sheet(self) -> NDArray[np.uint8]:
        """All images as one picture H',W',C."""
        return tile(self.images, self.columns)

    @property
    def scale(self) -> int:
        """How many times the picture is enlarged, so that an image is 84 pixels wide or its own size."""
        return max(1, 84 // int(self.images.shape[-1]))


@dataclass(frozen=True)
class GeneratorSession:
    """A run's generator, with the data and the judge that its images are held against."""

    run: str
    generator: LoadedGenerator
    dataset: Dataset
    judge: Judge

    @classmethod
    def open(cls, run: str | None = None) -> "GeneratorSession":
        """The studio of a run of the current grid, by default of the winner. Raises UserError when it has none."""
        name = chosen_run(run)
        dataset = layout.run_plan(name)["train"]["dataset"]
        return cls(
            name,
            load_generator(layout.MODELS / name),
            load(layout.PREPARED / dataset),
            load_judge(layout.JUDGE / dataset),
        )

    def draw(self, count: int, asked: str | None, seed: int) -> SampleSheet:
        """`count` images from a seed, all of the class `asked` if one is.

        Where the generator cannot be told a class, the first images are taken in which the judge reads it; there are
        fewer than `count` when MOST_SEARCHED do not hold more. Raises UserError for a count, seed or class that there
        is not, and when the search finds nothing.
        """
        _check_count(count)
        _check_seed(seed)
        label = self._label(asked)
        columns = math.isqrt(count - 1) + 1
        if label is None or self.generator.description.classes:
            told = None if label is None else np.full(count, label)
            images = self.generator.sample(count, told, seed)
            return replace(self._appraised(images, asked), columns=columns)
        images, search = self._search(count, label, seed)
        return replace(self._appraised(images, asked), columns=columns, search=search)

    def walk(self, count: int, asked: str | None, start: int, end: int) -> SampleSheet:
        """`count` images on the way from the first image of one seed to that of another.

        On the arc between the two vectors of noise, which keeps to the lengths that the generator was trained on
        (White, Sampling generative networks, 2016). Raises UserError as `draw` does, for fewer than 2 images, and
        when the generator must be told a class, or cannot.
        """
        _check_count(count, fewest=2)
        _check_seed(start)
        _check_seed(end)
        label = self._label(asked)
        classes = self.generator.description.classes
        if classes and label is None:
            raise UserError(
                f"{self.run} is told which class to make, and a walk keeps to one: choose a class, "
                f"{_listed(self.dataset.classes)}"
            )
        if not classes and label is not None:
            raise UserError(
                f"{self.run} cannot be told a class, so a walk shows what lies on its way: leave the class out, or "
                "take a run that is told classes"
            )
        noise = arc(self._noise(start), self._noise(end), count)
        told = None if label is None else torch.full((count,), label)
        with torch.no_grad():
            images = to_pixels(self.generator.network(noise, told), self.generator.description.range)
        drawing = self._appraised(images, asked)
        # Neighbours on a walk are alike on purpose: their diversity says nothing of the generator.
        measures = [one for one in drawing.measures if one.name != "diversity"]
        return replace(drawing, measures=measures, columns=min(count, _ROW))

    def _search(self, count: int, label: int, seed: int) -> tuple[NDArray[np.uint8], Search]:
        name = self.dataset.classes[label]
        found, drawn, hits = [], 0, 0
        while drawn < MOST_SEARCHED and hits < count:
            images = self.generator.sample(BATCH, None, _seed_of_round(seed, drawn // BATCH))
            reading = read(images, self.judge, self.dataset.classes)
            if reading is None:
                raise UserError(
                    f"{self.run} cannot be told a class, and the judge of {self.dataset.name} has learnt none: leave "
                    "the class out"
                )
            matching = images[[one == name for one in reading.names]]
            found.append(matching)
            drawn, hits = drawn + BATCH, hits + len(matching)
        if not hits:
            raise UserError(
                f"{self.run} cannot be told a class, and the judge reads none of {drawn} images as {name}: take a run "
                "that makes this class, or one that is told classes"
            )
        return np.concatenate(found)[:count], Search(drawn, hits)

    def _appraised(self, images: NDArray[np.uint8], asked: str | None) -> SampleSheet:
        measures = measure(images, self.dataset, self._label(asked))
        return SampleSheet(self.run, images, asked, measures, read(images, self.judge, self.dataset.classes))

    def _label(self, asked: str | None) -> int | None:
        if asked is None:
            return None
        if not self.dataset.classes:
            raise UserError(f"class {asked}: {self.dataset.name} has no classes; leave the class out")
        if asked not in self.dataset.classes:
            near = did_you_mean(asked, self.dataset.classes)
            raise UserError(f"class {asked}: {self.dataset.name} has no such class; {near}")
        return self.dataset.classes.index(asked)

    def _noise(self, seed: int) -> torch.Tensor:
        """What `draw` makes the one image of a seed from, (1, latent)."""
        random = torch.Generator().manual_seed(seed)
        return torch.randn(1, self.generator.description.latent, generator=random)


def arc(first: torch.Tensor, last: torch.Tensor, count: int) -> torch.Tensor:
    """`count` vectors (count, d), equal angles apart, from `first` to `last`, both (1, d)."""
    cosine = torch.nn.functional.cosine_similarity(first, last).clamp(-1, 1)
    angle = torch.arccos(cosine)
    along = torch.linspace(0, 1, count).unsqueeze(1)
    if torch.sin(angle) < 1e-4:  # (nearly) one direction: the arc is a straight line
        return torch.lerp(first, last, along)
    return (torch.sin((1 - along) * angle) * first + torch.sin(along * angle) * last) / torch.sin(angle)


def _seed_of_round(seed: int, number: int) -> int:
    """A seed for each round of a search, so that two searches never share their noise."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0])


def _check_count(count: int, fewest: int = 1) -> None:
    if not fewest <= count <= MOST:
        raise UserError(f"{count} images were asked for: {fewest} to {MOST} can be made at once")


def _check_seed(seed: int) -> None:
    if not 0 <= seed <= LAST_SEED:
        raise UserError(f"seed {seed}: a seed is a whole number from 0 to {LAST_SEED}")


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= _ROW * 2 else f"{names[0]} to {names[-1]}"

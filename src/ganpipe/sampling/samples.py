"""The samples of one run as files: `images.npy`, `labels.npy`, `grid.png` and the training's `status.json`.

If the generator was selected among those that the training kept, also `selection.json` and a copy of its two files.
"""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganpipe.common.atomic import atomic_folder, write_text
from ganpipe.common.determinism import make_deterministic
from ganpipe.common.errors import UserError
from ganpipe.common.image_grid import save_grid
from ganpipe.common.progress import count_images, progress_bar
from ganpipe.common.random_streams import numpy_stream
from ganpipe.sampling.description import DESCRIPTION, GIVEN_IMAGES, STATUS, WEIGHTS
from ganpipe.sampling.generator import cyclic_labels, load_generator
from ganpipe.sampling.selection import SELECTION, GeneratorSelection
from ganpipe.sampling.snapshots import kept_generators

_IMAGES, _LABELS = "images.npy", "labels.npy"
_GRID_IMAGES, _GRID_COLUMNS, _GRID_SCALE = 25, 5, 3


def write_samples(
    model: Path,
    folder: Path,
    count: int,
    seed: int,
    threads: int,
    title: str,
    selection: GeneratorSelection | None = None,
) -> None:
    """Sample the generator in the folder `model`, or the one selected there, and write its images to `folder`.

    A conditional generator gets each class in turn. If the training diverged, there is no generator, and only its
    status is copied. title: shown by the progress bar.
    """
    make_deterministic(threads)
    with atomic_folder(folder) as part:
        shutil.copyfile(model / STATUS, part / STATUS)
        if not (model / DESCRIPTION).exists():
            return
        sampled = model
        if selection is not None:
            sampled = kept_generators(model)[selection.epoch]
            write_text(part / SELECTION, json.dumps(asdict(selection), indent=2) + "\n")
            for name in (WEIGHTS, DESCRIPTION):
                shutil.copyfile(sampled / name, part / name)
        generator = load_generator(sampled)
        labels = cyclic_labels(count, generator.description.classes)
        with progress_bar(title, count, " images") as bar, count_images(bar, generator.network):
            images = generator.sample(count, labels, seed)
        np.save(part / _IMAGES, images)
        if labels is not None:
            np.save(part / _LABELS, labels)
        save_grid(images[:_GRID_IMAGES], part / "grid.png", _GRID_COLUMNS, _GRID_SCALE)


def draw_samples(model: Path, folder: Path, count: int, seed: int) -> None:
    """Take `count` of the images made elsewhere in the folder `model`, and write them to `folder`.

    All images if there are just as many, otherwise a subset drawn with `seed`; both in their original order.
    Raises UserError if there are fewer: scores of different numbers of images cannot be compared.
    """
    given = np.load(model / GIVEN_IMAGES, mmap_mode="r", allow_pickle=False)
    if len(given) < count:
        raise UserError(
            f"path: contains {len(given)} images, but sample.count = {count}: all experiments are evaluated on equally "
            "many. Add images, or lower sample.count."
        )
    rows = np.sort(numpy_stream(seed, "sampling").permutation(len(given))[:count])
    images = np.asarray(given[rows])
    with atomic_folder(folder) as part:
        shutil.copyfile(model / STATUS, part / STATUS)
        np.save(part / _IMAGES, images)
        save_grid(images[:_GRID_IMAGES], part / "grid.png", _GRID_COLUMNS, _GRID_SCALE)


def load_samples(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64] | None] | None:
    """Return the images (N, C, H, W) and their labels (N,), None if unconditional; None if nothing was sampled."""
    images, labels = folder / _IMAGES, folder / _LABELS
    if not images.exists():
        return None
    return (
        np.load(images, mmap_mode="r", allow_pickle=False),
        np.load(labels, allow_pickle=False) if labels.exists() else None,
    )

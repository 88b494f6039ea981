"""Stacked MNIST and its like: three grey images drawn at random as the red, green and blue channel of one image.

With ten classes the stacked images have 10^3 = 1,000 modes, the triples of classes, which a classifier of the grey
images recognises: a test of mode coverage (Metz et al., Unrolled generative adversarial networks, 2017, section 3.3).
"""

import json
import shutil
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganpipe.common.atomic import atomic_folder, write_text
from ganpipe.common.errors import UserError
from ganpipe.common.hashing import digest, file_digest
from ganpipe.common.random_streams import numpy_stream
from ganpipe.common.types import ImageShape
from ganpipe.data.dataset import DESCRIPTION, SPLITS, Split, load
from ganpipe.data.prepare import prepare
from ganpipe.data.settings import DatasetSettings

CHANNELS = 3
ROUNDS = {"train": 1, "heldout": 3}
"""How often each grey image occurs in each channel. Three rounds of MNIST's 10,000 test images are more than the 26,000
images on which the modes are usually counted, so that real images can be measured on as many."""

_BLOCK = 4096  # images that are stacked at a time


def prepare_stacked(
    name: str, raw: Path, settings: DatasetSettings, destination: Path, report: Callable[[str], None] = print
) -> None:
    """Write the stacked dataset `name` from fetched raw files, in the format of `prepare`.

    settings: of the grey images. Training images consist of training images only, held-out ones of held-out ones. The
    stacks depend on `settings.seed`. Class a * K^2 + b * K + c of K^3 has red class a, green class b and blue class c.
    Raises UserError as `prepare` does, for images that are not grey, and if a mode has no training image.
    """
    with atomic_folder(destination) as part:
        single_folder = part / "single"
        prepare(name, raw, settings, single_folder, report)
        description = json.loads((single_folder / DESCRIPTION).read_text(encoding="utf-8"))
        single = load(single_folder)
        if single.shape.channels != 1 or not single.classes:
            raise UserError("stacked: needs grey images with classes. Remove it, or choose another source.")
        classes = ["-".join(names) for names in product(single.classes, repeat=CHANNELS)]
        for number, key in enumerate(SPLITS):
            stacks = draw_stacks(len(getattr(single, key).images), ROUNDS[key], settings.seed, number)
            labels = _write_split(part, key, getattr(single, key), stacks, len(single.classes))
            description["counts"][key] = len(labels)
            if key == "train":
                _check_modes(labels, classes)
        shutil.rmtree(single_folder)
        shape = ImageShape(CHANNELS, single.shape.size)
        arrays = {path.name: file_digest(path) for path in sorted(part.glob("*.npy"))}
        description |= {"title": f"Stacked {description['title']}", "shape": shape._asdict(), "classes": classes}
        description["settings"]["stacked"] = True
        description["fingerprint"] = digest({"arrays": arrays, "shape": list(shape), "classes": classes})
        write_text(part / DESCRIPTION, json.dumps(description, indent=2, ensure_ascii=False) + "\n")


def draw_stacks(count: int, rounds: int, seed: int, split: int) -> NDArray[np.int64]:
    """Return which of `count` images form the channels of each stack, (rounds * count, CHANNELS).

    Each round is an independent random permutation per channel: each channel contains every image equally often.
    """
    orders = [
        [numpy_stream(seed, "split", split, number, channel).permutation(count) for channel in range(CHANNELS)]
        for number in range(rounds)
    ]
    return np.concatenate([np.stack(order, axis=1) for order in orders])


def _write_split(folder: Path, key: str, single: Split, stacks: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Write the images and labels of a split and return the labels."""
    assert single.labels is not None
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(stacks), CHANNELS, *single.images.shape[2:])}
    with (folder / f"{key}_images.npy").open("wb") as handle:
        np.lib.format.write_array_header_1_0(handle, header)
        for start in range(0, len(stacks), _BLOCK):
            handle.write(single.images[:, 0][stacks[start : start + _BLOCK]].tobytes())
    labels = single.labels[stacks] @ classes ** np.arange(CHANNELS)[::-1]
    np.save(folder / f"{key}_labels.npy", labels)
    return labels


def _check_modes(labels: NDArray[np.int64], classes: list[str]) -> None:
    missing = np.flatnonzero(np.bincount(labels, minlength=len(classes)) == 0)
    if len(missing):
        raise UserError(
            f"stacked: {len(missing)} of {len(classes)} modes, such as {classes[missing[0]]}, have no training image. "
            "Raise per_label, or keep fewer classes with labels."
        )

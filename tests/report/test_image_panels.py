from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ganpipe.report.image_panels import real_images

CLASSES = 10


def shown_classes(prepared: Path, labels: NDArray[np.int64], folder: Path) -> set[int]:
    """Return the classes in the grid of real images; an image of class c is uniformly 20 * c."""
    (prepared / "mine").mkdir(parents=True)
    images = np.broadcast_to((20 * labels).astype(np.uint8)[:, None, None, None], (len(labels), 1, 28, 28))
    np.save(prepared / "mine" / "heldout_images.npy", images)
    figure = real_images(prepared, "mine", folder)
    assert figure is not None
    values = np.unique(np.asarray(Image.open(figure.path)))
    return {int(value) // 20 for value in values if value < 255}  # 255 is the gap between the images


@pytest.mark.parametrize(
    "labels",
    [
        np.repeat(np.arange(CLASSES), 25),
        np.tile(np.arange(CLASSES), 25),
        np.repeat(np.arange(CLASSES), [300] + 9 * [30]),
    ],
    ids=["sorted", "alternating", "sorted and unbalanced"],
)
def test_real_images_show_more_than_one_class(labels: NDArray[np.int64], tmp_path: Path) -> None:
    assert len(shown_classes(tmp_path / "prepared", labels, tmp_path / "figures")) >= 8


def test_every_image_of_a_small_split_is_shown(tmp_path: Path) -> None:
    assert shown_classes(tmp_path / "prepared", np.arange(7), tmp_path / "figures") == set(range(7))

"""From a user's own images to arrays: fetch and prepare together."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganpipe.common.errors import UserError
from ganpipe.data.dataset import Dataset, load
from ganpipe.data.fetch import fetch_dataset
from ganpipe.data.idx import read_idx
from ganpipe.data.prepare import prepare
from ganpipe.data.settings import DatasetSettings
from tests.data.conftest import MNIST
from tests.data.image_files import encoded


class Pipeline:
    """Fetches and prepares the images in `<folder>/mine`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.lines = folder, list[str]()
        self.images = folder / "mine"

    def __call__(self, path: Path | None = None, **settings: Any) -> Dataset:
        values = {"source": "folder", "path": str(path or self.images), "size": 8} | settings
        parsed = DatasetSettings.model_validate(values)
        self.lines.clear()
        fetch_dataset(parsed, self.folder, self.folder / "raw", self.folder / "cache", self.lines.append)
        prepare("mine", self.folder / "raw", parsed, self.folder / "out", self.lines.append)
        return load(self.folder / "out")

    def write(self, name: str, image: Image.Image | bytes, format_: str = "PNG", **options: Any) -> None:
        path = self.images / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image if isinstance(image, bytes) else encoded(image, format_, **options))

    def write_classes(self, **counts: int) -> None:
        """Grey images; the level of an image is its number."""
        level = 0
        for name, count in counts.items():
            for number in range(count):
                self.write(f"{name}/{number:03}.png", Image.new("L", (9, 9), level % 256))
                level += 1


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path)


def levels(data: Dataset) -> list[int]:
    return sorted(int(image[0, 0, 0]) for split in (data.train, data.heldout) for image in split.images)


def test_16_bit_images_are_scaled(pipeline: Pipeline) -> None:
    ramp = np.linspace(0, 65535, 40 * 40).astype(np.uint16).reshape(40, 40)
    for number in range(4):
        pipeline.write(f"{number}.png", Image.fromarray(ramp))
    assert abs(pipeline(size=40).train.images.mean() - 127.5) < 1


def test_transparency_shows_the_background(pipeline: Pipeline) -> None:
    image = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (16, 16, 48, 48))
    for number in range(4):
        pipeline.write(f"{number}.png", image)
    assert pipeline(size=16).train.images[0, :, 0, 0].tolist() == [255, 255, 255]
    assert pipeline(size=16, background="#102030").train.images[0, :, 0, 0].tolist() == [16, 32, 48]
    assert pipeline.lines[0].endswith("remarks: transparent: 4. Full list: images.csv in the raw folder")


@pytest.mark.parametrize(
    ("settings", "channels"),
    [({}, 1), ({"channels": 1}, 1), ({"channels": 3}, 3), ({"background": "#ff0000"}, 3)],
)
def test_grey_images_have_one_channel_unless_set_otherwise(
    settings: dict[str, object], channels: int, pipeline: Pipeline
) -> None:
    pipeline.write_classes(a=3)
    pipeline.write("rgb.png", Image.new("RGB", (9, 9), (7, 7, 7)))
    pipeline.write("la.png", Image.new("LA", (9, 9), (7, 128)))
    assert pipeline(**settings).shape.channels == channels


def test_one_colour_image_gives_three_channels(pipeline: Pipeline) -> None:
    pipeline.write_classes(a=3)
    pipeline.write("red.png", Image.new("RGB", (9, 9), (7, 8, 7)))
    assert pipeline().shape.channels == 3
    assert pipeline(channels=1).shape.channels == 1


def test_a_coloured_background_does_not_colour_opaque_grey_images(pipeline: Pipeline) -> None:
    pipeline.write_classes(a=4)
    assert pipeline(background="#ff0000").shape.channels == 1
    assert pipeline(background="#ff0000", fit="pad").shape.channels == 3


def test_every_class_is_trained_on_and_held_out(pipeline: Pipeline) -> None:
    pipeline.write_classes(a=60, b=60, c=2, d=1)
    data = pipeline(classes="subfolders")
    assert data.train.labels is not None
    assert data.heldout.labels is not None
    assert Counter(data.train.labels.tolist()) == {0: 54, 1: 54, 2: 1, 3: 1}
    assert Counter(data.heldout.labels.tolist()) == {0: 6, 1: 6, 2: 1}
    assert levels(data) == list(range(123))


def test_small_classes_are_reported(pipeline: Pipeline) -> None:
    pipeline.write_classes(a=60, b=10, c=1)
    pipeline(classes="subfolders")
    assert pipeline.lines[1:] == [
        "class b has few images: 9 for training, 1 held out",
        "class c has few images: 1 for training, 0 held out",
    ]


def test_folders_of_splits_are_kept(pipeline: Pipeline) -> None:
    pipeline.write_classes(**{"train/cat": 5, "train/dog": 4, "test/cat": 3, "val/dog": 2})
    data = pipeline(classes="subfolders")
    assert data.classes == ("cat", "dog")
    assert levels(data) == list(range(14))
    assert sorted(int(image[0, 0, 0]) for image in data.train.images) == list(range(9))


def test_an_empty_split_is_reported(pipeline: Pipeline) -> None:
    pipeline.write_classes(**{"train/cat": 5, "train/dog": 4, "test/cat": 3})
    with pytest.raises(UserError, match="no image remains in the heldout split"):
        pipeline(classes="subfolders", labels=[1])
    assert not (pipeline.folder / "out").exists()


@pytest.mark.parametrize("lost", ["train", "test"])
def test_a_split_of_which_no_image_can_be_read_is_an_error(lost: str, pipeline: Pipeline) -> None:
    pipeline.write_classes(**{"train/cat": 5, "test/cat": 3})
    for path in (pipeline.images / lost / "cat").iterdir():
        path.write_bytes(b"damaged")
    name = {"train": "train", "test": "heldout"}[lost]
    with pytest.raises(UserError, match=rf"splits: no image of the {name} split can be used\. .*\n.*{lost}/cat/00"):
        pipeline(classes="subfolders")
    assert len(pipeline(classes="subfolders", splits="random").heldout.images) >= 1


LOST_IN_A_TABLE = {
    "damaged": {"content": b"damaged"},
    "not unpacked": {"content": None},
    "without label": {"label": ""},
}


@pytest.mark.parametrize("lost", ["train", "test"])
@pytest.mark.parametrize("how", LOST_IN_A_TABLE)
def test_a_split_of_a_table_of_which_no_image_can_be_used_is_an_error(how: str, lost: str, pipeline: Pipeline) -> None:
    pipeline.write_classes(images=8)
    rows = ["file,label,split"]
    for number in range(8):
        split, label = "train" if number < 5 else "test", "cat"
        path = pipeline.images / f"images/{number:03}.png"
        if split == lost:
            label = LOST_IN_A_TABLE[how].get("label", label)
            content = LOST_IN_A_TABLE[how].get("content", path.read_bytes())
            path.unlink() if content is None else path.write_bytes(content)
        rows.append(f"images/{path.name},{label},{split}")
    pipeline.write("metadata.csv", "\n".join(rows).encode())
    name, first = ("train", "000") if lost == "train" else ("heldout", "005")
    with pytest.raises(
        UserError, match=rf"splits: no image of the {name} split can be used(.|\n)*images/{first}\.png: "
    ):
        pipeline(classes="metadata.csv")
    assert len(pipeline(classes="metadata.csv", splits="random").heldout.images) >= 1


def test_training_folders_alone_are_split_randomly(pipeline: Pipeline) -> None:
    pipeline.write_classes(**{"train/cat": 10, "train/dog": 10})
    data = pipeline(classes="subfolders")
    assert data.classes == ("cat", "dog")
    assert len(data.heldout.images) == 2


def test_a_single_image_is_rejected(pipeline: Pipeline) -> None:
    pipeline.write_classes(a=1)
    with pytest.raises(UserError, match="single image"):
        pipeline()


def test_unreadable_images_are_limited_by_max_broken(pipeline: Pipeline) -> None:
    pipeline.write_classes(a=5)
    for number in range(3):
        pipeline.write(f"broken-{number}.png", b"")
    pipeline.write("notes.txt", b"text")
    assert len(levels(pipeline(max_broken=3))) == 5
    assert json.loads((pipeline.folder / "out" / "dataset.json").read_text())["skipped"] == {
        "empty": 3,
        "not an image": 1,
    }
    with pytest.raises(
        UserError, match=r"max_broken: 3 images cannot be read, more than 2(.|\n)*broken-0\.png: empty file"
    ):
        pipeline(max_broken=2)


@pytest.mark.parametrize("broken", ["nowhere.png", "broken.png", b"", encoded(Image.new("L", (9, 9)), "PNG")[:45]])
def test_broken_files_and_links_count(broken: str | bytes, pipeline: Pipeline) -> None:
    pipeline.write_classes(a=5)
    path = pipeline.images / "broken.png"
    path.write_bytes(broken) if isinstance(broken, bytes) else path.symlink_to(broken)
    with pytest.raises(UserError, match=r"max_broken: 1 images cannot be read, more than 0(.|\n)*broken\.png: "):
        pipeline(max_broken=0)


@pytest.mark.parametrize("exported_as", ["8-bit RGB PNG", "16-bit PNG", "NumPy", "float NumPy"])
def test_exported_mnist_gives_the_same_arrays(exported_as: str, pipeline: Pipeline) -> None:
    images = {key: read_idx(MNIST / f"{key}-images-idx3-ubyte.gz")[:40] for key in ("train", "t10k")}
    labels = {key: read_idx(MNIST / f"{key}-labels-idx1-ubyte.gz")[:40] for key in ("train", "t10k")}
    if "NumPy" in exported_as:
        scale = 255 if "float" in exported_as else 1
        arrays = {f"x_{'train' if key == 'train' else 'test'}": images[key] / scale for key in images}
        arrays = arrays if scale > 1 else {name: values.astype(np.uint8) for name, values in arrays.items()}
        arrays |= {f"y_{'train' if key == 'train' else 'test'}": labels[key] for key in labels}
        np.savez(pipeline.folder / "mnist.npz", **arrays)
        data = pipeline(pipeline.folder / "mnist.npz", source="array", classes="labels", size=28)
    else:
        for key, folder in (("train", "train"), ("t10k", "test")):
            for number, (image, label) in enumerate(zip(images[key], labels[key], strict=True)):
                made = Image.fromarray(image.astype(np.uint16) * 257 if "16" in exported_as else image)
                made = made if "16" in exported_as else made.convert("RGB")
                pipeline.write(f"{folder}/{label}/{number:03}.png", made)
        data = pipeline(classes="subfolders", size=28)
    assert data.classes == tuple("0123456789")
    assert data.shape == (1, 28)
    for split, key in ((data.train, "train"), (data.heldout, "t10k")):
        assert split.labels is not None
        order = np.argsort(labels[key], kind="stable") if "PNG" in exported_as else np.arange(40)
        assert np.array_equal(split.images[:, 0], images[key][order])
        assert np.array_equal(split.labels, labels[key][order])


def test_arrays_of_any_shape_are_fitted(pipeline: Pipeline) -> None:
    wide = np.zeros((6, 10, 20, 3), dtype=np.uint8)
    wide[:, :, 5:15] = 100
    np.save(pipeline.folder / "wide.npy", wide)
    with pytest.raises(UserError, match="size: not set, but images are 20x10 pixels"):
        pipeline(pipeline.folder / "wide.npy", source="array", size=None)
    data = pipeline(pipeline.folder / "wide.npy", source="array")
    assert data.shape == (1, 8)  # grey in three channels
    assert (data.train.images == 100).all()
    assert pipeline(pipeline.folder / "wide.npy", source="array", fit="pad").train.images[0, 0, 0, 0] == 255
    rgba = np.zeros((6, 8, 8, 4), dtype=np.uint8)
    rgba[..., 0] = 255
    np.save(pipeline.folder / "rgba.npy", rgba)
    assert (pipeline(pipeline.folder / "rgba.npy", source="array").train.images == 255).all()


def test_two_preparations_write_the_same_bytes(pipeline: Pipeline) -> None:
    pipeline.write_classes(a=9, b=9)
    contents = []
    for _ in range(2):
        pipeline(classes="subfolders")
        contents.append({path.name: path.read_bytes() for path in (pipeline.folder / "out").iterdir()})
    assert contents[0] == contents[1]


LIMITED = """
import resource, sys
from pathlib import Path
from ganpipe.data.fetch import fetch_dataset
from ganpipe.data.prepare import prepare
from ganpipe.data.settings import DatasetSettings
settings = DatasetSettings.model_validate_json(sys.argv[1])
# Private memory: it includes what Python allocates, but not files that are mapped.
resource.setrlimit(resource.RLIMIT_DATA, (int(sys.argv[3]), int(sys.argv[3])))
folder = Path(sys.argv[2])
fetch_dataset(settings, folder, folder / "raw", folder / "cache", lambda _: None)
prepare("mine", folder / "raw", settings, folder / "out", lambda _: None)
"""


@pytest.mark.parametrize("source", ["folder", "array"])
def test_memory_does_not_grow_with_the_number_of_images(source: str, pipeline: Pipeline) -> None:
    count, size = 1000, 256  # 197 MB of pixels when decoded
    if source == "folder":
        for number in range(count):
            pipeline.write(f"{number:04}.jpg", Image.new("RGB", (size, size), (number % 256, 0, 99)), "JPEG")
        path = pipeline.images
    else:
        path = pipeline.folder / "images.npy"
        array = np.lib.format.open_memmap(path, "w+", np.uint8, (count, size, size, 3))
        array[:, 0, 0, 0] = 200
        array.flush()
        del array
    settings = DatasetSettings(source=source, path=str(path), size=size)
    command = [sys.executable, "-c", LIMITED, settings.model_dump_json(), pipeline.folder, str(150 << 20)]
    subprocess.run(command, check=True)
    assert (pipeline.folder / "out" / "train_images.npy").stat().st_size > 150 << 20

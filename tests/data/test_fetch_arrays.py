from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ganpipe.common.errors import UserError
from ganpipe.data.dataset import Split
from ganpipe.data.fetch_arrays import fetch_arrays
from ganpipe.data.pins import read_contents
from ganpipe.data.raw_arrays import read_raw_arrays
from ganpipe.data.settings import DatasetSettings

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (12, 8, 8), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)
GREY[0, 0], COLOUR[0, 0] = 0, 255  # both ends of the range


class Fetched:
    def __init__(self, source: Path, raw: Path, **settings: Any) -> None:
        raw.mkdir()
        self.lines: list[str] = []
        fetch_arrays(source, DatasetSettings(source="array", path=str(source), **settings), raw, self.lines.append)
        self.raw, self.contents = raw, read_contents(raw)

    @property
    def splits(self) -> dict[str, Split]:
        return read_raw_arrays(self.raw, self.contents)

    @property
    def images(self) -> NDArray[np.uint8]:
        return np.asarray(self.splits[""].images)


@pytest.fixture
def fetched(tmp_path: Path) -> Callable[..., Fetched]:
    return lambda source, **settings: Fetched(source, tmp_path / "raw", **settings)


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    def save(**arrays: Any) -> Path:
        np.savez(tmp_path / "arrays.npz", **arrays)
        return tmp_path / "arrays.npz"

    return save


VALUES: dict[str, NDArray[Any]] = {
    "uint8": GREY,
    "int64": GREY.astype(np.int64),
    "16 bits": GREY.astype(np.uint16) * 257,
    "big-endian": GREY.astype(">i4"),
    "float from 0 to 1": GREY / 255,
    "float32 from 0 to 1": (GREY / 255).astype(np.float32),
    "float from -1 to 1": GREY / 127.5 - 1,
    "float from 0 to 255": GREY.astype(np.float32),
    "slightly outside of 0 to 1": np.where(GREY == 255, 1.00001, GREY / 255),
    "Fortran order": np.asfortranarray(GREY),
    "N,H,W,1": GREY[..., None],
    "N,1,H,W": GREY[:, None],
}


@pytest.mark.parametrize("name", VALUES)
def test_values_of_every_type_and_range_give_the_same_levels(name: str, fetched: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", VALUES[name])
    assert np.array_equal(fetched(tmp_path / "images.npy").images, GREY[:, None])


def test_booleans_are_black_and_white(fetched: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", GREY > 99)
    assert np.array_equal(fetched(tmp_path / "x.npy").images[:, 0], np.where(GREY > 99, 255, 0))


@pytest.mark.parametrize("channels_last", [True, False])
@pytest.mark.parametrize("channels", [2, 3, 4])
def test_the_axis_of_channels_is_found(channels: int, channels_last: bool, fetched: Any, tmp_path: Path) -> None:
    images = RANDOM.integers(0, 256, (5, channels, 8, 12), dtype=np.uint8)
    np.save(tmp_path / "x.npy", images.transpose(0, 2, 3, 1) if channels_last else images)
    assert np.array_equal(fetched(tmp_path / "x.npy").images, images)


@pytest.mark.parametrize(
    ("shape", "expected"), [((5, 3, 3, 1), (5, 1, 3, 3)), ((5, 4, 2, 2), (5, 4, 2, 2)), ((5, 4, 4, 3), (5, 3, 4, 4))]
)
def test_tiny_square_images_are_not_ambiguous(
    shape: tuple[int, ...], expected: tuple[int, ...], fetched: Any, tmp_path: Path
) -> None:
    np.save(tmp_path / "x.npy", np.full(shape, 7, dtype=np.uint8))
    assert fetched(tmp_path / "x.npy").images.shape == expected


BLACK = np.zeros((4, 8, 8))
UNSUPPORTED = {
    "NaN": (np.where(BLACK == 0, np.nan, 0.0), "NaN or infinite"),
    "infinite": (np.full((4, 8, 8), np.inf), "NaN or infinite"),
    "negative integers": (np.full((4, 8, 8), -3), "from -3 to -3. Integers must be"),
    "large integers": (np.full((4, 8, 8), 70_000), "Integers must be from 0 to 255"),
    "zeros and ones": ((GREY > 99).astype(np.uint8), "would be dark"),
    "12 bits": (GREY.astype(np.uint16) * 16, "would be dark"),
    "float from -5 to 5": (GREY / 25.5 - 5, "must be in"),
    "complex": (GREY.astype(complex), "all booleans, all integers or all floating-point"),
    "strings": (GREY.astype(str), "all booleans, all integers or all floating-point"),
    "one image": (GREY[0], "shape"),
    "five channels": (np.zeros((4, 8, 8, 5), np.uint8), "shape"),
    "ambiguous": (np.zeros((4, 3, 2, 1), np.uint8), "shape"),
    "no images": (GREY[:0], "shape"),
    "five dimensions": (np.zeros((4, 2, 3, 8, 8), np.uint8), "shape"),
    "a number": (np.uint8(3), "shape"),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_other_arrays_are_rejected_by_name(name: str, fetched: Any, saved: Any) -> None:
    values, problem = UNSUPPORTED[name]
    with pytest.raises(UserError, match=problem) as error:
        fetched(saved(images=values))
    assert str(error.value).startswith("images:")


def test_pickled_objects_are_not_loaded(fetched: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{}, None]), allow_pickle=True)
    with pytest.raises(UserError, match="cannot be read as NumPy arrays"):
        fetched(tmp_path / "x.npy")


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"text", b"PK\x03\x04"])
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_damaged_files_are_rejected(content: bytes, suffix: str, fetched: Any, tmp_path: Path) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content)
    with pytest.raises(UserError, match="cannot be read as NumPy arrays"):
        fetched(path)


def test_a_truncated_array_is_rejected(fetched: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", GREY)
    content = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(content[:-1])
    with pytest.raises(UserError, match="cannot be read as NumPy arrays"):
        fetched(tmp_path / "x.npy")


LABELS = np.arange(12) % 3 * 2
LABEL_ARRAYS: dict[str, NDArray[Any]] = {
    "int64": LABELS,
    "uint8": LABELS.astype(np.uint8),
    "float": LABELS.astype(float),
    "column": LABELS[:, None],
    "strings": LABELS.astype(str),
}


@pytest.mark.parametrize("name", LABEL_ARRAYS)
def test_labels_of_every_type_give_the_same_classes(name: str, fetched: Any, saved: Any) -> None:
    result = fetched(saved(images=GREY, labels=LABEL_ARRAYS[name]), classes="labels")
    assert result.contents.classes == ("0", "2", "4")
    assert result.splits[""].labels.tolist() == (LABELS // 2).tolist()


def test_one_hot_labels_and_booleans(fetched: Any, saved: Any, tmp_path: Path) -> None:
    result = fetched(saved(x=GREY, y=np.eye(3)[np.arange(12) % 3]), classes="labels")
    assert result.splits[""].labels.tolist() == (np.arange(12) % 3).tolist()
    result = Fetched(saved(x=GREY, y=np.arange(12) > 5), tmp_path / "raw2", classes="labels")
    assert result.contents.classes == ("0", "1")


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        (np.zeros((12, 2)), "integers, strings or one-hot rows"),
        (np.linspace(0, 1, 12), "integers, strings or one-hot rows"),
        (np.arange(11), "12 images, but 11 labels"),
        (None, r"arrays of labels: none\)"),
    ],
)
def test_other_labels_are_rejected(labels: Any, problem: str, fetched: Any, saved: Any) -> None:
    arrays = {"images": GREY} | ({} if labels is None else {"labels": labels})
    with pytest.raises(UserError, match=problem):
        fetched(saved(**arrays), classes="labels")


SPLIT_NAMES = {
    "keras": ("x_train", "y_train", "x_test", "y_test"),
    "medmnist": ("train_images", "train_labels", "test_images", "test_labels"),
    "capital letters": ("X-Train", "Y-Train", "X-Val", "Y-Val"),
    "split only": ("train", "train_labels", "valid", "valid_labels"),
}


@pytest.mark.parametrize("name", SPLIT_NAMES)
def test_splits_are_recognised_by_the_names_of_arrays(name: str, fetched: Any, saved: Any) -> None:
    arrays = dict(zip(SPLIT_NAMES[name], (GREY[:9], LABELS[:9], GREY[9:], LABELS[9:]), strict=True))
    splits = fetched(saved(**arrays), classes="labels").splits
    assert np.array_equal(splits["train"].images, GREY[:9, None])
    assert np.array_equal(splits["heldout"].images, GREY[9:, None])
    assert splits["heldout"].labels.tolist() == (LABELS[9:] // 2).tolist()


def test_several_heldout_splits_are_joined(fetched: Any, saved: Any) -> None:
    splits = fetched(saved(train_images=GREY[:6], val_images=GREY[6:8], test_images=GREY[8:])).splits
    assert [len(splits[key].images) for key in ("train", "heldout")] == [6, 6]


def test_splits_can_be_ignored(fetched: Any, saved: Any) -> None:
    splits = fetched(saved(x_train=GREY[:9], x_test=GREY[9:]), splits="random").splits
    assert np.array_equal(splits[""].images, GREY[:, None])


@pytest.mark.parametrize("names", [("images", "test_images"), ("val_images", "test_images")])
def test_unclear_splits_are_rejected(names: tuple[str, str], fetched: Any, saved: Any) -> None:
    with pytest.raises(UserError, match="unclear to which split"):
        fetched(saved(**dict(zip(names, (GREY, GREY), strict=True))))


def test_positional_arrays_of_savez(fetched: Any, tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "samples.npz", COLOUR, LABELS)
    result = fetched(tmp_path / "samples.npz", classes="labels")
    assert np.array_equal(result.images, COLOUR.transpose(0, 3, 1, 2))
    assert result.contents.classes == ("0", "2", "4")


def test_a_folder_of_arrays(fetched: Any, tmp_path: Path) -> None:
    folder = tmp_path / "arrays"
    folder.mkdir()
    np.save(folder / "images.npy", GREY)
    np.save(folder / "labels.npy", LABELS)
    np.save(folder / "embeddings.npy", np.zeros((12, 5)))
    result = fetched(folder, classes="labels")
    assert len(result.splits[""].labels) == 12
    assert result.lines == [f"{folder}: 12 images from images, labels; arrays not used: embeddings"]


def test_arrays_that_are_not_used_are_reported(fetched: Any, saved: Any) -> None:
    result = fetched(saved(images=GREY, labels=LABELS))
    assert result.contents.classes == ()
    assert result.lines[0].endswith(": 12 images from images; arrays not used: labels")


def test_unknown_names_are_reported(fetched: Any, saved: Any) -> None:
    with pytest.raises(UserError, match=r"contains a, b\. Name the array of images"):
        fetched(saved(a=GREY, b=LABELS))


def test_nothing_but_the_result_remains(fetched: Any, saved: Any) -> None:
    result = fetched(saved(images=GREY, labels=LABELS), classes="labels")
    assert sorted(path.name for path in result.raw.iterdir()) == ["contents.json", "images.npy", "labels.npy"]

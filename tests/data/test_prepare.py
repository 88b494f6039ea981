import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganpipe.common.errors import UserError
from ganpipe.data.dataset import Dataset, load
from ganpipe.data.fetch import fetch, fetch_dataset
from ganpipe.data.fit import resize
from ganpipe.data.idx import read_idx
from ganpipe.data.pins import Contents, Layout, Pin, write_contents
from ganpipe.data.prepare import prepare
from ganpipe.data.settings import DatasetSettings
from tests.data.conftest import MNIST, mnist_files, small_pin


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fetched")
    fetch("mnist", small_pin(mnist_files()), folder / "raw", folder / "cache", MNIST, lambda _: None)
    return folder / "raw"


def prepared(raw: Path, folder: Path, **settings: object) -> Dataset:
    prepare("mnist", raw, DatasetSettings.model_validate({"source": "mnist"} | settings), folder, lambda _: None)
    return load(folder)


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_images_of_the_original_size_are_not_changed(raw: Path, tmp_path: Path) -> None:
    data = prepared(raw, tmp_path / "a")
    assert np.array_equal(data.train.images[:, 0], read_idx(MNIST / "train-images-idx3-ubyte.gz"))
    assert data.heldout.labels is not None
    assert np.array_equal(data.heldout.labels, read_idx(MNIST / "t10k-labels-idx1-ubyte.gz"))
    assert data.classes == tuple("0123456789")
    assert data.shape == (1, 28)


def test_two_runs_write_the_same_bytes(raw: Path, tmp_path: Path) -> None:
    settings = {"size": 16, "per_label": 7, "labels": [3, 1]}
    prepared(raw, tmp_path / "a", **settings)
    prepared(raw, tmp_path / "elsewhere" / "b", **settings, path=str(MNIST))
    assert digests(tmp_path / "a") == digests(tmp_path / "elsewhere" / "b")
    assert sorted(digests(tmp_path / "a")) == [
        "dataset.json",
        "heldout_images.npy",
        "heldout_labels.npy",
        "train_images.npy",
        "train_labels.npy",
    ]


def test_the_description_lists_shape_classes_counts_and_settings(raw: Path, tmp_path: Path) -> None:
    prepared(raw, tmp_path / "a", size=16, labels=[3, 1])
    description = json.loads((tmp_path / "a" / "dataset.json").read_text())
    assert description["name"] == "mnist"
    assert description["shape"] == {"channels": 1, "size": 16}
    assert description["classes"] == ["3", "1"]
    assert description["counts"] == {"train": 120, "heldout": 40}
    assert description["settings"]["labels"] == [3, 1]
    assert "path" not in description["settings"]


def test_the_fingerprint_depends_on_arrays_and_classes_only(raw: Path, tmp_path: Path) -> None:
    def fingerprint(**settings: object) -> str:
        return prepared(raw, tmp_path / "a", **settings).fingerprint

    whole = fingerprint()
    assert fingerprint(path=str(MNIST)) == whole
    assert fingerprint(size=28) == whole
    assert fingerprint(per_label=60) == whole
    others = [
        fingerprint(size=16),
        fingerprint(labels=[1, 3]),
        fingerprint(labels=[3, 1]),
        fingerprint(per_label=5),
        fingerprint(per_label=5, seed=1),
    ]
    assert len({whole, *others}) == 6


def test_the_fingerprint_depends_on_class_names(raw: Path, tmp_path: Path) -> None:
    whole = prepared(raw, tmp_path / "a").fingerprint
    renamed = small_pin(mnist_files(), classes=list("abcdefghij"))
    folder = tmp_path / "renamed"
    fetch("mnist", renamed, folder, tmp_path / "cache", MNIST, lambda _: None)
    assert prepared(folder, tmp_path / "b").fingerprint != whole


def test_labels_are_renumbered_in_the_given_order(raw: Path, tmp_path: Path) -> None:
    whole, part = prepared(raw, tmp_path / "a"), prepared(raw, tmp_path / "b", labels=[7, 2])
    assert whole.train.labels is not None
    assert part.train.labels is not None
    assert part.classes == ("7", "2")
    for new, old in enumerate((7, 2)):
        assert np.array_equal(
            part.train.images[part.train.labels == new], whole.train.images[whole.train.labels == old]
        )
    assert len(part.heldout.images) == 40


def test_an_unknown_label_is_rejected(raw: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"labels: \[10\].*0\.\.9"):
        prepared(raw, tmp_path / "a", labels=[1, 10])
    assert not list(tmp_path.iterdir())


def test_a_smaller_per_label_selects_a_subset_of_a_larger_one(raw: Path, tmp_path: Path) -> None:
    small, large = (prepared(raw, tmp_path / str(count), per_label=count) for count in (5, 20))
    assert small.train.labels is not None
    assert np.bincount(small.train.labels).tolist() == [5] * 10
    assert len(small.heldout.images) == 200
    known = {image.tobytes() for image in large.train.images}
    assert all(image.tobytes() in known for image in small.train.images)


def test_resizing_equals_bilinear_resizing_by_pillow() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 32, 32), dtype=np.uint8)
    small = resize(images, 12)
    assert small.shape == (2, 3, 12, 12)
    expected = Image.fromarray(images[1].transpose(1, 2, 0)).resize((12, 12), Image.Resampling.BILINEAR)
    assert np.array_equal(small[1].transpose(1, 2, 0), np.asarray(expected))
    # Antialiased: each pixel of an image shrunk by a large factor is near the mean.
    assert np.abs(resize(images, 8).astype(float) - images.mean()).max() < 60


def test_emnist_is_transposed_and_its_labels_start_at_one(raw: Path, tmp_path: Path) -> None:
    layout = small_pin(mnist_files()).layout.model_dump() | {"first_label": 1, "transposed": True}
    classes = list("abcdefghi")  # MNIST's labels 1 to 9; its label 0 is then invalid
    pin = small_pin(mnist_files(), layout=layout, classes=classes)
    folder = tmp_path / "raw"
    fetch("letters", pin, folder, tmp_path / "cache", MNIST, lambda _: None)
    with pytest.raises(UserError, match="outside the 9 classes"):
        prepared(folder, tmp_path / "a")
    for split in ("train", "t10k"):
        path = folder / f"{split}-labels-idx1-ubyte"
        header, labels = path.read_bytes()[:8], read_idx(path)
        path.write_bytes(header + np.maximum(labels, 1).tobytes())
    transposed, upright = prepared(folder, tmp_path / "a"), prepared(raw, tmp_path / "b")
    assert np.array_equal(transposed.train.images, upright.train.images.transpose(0, 1, 3, 2))
    assert transposed.train.labels is not None
    assert (transposed.train.labels.min(), transposed.train.labels.max()) == (0, 8)


def test_truncated_raw_files_are_rejected_and_leave_no_output(raw: Path, tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    for path in raw.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    labels = folder / "train-labels-idx1-ubyte"
    labels.write_bytes(labels.read_bytes()[:-1])
    with pytest.raises(UserError, match="train-labels-idx1-ubyte: should contain 600"):
        prepared(folder, tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_cifar_batches_become_colour_images(tmp_path: Path) -> None:
    pin = small_pin({"a.bin": b"1", "b.bin": b"1"}, layout={"kind": "cifar", "train": ["a.bin"], "heldout": ["b.bin"]})
    write_contents(tmp_path, Pin.model_validate(pin).contents)
    records = np.random.default_rng(0).integers(0, 10, (6, 3073), dtype=np.uint8)
    records[:4].tofile(tmp_path / "a.bin")
    records[4:].tofile(tmp_path / "b.bin")
    data = prepared(tmp_path, tmp_path / "out", source="cifar10")
    assert data.shape == (3, 32)
    assert data.heldout.labels is not None
    assert data.heldout.labels.tolist() == records[4:, 0].tolist()
    assert np.array_equal(data.train.images.reshape(4, -1), records[:4, 1:])


@pytest.mark.parametrize("classes", ["none", "subfolders"])
def test_a_folder_of_images(classes: str, tmp_path: Path) -> None:
    for number in range(20):
        path = tmp_path / "mine" / ("dark" if number < 10 else "light") / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 30), (number * 10,) * 3).save(path)
    (tmp_path / "mine" / "dark" / "broken.png").touch()
    settings = {"source": "folder", "path": str(tmp_path / "mine"), "size": 16, "classes": classes}
    made = DatasetSettings.model_validate(settings | {"heldout_fraction": 0.2})
    fetch_dataset(made, tmp_path, tmp_path / "raw", tmp_path / "cache", lambda _: None)
    data = prepared(tmp_path / "raw", tmp_path / "out", **made.model_dump())
    shades = [split.images[:, 0, 0, 0].astype(int) for split in (data.train, data.heldout)]
    assert sorted(np.concatenate(shades).tolist()) == [number * 10 for number in range(20)]
    assert len(data.heldout.images) == 4
    assert data.shape == (1, 16)
    assert json.loads((tmp_path / "out" / "dataset.json").read_text())["skipped"] == {"empty": 1}
    if classes == "none":
        assert data.classes == ()
        assert data.train.labels is None
    else:
        assert data.classes == ("dark", "light")
        assert data.train.labels is not None
        assert np.array_equal(data.train.labels, shades[0] >= 100)


def test_cifar_labels_outside_the_classes_are_rejected(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for name in ("train.bin", "test.bin"):
        (raw / name).write_bytes(bytes(3073) + b"\xc8" + bytes(3072))
    layout = Layout(kind="cifar", train=("train.bin",), heldout=("test.bin",))
    write_contents(raw, Contents(title="", licence="", citation="", classes=("a", "b"), layout=layout))
    with pytest.raises(UserError, match=r"train\.bin: labels outside the 2 classes"):
        prepare("cifar10", raw, DatasetSettings(source="cifar10"), tmp_path / "out")
    assert not (tmp_path / "out").exists()

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ganpipe.common.errors import UserError
from ganpipe.data.dataset import load


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for split, count in (("train", 6), ("heldout", 2)):
        np.save(tmp_path / f"{split}_images.npy", np.zeros((count, 1, 8, 8), dtype=np.uint8))
        np.save(tmp_path / f"{split}_labels.npy", np.arange(count, dtype=np.int64) % 2)
    change(tmp_path)
    return tmp_path


def change(folder: Path, **values: object) -> None:
    description = {
        "name": "small",
        "shape": {"channels": 1, "size": 8},
        "classes": ["a", "b"],
        "counts": {"train": 6, "heldout": 2},
        "fingerprint": "f",
    }
    (folder / "dataset.json").write_text(json.dumps(description | values))


def test_images_are_loaded_as_memory_maps(folder: Path) -> None:
    data = load(folder)
    assert isinstance(data.train.images, np.memmap)
    assert data.train.images.shape == (6, 1, 8, 8)
    assert data.heldout.labels is not None
    assert (data.name, data.classes, data.fingerprint, data.shape) == ("small", ("a", "b"), "f", (1, 8))


def test_data_without_classes_have_no_labels(folder: Path) -> None:
    change(folder, classes=[])
    for split in ("train", "heldout"):
        (folder / f"{split}_labels.npy").unlink()
    assert load(folder).train.labels is None


@pytest.mark.parametrize("name", ["dataset.json", "train_images.npy", "heldout_labels.npy"])
def test_a_missing_file_is_reported_by_name(name: str, folder: Path) -> None:
    (folder / name).unlink()
    with pytest.raises(UserError, match=f"{name} is missing.*prepare"):
        load(folder)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("train_images", np.zeros((5, 1, 8, 8), dtype=np.uint8)),
        ("train_images", np.zeros((6, 1, 8, 9), dtype=np.uint8)),
        ("train_images", np.zeros((6, 1, 8, 8), dtype=np.float32)),
        ("heldout_labels", np.zeros(2, dtype=np.int32)),
        ("heldout_labels", np.array([0, 2])),
        ("heldout_labels", np.array([-1, 0])),
        ("heldout_labels", np.array([None, {}])),
    ],
)
def test_arrays_that_differ_from_the_description_are_rejected(name: str, array: object, folder: Path) -> None:
    np.save(folder / f"{name}.npy", np.asarray(array), allow_pickle=True)  # a pickle, which `load` must not read
    with pytest.raises(UserError, match="damaged"):
        load(folder)


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["train_images", "heldout_labels"])
def test_loading_does_not_execute_pickled_code(
    name: str, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    sprung = tmp_path_factory.mktemp("trap") / "sprung"
    np.save(folder / f"{name}.npy", np.array([Trap(sprung), None]), allow_pickle=True)
    with pytest.raises(UserError, match="damaged"):
        load(folder)
    assert not sprung.exists()


@pytest.mark.parametrize("text", ["{", "{}", "[]"])
def test_a_damaged_description_is_rejected(text: str, folder: Path) -> None:
    (folder / "dataset.json").write_text(text)
    with pytest.raises(UserError, match="damaged"):
        load(folder)


def test_the_data_stages_do_not_import_torch() -> None:
    code = (
        "import sys, ganpipe.data.dataset, ganpipe.data.fetch, ganpipe.data.prepare; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

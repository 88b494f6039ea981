"""Real data for the tests: 600 training and 200 held-out MNIST images."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

# Test workers share the cores, so each uses one thread. Must be set before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from ganpipe.data.dataset import Dataset, load
from ganpipe.data.pins import read_pin, write_contents
from ganpipe.data.prepare import prepare
from ganpipe.data.settings import DatasetSettings
from tests.output_tree import Tree

pytest_plugins = ["tests.finished_chain"]

REPOSITORY = Path(__file__).parents[1]
MNIST = REPOSITORY / "tests" / "fixtures" / "mnist"
LONG = {
    REPOSITORY / "tests" / file
    for file in (
        "plan/test_fingerprint_completeness.py",
        "tracking/test_stage_tracking.py",
        "tracking/test_store.py",
        "training/test_catalogue.py",
        "training/test_resume_boundaries.py",
    )
}
"""Files that take minutes, besides those with tests marked `chain`."""


@pytest.hookimpl(trylast=True)  # tests/fire/conftest.py adds markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the longest files first: a file runs on one worker, and the other one is idle if it runs last."""
    long = LONG | {item.path for item in items if item.get_closest_marker("chain")}
    items.sort(key=lambda item: item.path not in long)


@pytest.fixture(scope="session")
def mnist_raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The raw files as the fetch stage writes them."""
    folder = tmp_path_factory.mktemp("raw")
    for path in MNIST.glob("*.gz"):
        (folder / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    write_contents(folder, read_pin(REPOSITORY / "data", "mnist").contents)
    return folder


@pytest.fixture(scope="session")
def mnist_folder(mnist_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset as the prepare stage writes it, 28x28 pixels."""
    folder = tmp_path_factory.mktemp("prepared") / "mnist"
    prepare("mnist", mnist_raw, DatasetSettings(source="mnist", size=28), folder)
    return folder


@pytest.fixture(scope="session")
def mnist(mnist_folder: Path) -> Dataset:
    """The prepared dataset, loaded."""
    return load(mnist_folder)


@pytest.fixture(scope="session")
def digits() -> NDArray[np.uint8]:
    """200 real digits, uint8 (N, 1, 28, 28)."""
    return np.frombuffer(
        gzip.decompress((MNIST / "t10k-images-idx3-ubyte.gz").read_bytes())[16:], dtype=np.uint8
    ).reshape(-1, 1, 28, 28)


@pytest.fixture
def tree(tmp_path: Path, digits: NDArray[np.uint8]) -> Tree:
    return Tree(tmp_path / "out", digits)


@pytest.fixture
def trees(tmp_path: Path, digits: NDArray[np.uint8]) -> Callable[[str], Tree]:
    """A factory of trees in different folders, to test that results do not depend on the folder."""
    return lambda name: Tree(tmp_path / name / "out", digits)

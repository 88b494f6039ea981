"""Real data for the tests: 600 training and 200 held-out MNIST images."""

import gzip
import os
from pathlib import Path

import pytest

# Two workers share the cores: a thread each. Set before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from ganpipe.data.dataset import Dataset, load
from ganpipe.data.pins import read_pin, write_contents
from ganpipe.data.prepare import prepare
from ganpipe.data.settings import DatasetSettings

REPOSITORY = Path(__file__).parents[1]
MNIST = REPOSITORY / "tests" / "fixtures" / "mnist"


@pytest.fixture(scope="session")
def mnist_raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The raw files as a fetch leaves them."""
    folder = tmp_path_factory.mktemp("raw")
    for path in MNIST.glob("*.gz"):
        (folder / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    write_contents(folder, read_pin(REPOSITORY / "data", "mnist").contents)
    return folder


@pytest.fixture(scope="session")
def mnist_folder(mnist_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data set as `prepare` leaves it, 28x28."""
    folder = tmp_path_factory.mktemp("prepared") / "mnist"
    prepare("mnist", mnist_raw, DatasetSettings(source="mnist", size=28), folder)
    return folder


@pytest.fixture(scope="session")
def mnist(mnist_folder: Path) -> Dataset:
    """The data set, opened."""
    return load(mnist_folder)

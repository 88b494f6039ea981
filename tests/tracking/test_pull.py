from pathlib import Path

import numpy as np
import pytest

from ganpipe.common.errors import UserError
from ganpipe.sampling.generator import load_generator
from ganpipe.tracking.pull import pull
from tests.tracking.conftest import Checkout

CHAMPION = "models:/ganpipe-generator@champion"


@pytest.mark.parametrize("address", [CHAMPION, "models:/ganpipe-generator/1"])
def test_a_registered_generator_makes_the_same_images(checkout: Checkout, address: str, tmp_path: Path) -> None:
    checkout.whole()
    checkout.sync()
    pull(checkout.root, address, tmp_path / "pulled")
    trained = load_generator(checkout.root / "out" / "models" / "e01-0")
    np.testing.assert_array_equal(load_generator(tmp_path / "pulled").sample(3), trained.sample(3))
    assert {path.name for path in (tmp_path / "pulled").iterdir()} == {"generator.safetensors", "model.json"}


def test_an_unknown_name_is_said_and_leaves_nothing(checkout: Checkout, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="models:/nobody@champion could not be had"):
        pull(checkout.root, "models:/nobody@champion", tmp_path / "pulled")
    assert not (tmp_path / "pulled").exists()


@pytest.mark.parametrize("address", ["generator", "models:/", "models:/a/b", "file:///etc/passwd"])
def test_what_is_no_registered_model_is_refused(checkout: Checkout, address: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no registered model"):
        pull(checkout.root, address, tmp_path / "pulled")


def test_a_folder_that_is_there_is_never_overwritten(checkout: Checkout, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is there already"):
        pull(checkout.root, CHAMPION, tmp_path)

from pathlib import Path

import numpy as np
import pytest

from ganpipe.common.errors import UserError
from ganpipe.sampling.generator import load_generator
from ganpipe.tracking.pull import pull
from tests.tracking.conftest import Checkout

CHAMPION = "models:/ganpipe-generator@champion"


@pytest.mark.parametrize("uri", [CHAMPION, "models:/ganpipe-generator/1"])
def test_a_pulled_generator_makes_the_images_of_the_original(checkout: Checkout, uri: str, tmp_path: Path) -> None:
    checkout.whole()
    checkout.sync()
    pull(checkout.root, uri, tmp_path / "pulled")
    trained = load_generator(checkout.root / "out" / "models" / "e01-0")
    np.testing.assert_array_equal(load_generator(tmp_path / "pulled").sample(3), trained.sample(3))
    assert {path.name for path in (tmp_path / "pulled").iterdir()} == {"generator.safetensors", "model.json"}


def test_an_unknown_model_is_a_user_error_and_leaves_no_folder(checkout: Checkout, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="models:/nobody@champion: cannot be downloaded"):
        pull(checkout.root, "models:/nobody@champion", tmp_path / "pulled")
    assert not (tmp_path / "pulled").exists()


@pytest.mark.parametrize("uri", ["generator", "models:/", "models:/a/b", "file:///etc/passwd"])
def test_an_invalid_model_uri_is_a_user_error(checkout: Checkout, uri: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a registered model"):
        pull(checkout.root, uri, tmp_path / "pulled")


def test_an_existing_folder_is_never_overwritten(checkout: Checkout, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="exists already"):
        pull(checkout.root, CHAMPION, tmp_path)

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

from ganpipe.sampling.generator import Description, save_generator
from ganpipe.serve.model import ServedGenerator


@pytest.fixture(params=[0, 10])
def classes(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def model(classes: int, tmp_path: Path) -> ServedGenerator:
    description = Description("mlp", {}, 4, classes, 1, 28, "signed")
    save_generator(description.build(), description, tmp_path)
    served = ServedGenerator()
    served.load_context(SimpleNamespace(artifacts={"generator": str(tmp_path)}))
    return served


def ask(model: ServedGenerator, *rows: dict[str, int]) -> Any:
    return model.predict(None, pd.DataFrame(list(rows)))


def test_rows_are_answered_one_after_the_other(model: ServedGenerator) -> None:
    images = ask(model, {"count": 2, "seed": 1}, {"count": 3, "seed": 2})
    assert images.shape == (5, 1, 28, 28)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images[2:], ask(model, {"count": 3, "seed": 2}))
    assert (images[:2] != images[2:4]).any()


def test_seed_is_optional(model: ServedGenerator) -> None:
    np.testing.assert_array_equal(ask(model, {"count": 2}), ask(model, {"count": 2, "seed": 0}))


def test_labels_choose_the_class(model: ServedGenerator, classes: int) -> None:
    if not classes:
        with pytest.raises(MlflowException, match="cannot be told a class"):
            ask(model, {"count": 1, "label": 0})
        return
    sevens, threes = (ask(model, {"count": 2, "label": label}) for label in (7, 3))
    assert (sevens != threes).any()
    np.testing.assert_array_equal(ask(model, {"count": 8, "label": -1})[7], ask(model, {"count": 8, "label": 7})[7])
    for label in (10, -2):
        with pytest.raises(MlflowException, match=f"classes 0 to 9; label {label} "):
            ask(model, {"count": 1, "label": label})


@pytest.mark.parametrize("counts", [[0], [257], [200, 57], [10**12], [-1], [300, -100]])
def test_requests_are_bounded(model: ServedGenerator, counts: list[int]) -> None:
    with pytest.raises(MlflowException, match="1 to 256"):
        ask(model, *({"count": count} for count in counts))


def test_more_rows_than_images_are_refused_before_they_are_read(model: ServedGenerator) -> None:
    with pytest.raises(MlflowException, match=r"1 to 256 rows.*not 100000"):
        model.predict(None, pd.DataFrame({"count": np.ones(100_000, dtype=int)}))


def test_an_empty_request_is_refused(model: ServedGenerator) -> None:
    with pytest.raises(MlflowException, match="1 to 256"):
        model.predict(None, pd.DataFrame({"count": np.ones(0, dtype=int)}))


def test_the_largest_request_is_answered(model: ServedGenerator) -> None:
    assert len(ask(model, {"count": 200}, {"count": 56})) == 256


@pytest.mark.parametrize(
    "row",
    [{"count": 1.5}, {"count": "9"}, {"count": float("inf")}, {"count": 1, "seed": 2**70}, {"count": 1, "seed": [1]}],
)
def test_what_is_no_number_is_refused(model: ServedGenerator, row: dict[str, Any]) -> None:
    with pytest.raises(MlflowException, match="must be a whole number"):
        ask(model, row)


def test_no_rows_and_too_many_rows_are_refused(model: ServedGenerator) -> None:
    with pytest.raises(MlflowException, match=r"1 to 256 rows, .* not 0"):
        ask(model)
    with pytest.raises(MlflowException, match=r"1 to 256 rows, .* not 257"):
        ask(model, *[{"count": 1}] * 257)


def test_a_row_may_leave_out_what_its_neighbour_names(model: ServedGenerator) -> None:
    images = ask(model, {"count": 1, "seed": 7}, {"count": 1})
    np.testing.assert_array_equal(images[1:], ask(model, {"count": 1}))


@pytest.mark.parametrize("seed", [-1, -(2**63) + 1, 2**63 - 1])
def test_any_seed_of_64_bits_is_answered(model: ServedGenerator, seed: int) -> None:
    assert len(ask(model, {"count": 1, "seed": seed})) == 1

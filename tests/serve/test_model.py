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


def predict(model: ServedGenerator, *rows: dict[str, int]) -> Any:
    return model.predict(None, pd.DataFrame(list(rows)))


def test_images_come_in_the_order_of_the_rows(model: ServedGenerator) -> None:
    images = predict(model, {"count": 2, "seed": 1}, {"count": 3, "seed": 2})
    assert images.shape == (5, 1, 28, 28)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images[2:], predict(model, {"count": 3, "seed": 2}))
    assert (images[:2] != images[2:4]).any()


def test_seed_is_optional(model: ServedGenerator) -> None:
    np.testing.assert_array_equal(predict(model, {"count": 2}), predict(model, {"count": 2, "seed": 0}))


def test_label_selects_the_class(model: ServedGenerator, classes: int) -> None:
    if not classes:
        with pytest.raises(MlflowException, match="is not conditioned on class labels"):
            predict(model, {"count": 1, "label": 0})
        return
    sevens, threes = (predict(model, {"count": 2, "label": label}) for label in (7, 3))
    assert (sevens != threes).any()
    np.testing.assert_array_equal(
        predict(model, {"count": 8, "label": -1})[7], predict(model, {"count": 8, "label": 7})[7]
    )
    for label in (10, -2):
        with pytest.raises(MlflowException, match=f"label {label}: .* classes 0 to 9"):
            predict(model, {"count": 1, "label": label})


@pytest.mark.parametrize("counts", [[0], [257], [200, 57], [10**12], [-1], [300, -100]])
def test_number_of_images_is_limited(model: ServedGenerator, counts: list[int]) -> None:
    with pytest.raises(MlflowException, match="1 to 256"):
        predict(model, *({"count": count} for count in counts))


def test_too_many_rows_are_rejected_before_they_are_parsed(model: ServedGenerator) -> None:
    with pytest.raises(MlflowException, match=r"100000 rows.*1 to 256 rows"):
        model.predict(None, pd.DataFrame({"count": np.ones(100_000, dtype=int)}))


def test_request_without_rows_is_rejected(model: ServedGenerator) -> None:
    with pytest.raises(MlflowException, match="1 to 256"):
        model.predict(None, pd.DataFrame({"count": np.ones(0, dtype=int)}))


def test_largest_request_is_answered(model: ServedGenerator) -> None:
    assert len(predict(model, {"count": 200}, {"count": 56})) == 256


@pytest.mark.parametrize(
    "row",
    [{"count": 1.5}, {"count": "9"}, {"count": float("inf")}, {"count": 1, "seed": 2**70}, {"count": 1, "seed": [1]}],
)
def test_values_other_than_integers_are_rejected(model: ServedGenerator, row: dict[str, Any]) -> None:
    with pytest.raises(MlflowException, match="must be a 64-bit integer"):
        predict(model, row)


def test_zero_and_257_rows_are_rejected(model: ServedGenerator) -> None:
    with pytest.raises(MlflowException, match=r"^.*0 rows requested.*1 to 256 rows"):
        predict(model)
    with pytest.raises(MlflowException, match=r"257 rows requested.*1 to 256 rows"):
        predict(model, *[{"count": 1}] * 257)


def test_row_may_omit_a_value_that_another_row_gives(model: ServedGenerator) -> None:
    images = predict(model, {"count": 1, "seed": 7}, {"count": 1})
    np.testing.assert_array_equal(images[1:], predict(model, {"count": 1}))


def test_largest_seed_is_accepted(model: ServedGenerator) -> None:
    assert len(predict(model, {"count": 1, "seed": 2**32 - 1})) == 1


@pytest.mark.parametrize("seed", [-1, 2**32, 2**63 - 1])
def test_seed_outside_of_32_bits_is_rejected(model: ServedGenerator, seed: int) -> None:
    with pytest.raises(MlflowException, match=f"seed: must be between 0 and 4294967295, not {seed}"):
        predict(model, {"count": 1, "seed": seed})

"""The generator as an MLflow model. MLflow stores a copy of this file with the model and runs it on loading."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.protos.databricks_pb2 import BAD_REQUEST
from mlflow.pyfunc import PythonModel, PythonModelContext
from numpy.typing import NDArray

from ganpipe.common.types import MAX_SEED
from ganpipe.sampling.generator import LoadedGenerator, load_generator
from ganpipe.serve.signature import EXAMPLE, MAX_IMAGES

_INT64_LIMIT = 2**63


class ServedGenerator(PythonModel):  # type: ignore[misc]  # mlflow is untyped
    """A model that maps rows of (count, label, seed) to images.

    Label -1, the default, cycles through all classes. Equal rows give equal images.
    """

    _generator: LoadedGenerator

    def load_context(self, context: PythonModelContext) -> None:
        """Load the generator from its weights and its description; no code is loaded with them."""
        self._generator = load_generator(Path(context.artifacts["generator"]))

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002 - MLflow passes it
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> NDArray[np.uint8]:
        """Return the images of all rows, uint8 N,C,H,W in the order of the rows; N is the sum of the counts."""
        if not 1 <= len(model_input) <= MAX_IMAGES:
            raise _bad_request(f"{len(model_input)} rows requested. A request has 1 to {MAX_IMAGES} rows.")
        rows = [_parse(row) for row in model_input.to_dict("records")]
        counts = [row["count"] for row in rows]
        if any(count < 1 for count in counts) or sum(counts) > MAX_IMAGES:
            raise _bad_request(
                f"{counts} images requested. A request has 1 to {MAX_IMAGES} images in total and at least 1 per row."
            )
        return np.concatenate([self._images(**row) for row in rows])

    def _images(self, count: int, label: int, seed: int) -> NDArray[np.uint8]:
        return self._generator.sample(count, self._labels(count, label), seed)

    def _labels(self, count: int, label: int) -> NDArray[np.int64] | None:
        classes = self._generator.description.classes
        if not -1 <= label < classes:
            valid = f"has the classes 0 to {classes - 1}" if classes else "is not conditioned on class labels"
            raise _bad_request(f"label {label}: this generator {valid}.")
        if not classes:
            return None
        return np.full(count, label) if label >= 0 else np.arange(count) % classes


def _parse(row: dict[str, Any]) -> dict[str, int]:
    """Return count, label and seed of a row, with defaults for missing values (pandas fills gaps with NaN)."""
    values = {name: row.get(name, default) for name, default in EXAMPLE.items()}
    values = {name: EXAMPLE[name] if value is None or value != value else value for name, value in values.items()}
    for name, value in values.items():
        is_number = isinstance(value, int | float | np.integer | np.floating)
        if not is_number or not -_INT64_LIMIT < value < _INT64_LIMIT or value != int(value):
            raise _bad_request(f"{name}: must be a 64-bit integer, not {value!r}.")
    if not 0 <= values["seed"] <= MAX_SEED:
        raise _bad_request(f"seed: must be between 0 and {MAX_SEED}, not {values['seed']}.")
    return {name: int(value) for name, value in values.items()}


def _bad_request(message: str) -> MlflowException:
    return MlflowException(message, error_code=BAD_REQUEST)


set_model(ServedGenerator())

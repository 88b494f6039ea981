"""The generator as MLflow serves it. MLflow keeps a copy of this file with the model, and runs it on loading."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.protos.databricks_pb2 import BAD_REQUEST
from mlflow.pyfunc import PythonModel, PythonModelContext
from numpy.typing import NDArray

from ganpipe.sampling.generator import LoadedGenerator, load_generator
from ganpipe.serve.signature import EXAMPLE, MOST

_LARGEST = 2**63


class ServedGenerator(PythonModel):  # type: ignore[misc]  # mlflow is untyped
    """Answers rows of (count, label, seed) with images.

    label -1, or none, means all classes in turn; the same row gives the same images.
    """

    _generator: LoadedGenerator

    def load_context(self, context: PythonModelContext) -> None:
        """Rebuild the generator from its weights and its config; no code is loaded with them."""
        self._generator = load_generator(Path(context.artifacts["generator"]))

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002 - MLflow passes it
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> NDArray[np.uint8]:
        """Return uint8 N,C,H,W, the images of all rows one after the other; N is the sum of the counts."""
        if not 1 <= len(model_input) <= MOST:
            raise _refusal(f"A request holds 1 to {MOST} rows, each for at least one image, not {len(model_input)}.")
        rows = [_whole_numbers(row) for row in model_input.to_dict("records")]
        total = sum(row["count"] for row in rows)
        if any(row["count"] < 1 for row in rows) or total > MOST:
            raise _refusal(
                f"A request may ask for 1 to {MOST} images, and at least one a row; this one asks for "
                f"{[row['count'] for row in rows]}."
            )
        return np.concatenate([self._images(**row) for row in rows])

    def _images(self, count: int, label: int, seed: int) -> NDArray[np.uint8]:
        return self._generator.sample(count, self._labels(count, label), seed)

    def _labels(self, count: int, label: int) -> NDArray[np.int64] | None:
        classes = self._generator.description.classes
        if not -1 <= label < classes:
            told = f"has the classes 0 to {classes - 1}" if classes else "cannot be told a class"
            raise _refusal(f"This generator {told}; label {label} was asked for.")
        if not classes:
            return None
        return np.full(count, label) if label >= 0 else np.arange(count) % classes


def _whole_numbers(row: dict[str, Any]) -> dict[str, int]:
    """Count, label and seed of a row; where one is left out, also by its neighbours' table, its default stands."""
    asked = {name: row.get(name, default) for name, default in EXAMPLE.items()}
    asked = {name: EXAMPLE[name] if value is None or value != value else value for name, value in asked.items()}
    for name, value in asked.items():
        number = isinstance(value, int | float | np.integer | np.floating)
        if not number or not -_LARGEST < value < _LARGEST or value != int(value):
            raise _refusal(f"{name} must be a whole number of less than 64 bits, not {value!r}.")
    return {name: int(value) for name, value in asked.items()}


def _refusal(reason: str) -> MlflowException:
    return MlflowException(reason, error_code=BAD_REQUEST)


set_model(ServedGenerator())

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

from ganpipe.generator import LoadedGenerator, load_generator
from ganpipe.serve.signature import EXAMPLE, MOST


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
        if len(model_input) > MOST:
            raise _refusal(f"this one has {len(model_input)} rows")
        rows = [{**EXAMPLE, **row} for row in model_input.to_dict("records")]
        counts = [row["count"] for row in rows]
        if any(count < 1 for count in counts) or not 1 <= sum(counts) <= MOST:
            raise _refusal(f"this one asks for {counts}")
        return np.concatenate([self._images(**row) for row in rows])

    def _images(self, count: int, label: int, seed: int) -> NDArray[np.uint8]:
        return self._generator.sample(count, self._labels(count, label), seed)

    def _labels(self, count: int, label: int) -> NDArray[np.int64] | None:
        classes = self._generator.description.classes
        if label >= classes:
            told = f"has the classes 0 to {classes - 1}" if classes else "cannot be told a class"
            raise MlflowException(f"This generator {told}; label {label} was asked for.", error_code=BAD_REQUEST)
        if not classes:
            return None
        return np.full(count, label) if label >= 0 else np.arange(count) % classes


def _refusal(reason: str) -> MlflowException:
    return MlflowException(
        f"A request may ask for 1 to {MOST} images, and at least one a row; {reason}.", error_code=BAD_REQUEST
    )


set_model(ServedGenerator())

"""Limits, example and MLflow signature of a request to the served generator."""

from typing import Any

MAX_IMAGES = 256  # in one request, over all its rows
EXAMPLE = {"count": 4, "label": -1, "seed": 0}


def signature() -> Any:
    """Return the MLflow signature: rows of count, label (optional), seed (optional) -> images, uint8 N,C,H,W."""
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    rows = [ColSpec("long", "count")]
    rows += [ColSpec("long", name, required=False) for name in ("label", "seed")]
    images = TensorSpec(np.dtype(np.uint8), (-1, -1, -1, -1), "images")
    return ModelSignature(Schema(rows), Schema([images]))

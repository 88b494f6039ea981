"""The generator of each training as an MLflow 3 LoggedModel, linked to its run; `push` links it to the metrics.

The model holds the only copy of the weights in MLflow. On a server without logged models they are artifacts of the run.
"""

import shutil
import tempfile
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from threading import Lock

from ganpipe.records.store import Part, Record
from ganpipe.tracking import view
from ganpipe.tracking.store import Store
from ganpipe.tracking.timeouts import UnsupportedError

GENERATOR_FILES = ("generator.safetensors", "model.json")
"""Files of a record that make up its generator: of its training or, if the samples come from another one, of these."""

_SAVING = Lock()  # MLflow keeps the model that it saves in a global variable

_REQUIREMENTS = ("mlflow", "torch", "numpy", "pandas", "safetensors")


def generator_source(record: Record) -> Part | None:
    """Return the part of a record with the generator that was sampled; None if the training left none."""
    found = (record.parts[name] for name in ("sample", "train") if name in record.parts)
    return next((part for part in found if all(name in part.files for name in GENERATOR_FILES)), None)


def log_generator(store: Store, run_id: str, record: Record) -> str | None:
    """Log the generator of a run as a model and return the model's id; None if it has no weights.

    Raises UnsupportedError if the server has no logged models.
    """
    from mlflow.entities import LoggedModelOutput

    part, source = record.parts["train"], generator_source(record)
    if source is None:
        return None  # the training failed
    shown = ("run", "dataset", "family", "status")
    tags: dict[str, str] = {name: part.labels[name] for name in shown if name in part.labels}
    model = store.client.create_logged_model(
        store.runs_id,
        name=part.labels["run"].replace(".", "_"),  # MLflow allows no dots
        source_run_id=run_id,
        tags={"key": record.key, **tags},
        params=view.params(part),
        model_type="generator",
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "model")
        _save(record.folder / source.name, folder, model.model_id, run_id)
        store.client.log_model_artifacts(model.model_id, str(folder))
    store.client.finalize_logged_model(model.model_id, "READY")
    store.client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
    return str(model.model_id)


def upload_generator(store: Store, run_id: str, record: Record) -> None:
    """Upload the generator's files as artifacts of the run."""
    if source := generator_source(record):
        for name in GENERATOR_FILES:
            store.client.log_artifact(run_id, str(record.path(source.name, name)), source.name)


def log_or_upload_generator(store: Store, run_id: str, record: Record) -> str | None:
    """Log the generator as a model and return the model's id; where that is not supported, upload its files."""
    try:
        return log_generator(store, run_id, record)
    except UnsupportedError:
        upload_generator(store, run_id, record)
        return None


def _save(source: Path, folder: Path, model_id: str, run_id: str) -> None:
    """Write the generator in a folder as an MLflow model with the text of serve/model.py as code; pickle nothing."""
    import pandas as pd  # type: ignore[import-untyped]
    from mlflow.models import Model
    from mlflow.pyfunc import save_model

    from ganpipe.serve.signature import EXAMPLE, signature

    with tempfile.TemporaryDirectory() as temporary:
        generator = Path(temporary, "generator")
        generator.mkdir()
        for name in GENERATOR_FILES:
            shutil.copyfile(source / name, generator / name)
        with _SAVING:
            save_model(
                folder,
                python_model=str(files("ganpipe.serve") / "model.py"),
                artifacts={"generator": str(generator)},
                signature=signature(),
                input_example=pd.DataFrame([EXAMPLE]),
                pip_requirements=[f"{name}=={version(name)}" for name in _REQUIREMENTS],
                mlflow_model=Model(model_id=model_id, run_id=run_id),
            )

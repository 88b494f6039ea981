"""The files of a record as artifacts of its MLflow run, and images under the names that MLflow's image grid reads."""

import re
import tempfile
import uuid
from pathlib import Path

from PIL import Image

from ganpipe.records.store import Part, Record
from ganpipe.tracking import view
from ganpipe.tracking.models import GENERATOR_FILES
from ganpipe.tracking.store import Store

PROGRESS_IMAGES = 25
"""Sample grids by epoch that are uploaded at most: evenly spaced, with the first and the last. All are on disk."""

_PROGRESS = re.compile(r"progress/\D*(\d+)\.png")
_THUMBNAIL = 256  # pixels, as in MLflow


def upload_part(store: Store, run_id: str, record: Record, part: Part) -> None:
    """Upload the files of a part to the folder of its stage, and its images to the image grid; replaces old files.

    The files of the generator are in the run's model.
    """
    grid = image_grid(part)
    for name, (key, step) in grid.items():
        _upload_image(store, run_id, record.path(part.name, name), key, step, record)
    if grid:
        store.client.set_tag(run_id, "mlflow.loggedImages", "True")
    for name in part.files:
        if not _PROGRESS.fullmatch(name) and name not in GENERATOR_FILES:
            folder = str(Path(part.name, name).parent)
            store.client.log_artifact(run_id, str(record.path(part.name, name)), folder)


def upload_provenance(store: Store, run_id: str, record: Record) -> None:
    """Upload provenance.json."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "provenance.json")
        path.write_text(view.provenance(record), encoding="utf-8")
        store.client.log_artifact(run_id, str(path))


def image_grid(part: Part) -> dict[str, tuple[str, int]]:
    """Return the key and the step in MLflow's image grid of each image that it shows, by file name.

    The keys are equal in all runs, so that MLflow shows the runs side by side.
    """
    epochs = sorted((int(match[1]), name) for name in part.files if (match := _PROGRESS.fullmatch(name)))
    count = min(len(epochs), PROGRESS_IMAGES)
    chosen = {epochs[round(index * (len(epochs) - 1) / max(count - 1, 1))] for index in range(count)}
    grid = {name: ("progress", epoch) for epoch, name in sorted(chosen)}
    return grid | ({"grid.png": ("samples", 0)} if part.name == "sample" and "grid.png" in part.files else {})


def is_recorded(path: str, record: Record) -> bool:
    """Return whether the artifact at a path was uploaded from the record, by this version or by the one of layout 1."""
    parts = record.parts.values()
    if any(path == f"{part.name}/{name}" for part in parts for name in part.files):
        return True
    steps = (int(match[1]) for part in parts for name in part.files if (match := _PROGRESS.fullmatch(name)))
    identities = {_identity(record, "progress", step) for step in steps} | {_identity(record, "samples", 0)}
    return path.startswith("images/") and any(identity in path for identity in identities)


def _identity(record: Record, key: str, step: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{record.key}/{key}/{step}"))


def _upload_image(store: Store, run_id: str, path: Path, key: str, step: int, record: Record) -> None:
    """Upload an image as `MlflowClient.log_image` does, but under reproducible names, so that nothing is duplicated."""
    stem = f"{key}+step+{step}+timestamp+{record.started_ms + step}+{_identity(record, key, step)}"
    with tempfile.TemporaryDirectory() as folder, Image.open(path) as image:
        full, thumbnail = Path(folder, f"{stem}.png"), Path(folder, f"{stem}+compressed.webp")
        full.write_bytes(path.read_bytes())
        scale = _THUMBNAIL / max(image.size)
        image.resize((round(image.width * scale), round(image.height * scale))).save(thumbnail)
        for file in (full, thumbnail):
            store.client.log_artifact(run_id, str(file), "images")

"""The files of a record as artifacts of its run; pictures under the names that MLflow's image grid reads."""

import re
import tempfile
import uuid
from pathlib import Path

from PIL import Image

from ganpipe.records.store import Part, Record
from ganpipe.tracking.store import Store

_PROGRESS = re.compile(r"progress/\D*(\d+)\.png")
_THUMBNAIL = 256  # pixels, as MLflow makes them


def upload(store: Store, run_id: str, record: Record, part: Part) -> None:
    """Upload every file of a part to the folder of its stage, replacing what is there."""
    pictures = False
    for name in part.files:
        path = record.path(part.name, name)
        if shown := _image_grid_place(part, name):
            _upload_picture(store, run_id, path, *shown, record)
            pictures = True
        if not _PROGRESS.fullmatch(name):
            store.client.log_artifact(run_id, str(path), str(Path(part.name, name).parent))
    if pictures:
        store.client.set_tag(run_id, "mlflow.loggedImages", "True")


def _image_grid_place(part: Part, name: str) -> tuple[str, int] | None:
    """Title and step of a picture in MLflow's image grid, if it belongs there."""
    if progress := _PROGRESS.fullmatch(name):
        return "progress", int(progress[1])
    return ("samples", 0) if (part.name, name) == ("sample", "grid.png") else None


def _upload_picture(store: Store, run_id: str, path: Path, title: str, step: int, record: Record) -> None:
    """Do what `MlflowClient.log_image` does, under the same names each time, so that nothing is doubled."""
    identity = uuid.uuid5(uuid.NAMESPACE_OID, f"{record.key}/{title}/{step}")
    stem = f"{title}+step+{step}+timestamp+{record.started_ms + step}+{identity}"
    with tempfile.TemporaryDirectory() as scratch, Image.open(path) as picture:
        full, small = Path(scratch, f"{stem}.png"), Path(scratch, f"{stem}+compressed.webp")
        full.write_bytes(path.read_bytes())
        scale = _THUMBNAIL / max(picture.size)
        picture.resize((round(picture.width * scale), round(picture.height * scale))).save(small)
        for file in (full, small):
            store.client.log_artifact(run_id, str(file), "images")

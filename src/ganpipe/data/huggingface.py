"""Fetch a Hugging Face dataset on disk: one saved with `save_to_disk`, or parquet files as on the Hub."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ganpipe.common.errors import UserError
from ganpipe.data.fetch_images import describe_images
from ganpipe.data.find_files import find_files, printable
from ganpipe.data.pins import write_contents
from ganpipe.data.raw_images import LIST, RawImagesWriter
from ganpipe.data.settings import DatasetSettings
from ganpipe.data.splits import split_of

if TYPE_CHECKING:
    import pyarrow

_LABEL_COLUMNS = ("label", "labels", "class", "category", "target", "fine_label")
_BATCH = 16
"""Rows read at a time, which limits memory."""


class _Shard(NamedTuple):
    """A file of a dataset, and the name of its split."""

    path: Path
    split: str


def fetch_huggingface(source: Path, settings: DatasetSettings, raw: Path, report: Callable[[str], None]) -> None:
    """Copy the images of a dataset into `raw`, with a list of all rows.

    The images must be embedded in the files, in a column of the type Image or of encoded bytes.
    Raises UserError for other formats, and if no image can be read.
    """
    shards = _shards(source)
    splits = {split_of(shard.split) for shard in shards}
    keeps_splits = settings.splits == "auto" and splits == {"train", "heldout"}
    with RawImagesWriter.open(raw) as writer:
        for shard in shards:
            split = split_of(shard.split) if keeps_splits else ""
            for number, row in enumerate(_rows(shard.path, settings)):
                name = f"{shard.path.relative_to(source)}/{number}"
                if row.content is None:
                    writer.skip(name, "unreadable", "the image is not embedded in the dataset", split)
                elif settings.classes == "labels" and row.label is None:
                    writer.skip(name, "without label", split=split)
                else:
                    writer.add(name, row.content, split, row.label if settings.classes == "labels" else None)
    if not writer.used:
        raise UserError(f"path: {source} contains no readable image: {writer.summary()}. Set it to another dataset.")
    write_contents(raw, describe_images(writer.classes))
    report(f"{source}: {writer.summary()}. Full list: {LIST} in the raw folder")


def check_huggingface(source: Path) -> None:
    """Raise UserError if an existing path is not the folder of one dataset."""
    _shards(source)


def _shards(source: Path) -> list[_Shard]:
    """Return the data files of a dataset. Raises UserError if there are none."""
    names = [file.name for file in find_files(source) if file.skipped is None] if source.is_dir() else []
    arrow = [name for name in names if name.endswith(".arrow")]
    parquet = [name for name in names if name.endswith(".parquet")]
    if (arrow and parquet) or not (arrow or parquet):
        raise UserError(
            f"path: {source} contains neither a dataset of save_to_disk nor parquet files. Set it to such a folder."
        )
    shards = []
    for name in arrow or parquet:
        folder, _, file = name.rpartition("/")
        # save_to_disk: <split>/data-00000-of-00001.arrow; on the Hub: data/<split>-00000-of-00001.parquet
        split = folder.rpartition("/")[2] if arrow else file.replace(".", "-").partition("-")[0]
        shards.append(_Shard(source / name, split))
    folders = {(shard.path.parent, shard.split) for shard in shards}
    if len(folders) > len({shard.split for shard in shards}):
        raise UserError(f"path: {source} contains several datasets. Set it to the folder of one of them.")
    return shards


class _Row(NamedTuple):
    content: bytes | None
    label: str | None


def _rows(path: Path, settings: DatasetSettings) -> Iterator[_Row]:
    try:
        for batch, classes in _batches(path, settings):
            labels = batch.column(1).to_pylist() if batch.num_columns > 1 else [None] * batch.num_rows
            for image, label in zip(batch.column(0).to_pylist(), labels, strict=True):
                content = image.get("bytes") if isinstance(image, dict) else image
                yield _Row(content, _class_name(label, classes))
    except (OSError, ValueError, LookupError, TypeError) as error:  # pyarrow's errors are subclasses of these
        raise UserError(f"{path}: cannot be read ({str(error).partition(chr(10))[0]}). Save it again.") from error


def _class_name(label: Any, classes: list[str]) -> str | None:
    if label is None or (label == -1 and classes):  # -1 stands for no label
        return None
    return printable(classes[label] if classes else str(label))


def _batches(path: Path, settings: DatasetSettings) -> Iterator[tuple["pyarrow.RecordBatch", list[str]]]:
    """Yield batches with the image column and, if there is one, the label column; and the names of the classes."""
    import pyarrow
    import pyarrow.parquet

    if path.suffix == ".parquet":
        file = pyarrow.parquet.ParquetFile(path)
        image, label, classes = _columns(file.schema_arrow, settings)
        columns = [image] + ([label] if label else [])
        for batch in file.iter_batches(_BATCH, columns=columns):
            yield batch.select(columns), classes
        return
    with pyarrow.memory_map(str(path)) as source, pyarrow.ipc.open_stream(source) as stream:
        image, label, classes = _columns(stream.schema, settings)
        for batch in stream:
            for start in range(0, batch.num_rows, _BATCH):
                yield batch.select([image] + ([label] if label else [])).slice(start, _BATCH), classes


def _columns(schema: "pyarrow.Schema", settings: DatasetSettings) -> tuple[str, str | None, list[str]]:
    """Return the image column, the label column if there is one, and the names of the classes if they are stored."""
    features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}")).get("info", {}).get("features", {})
    names = schema.names
    image = settings.image_column or next(
        (name for name in names if features.get(name, {}).get("_type") == "Image"), None
    )
    image = image or next((name for name in ("image", "img", "png", "jpg") if name in names), None)
    if image is None or image not in names:
        raise UserError(f"image_column: set it to one of the columns {', '.join(names)}.")
    if not _contains_bytes(schema.field(image).type):
        raise UserError(
            f"image_column: {image} contains {schema.field(image).type}, not encoded images. Choose another."
        )
    label = settings.label_column or next((name for name in _LABEL_COLUMNS if name in names), None)
    if settings.classes != "labels":
        return image, None, []
    if label is None or label not in names:
        raise UserError(f"label_column: set it to one of the columns {', '.join(names)}.")
    return image, label, list(features.get(label, {}).get("names") or [])


def _contains_bytes(kind: "pyarrow.DataType") -> bool:
    import pyarrow.types as types

    if types.is_struct(kind):
        return bool(kind.get_field_index("bytes") >= 0)
    return bool(types.is_binary(kind) or types.is_large_binary(kind))

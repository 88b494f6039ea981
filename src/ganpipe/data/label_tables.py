"""Labels of image files from a table in their folder: CSV, TSV, JSON lines, or the dataset.json of StyleGAN."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from ganpipe.common.errors import UserError
from ganpipe.data.find_files import printable
from ganpipe.data.settings import DatasetSettings
from ganpipe.data.splits import split_of

_IMAGE_COLUMNS = (
    "file_name",
    "filename",
    "file",
    "path",
    "filepath",
    "file_path",
    "image",
    "image_path",
    "img",
    "name",
)
_ID_COLUMNS = ("image_id", "id")
_LABEL_COLUMNS = ("label", "labels", "class", "class_name", "classname", "category", "target", "y")
_SPLIT_COLUMNS = ("split", "subset", "set", "partition", "phase")

Row = Mapping[str, str]


class TableEntry(NamedTuple):
    """Label of an image, and its split: "train", "heldout", or "" if the table states none."""

    label: str
    split: str


class Labels(NamedTuple):
    """Content of the tables of a folder.

    entries: by name of the image file. missing: the names in the tables for which there is no file.
    """

    entries: dict[str, TableEntry]
    missing: list[tuple[str, TableEntry]]


def read_labels(folder: Path, files: Iterable[str], settings: DatasetSettings) -> Labels:
    """Read every table named `settings.classes` in a folder and its subfolders, and match its rows with the files.

    files: names of all files, relative to the folder. A table's file names are relative to its own folder. A name that
    does not exist there is matched with the only file of that name, or of that name without suffix, in any folder.
    Raises UserError for malformed or ambiguous tables.
    """
    files = list(files)
    tables = [name for name in files if PurePosixPath(name).name == settings.classes]
    if not tables:
        raise UserError(f"classes: the folder contains no {settings.classes}. Correct the name of the table.")
    images = [name for name in files if name not in set(tables)]
    index = _Index(images)
    labels = Labels({}, [])
    for table in tables:
        try:
            rows = _read_rows(folder / table, settings, index)
        except (OSError, ValueError, TypeError, csv.Error, RecursionError) as error:
            raise UserError(f"{printable(table)}: not a valid table ({error}). Correct the file.") from None
        parent = table.rpartition("/")[0]
        for name, entry in rows:
            file = index.find(parent, name, table)
            if file is None:
                labels.missing.append((name, entry))
            elif labels.entries.setdefault(file, entry) != entry:
                raise UserError(
                    f"{printable(table)}: {printable(file)} has the labels {labels.entries[file].label!r} and "
                    f"{entry.label!r}. Correct the file."
                )
    return labels


class _Index:
    """File names by path, by name, and by name without suffix."""

    def __init__(self, files: Sequence[str]) -> None:
        self._files = set(files)
        self._by_name: dict[str, list[str]] = {}
        for file in files:
            path = PurePosixPath(file)
            for key in {path.name, path.stem}:
                self._by_name.setdefault(key, []).append(file)

    def find(self, folder: str, name: str, table: str) -> str | None:
        """Return the file that a table in `folder` calls `name`. Raises UserError if there are several."""
        path = PurePosixPath(name.replace("\\", "/"))
        relative = "/".join(part for part in (PurePosixPath(folder) / path).parts if part != ".")
        if relative in self._files:
            return relative
        candidates = self._by_name.get(path.name, [])
        if len(path.parts) > 1:  # a path that does not exist here: its last parts must agree
            candidates = [file for file in candidates if _same_folders(PurePosixPath(file), path)]
        if len(candidates) > 1:
            raise UserError(
                f"{printable(table)}: {name!r} may be {printable(candidates[0])} or {printable(candidates[1])}. "
                "Write the path relative to the table."
            )
        return candidates[0] if candidates else None


def _same_folders(first: PurePosixPath, second: PurePosixPath) -> bool:
    """Return whether the folders of two files agree as far as both state them."""
    pairs = zip(reversed(first.parent.parts), reversed(second.parent.parts), strict=False)
    return all(one == other for one, other in pairs)


def _read_rows(path: Path, settings: DatasetSettings, index: _Index) -> list[tuple[str, TableEntry]]:
    # Names of files that are not UTF-8 are surrogate escapes, as in `FoundFile`.
    text = path.read_bytes().decode("utf-8-sig", "surrogateescape")
    if path.suffix == ".json":
        return _stylegan_rows(json.loads(text))
    if path.suffix == ".jsonl":
        rows: list[Row] = [_strings(json.loads(line)) for line in text.split("\n") if line.strip()]
        columns = list(rows[0]) if rows else []
    else:
        columns, rows = _csv_rows(text, "\t" if path.suffix == ".tsv" else None, index)
    image = _column(columns, settings.image_column, (*_IMAGE_COLUMNS, *_ID_COLUMNS), "image_column")
    label = _column(columns, settings.label_column, _LABEL_COLUMNS, "label_column")
    split = next((column for column in columns if column.lower() in _SPLIT_COLUMNS), None)
    if split is not None and not all(split_of(row.get(split) or "") for row in rows):
        split = None
    return [
        (row[image], TableEntry((row.get(label) or "").strip(), split_of(row[split]) if split else ""))
        for row in rows
        if row.get(image)
    ]


def _csv_rows(text: str, delimiter: str | None, index: _Index) -> tuple[list[str], list[Row]]:
    """Return the columns and rows of a CSV file, which may lack a header if it has two columns: file and label."""
    delimiter = delimiter or max(",;\t|", key=text.partition("\n")[0].count)
    table = [row for row in csv.reader(StringIO(text, newline=""), delimiter=delimiter) if any(row)]
    header = [cell.strip() for cell in table[0]] if table else []
    named = header and header[0].lower() in (*_IMAGE_COLUMNS, *_ID_COLUMNS)
    if len(header) == 2 and not named and index.find("", header[0], "") is not None:
        header, table = ["file", "label"], [[], *table]
    if len(set(header)) < len(header):
        raise ValueError("two columns have one name")
    return header, [dict(zip(header, row, strict=False)) for row in table[1:]]


def _strings(value: Any) -> Row:
    if not isinstance(value, dict):
        raise ValueError("a line is not a JSON object")
    return {str(key): "" if content is None else str(content) for key, content in value.items()}


def _stylegan_rows(content: Any) -> list[tuple[str, TableEntry]]:
    """Read {"labels": [[file, integer], ...]}."""
    labels = content.get("labels") if isinstance(content, dict) else None
    if not labels:
        raise ValueError("it contains no labels; set classes: none")
    pairs = labels.items() if isinstance(labels, dict) else labels
    rows = []
    for name, label in pairs:
        if not isinstance(name, str) or not isinstance(label, int):
            raise ValueError(f"{name!r} has the label {label!r}, which is not an integer")
        rows.append((name, TableEntry(str(label), "")))
    return rows


def _column(columns: Sequence[str], chosen: str | None, common: Sequence[str], setting: str) -> str:
    if chosen is not None:
        if chosen not in columns:
            raise ValueError(f"no column {chosen!r}; set {setting} to one of: {', '.join(columns)}")
        return chosen
    lowered = {column.lower(): column for column in columns}
    found = next((lowered[name] for name in common if name in lowered), None)
    if found is None:
        raise ValueError(f"set {setting} to one of: {', '.join(columns) or '(none)'}")
    return found

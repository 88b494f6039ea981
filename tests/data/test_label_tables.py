import json
from pathlib import Path
from typing import Any

import pytest

from ganpipe.common.errors import UserError
from ganpipe.data.label_tables import Labels, TableEntry, read_labels
from ganpipe.data.settings import DatasetSettings

FILES = ["a.png", "b.png", "sub/c.png"]


def read(folder: Path, text: str, name: str = "metadata.csv", files: list[str] | None = None, **more: Any) -> Labels:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    settings = DatasetSettings(source="folder", path="x", size=8, classes=path.name, **more)
    return read_labels(folder, [*(files or FILES), name], settings)


def labels(found: Labels) -> dict[str, str]:
    return {name: entry.label for name, entry in found.entries.items()}


EXPECTED = {"a.png": "cat", "b.png": "dog", "sub/c.png": "cat"}
TABLES = {
    "metadata.csv": "file_name,label\na.png,cat\nb.png,dog\nsub/c.png,cat\n",
    "semicolons.csv": "path;class\r\na.png;cat\r\nb.png;dog\r\nsub/c.png;cat\r\n",
    "excel.csv": "\ufefffilename,label\na.png,cat\nb.png,dog\nsub/c.png,cat\n",
    "labels.tsv": "Image\tCategory\na.png\tcat\nb.png\tdog\nsub/c.png\tcat\n",
    "quoted.csv": '"file","note","label"\n"a.png","two\nlines, and a comma","cat"\nb.png,,dog\nsub/c.png,,cat\n',
    "no-header.csv": "a.png,cat\nb.png,dog\nsub/c.png,cat\n",
    "blank-lines.csv": "file,label\n\na.png, cat \n,\nb.png,dog\n\nsub/c.png,cat",
    "prefixed.csv": "file,label\n./a.png,cat\n./b.png,dog\nsub\\c.png,cat\n",
    "ids.csv": "id,label\na,cat\nb,dog\nc,cat\n",
    "base-names.csv": "file,label\na.png,cat\nb.png,dog\nc.png,cat\n",
    "longer-paths.csv": "file,label\ndata/a.png,cat\ndata/b.png,dog\ndata/sub/c.png,cat\n",
    "metadata.jsonl": "".join(
        json.dumps({"file_name": name, "label": label}) + "\n" for name, label in EXPECTED.items()
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_of_many_forms_give_the_same_labels(name: str, tmp_path: Path) -> None:
    found = read(tmp_path, TABLES[name], name)
    assert labels(found) == EXPECTED
    assert found.missing == []


@pytest.mark.parametrize("pairs", [[["a.png", 1], ["b.png", 0]], {"a.png": 1, "b.png": 0}])
def test_labels_of_stylegan(pairs: object, tmp_path: Path) -> None:
    assert labels(read(tmp_path, json.dumps({"labels": pairs}), "dataset.json")) == {"a.png": "1", "b.png": "0"}


def test_names_are_relative_to_the_table(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "metadata.csv").write_text("file_name,label\n1.png,cat\n")
    files = ["train/1.png", "test/1.png", "train/metadata.csv"]
    found = read(tmp_path, "file_name,label\n1.png,dog\n", "test/metadata.csv", files)
    assert labels(found) == {"train/1.png": "cat", "test/1.png": "dog"}


def test_columns_can_be_named(tmp_path: Path) -> None:
    text = "file_name,label,thumbnail,breed\na.png,1,b.png,collie\n"
    assert labels(read(tmp_path, text, label_column="breed", image_column="thumbnail")) == {"b.png": "collie"}


@pytest.mark.parametrize(("values", "expected"), [("train test", ["train", "heldout"]), ("train 7", ["", ""])])
def test_a_column_of_splits_is_used_if_all_its_values_are_splits(
    values: str, expected: list[str], tmp_path: Path
) -> None:
    first, second = values.split()
    found = read(tmp_path, f"file,label,split\na.png,cat,{first}\nb.png,cat,{second}\n")
    assert [found.entries[name].split for name in ("a.png", "b.png")] == expected


def test_rows_without_file_are_reported(tmp_path: Path) -> None:
    found = read(tmp_path, "file,label\na.png,cat\nnowhere.png,dog\n")
    assert labels(found) == {"a.png": "cat"}
    assert found.missing == [("nowhere.png", TableEntry("dog", ""))]


def test_a_missing_label_is_empty(tmp_path: Path) -> None:
    assert labels(read(tmp_path, "file,label\na.png\nb.png,\n")) == {"a.png": "", "b.png": ""}


@pytest.mark.parametrize(
    ("text", "name", "problem"),
    [
        ("", "metadata.csv", r"set image_column to one of: \(none\)"),
        ("x,y,z\na.png,1,2\n", "metadata.csv", "set image_column to one of: x, y, z"),
        ("file,colour\na.png,red\n", "metadata.csv", "set label_column to one of: file, colour"),
        ("file,label,label\na.png,1,2\n", "metadata.csv", "two columns have one name"),
        ("file,label\na.png,1\na.png,2\n", "metadata.csv", "a.png has the labels '1' and '2'"),
        ("file,label\nc.png,1\n", "ambiguous/metadata.csv", "'c.png' may be"),
        ("{", "dataset.json", "not a valid table"),
        ("[]", "dataset.json", "no labels; set classes: none"),
        ('{"labels": null}', "dataset.json", "no labels; set classes: none"),
        ('{"labels": [["a.png", [0.1, 0.2]]]}', "dataset.json", "not an integer"),
        ('{"labels": [["a.png"]]}', "dataset.json", "not a valid table"),
        ('{"labels": [1]}', "dataset.json", "not a valid table"),
        ("[" * 100_000, "dataset.json", "not a valid table"),
        ('["a.png", 1]\n', "labels.jsonl", "not a JSON object"),
    ],
)
def test_malformed_tables_are_rejected_by_name(text: str, name: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=problem) as error:
        read(tmp_path, text, name, [*FILES, "other/c.png"])
    assert str(error.value).startswith(name)


def test_a_missing_table_is_reported(tmp_path: Path) -> None:
    settings = DatasetSettings(source="folder", path="x", size=8, classes="labels.csv")
    with pytest.raises(UserError, match=r"contains no labels\.csv"):
        read_labels(tmp_path, FILES, settings)


def test_names_that_are_not_utf8_are_matched(tmp_path: Path) -> None:
    (tmp_path / "metadata.csv").write_bytes(b"file,label\ncaf\xe9.png,\xe9t\xe9\n")
    settings = DatasetSettings(source="folder", path="x", size=8, classes="metadata.csv")
    found = read_labels(tmp_path, ["caf\udce9.png", "metadata.csv"], settings)
    assert labels(found) == {"caf\udce9.png": "\udce9t\udce9"}

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from ganpipe.common.errors import UserError
from ganpipe.data.huggingface import fetch_huggingface
from ganpipe.data.pins import read_contents
from ganpipe.data.raw_images import RawImages, read_raw_images
from ganpipe.data.settings import DatasetSettings
from tests.data.image_files import encoded

IMAGES = [encoded(Image.new("RGB", (9, 9), (level, 0, 0)), "PNG") for level in (0, 100, 200)]
FEATURES = {
    "image": {"_type": "Image"},
    "label": {"_type": "ClassLabel", "names": ["cat", "dog"]},
}


def table(images: Sequence[bytes | None] = IMAGES, labels: list[Any] | None = None) -> pyarrow.Table:
    structs = [{"bytes": content, "path": "x.png"} for content in images]
    kind = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    columns = {"label": labels or [0, 1, 1][: len(images)], "image": pyarrow.array(structs, kind)}
    metadata = {"huggingface": json.dumps({"info": {"features": FEATURES}})}
    return pyarrow.table(columns).replace_schema_metadata(metadata)


def save_to_disk(folder: Path, content: pyarrow.Table) -> None:
    folder.mkdir(parents=True)
    path = str(folder / "data-00000-of-00001.arrow")
    with pyarrow.OSFile(path, "wb") as sink, pyarrow.ipc.new_stream(sink, content.schema) as writer:
        writer.write_table(content)
    (folder / "state.json").write_text("{}")
    (folder / "dataset_info.json").write_text("{}")


def save_parquet(path: Path, content: pyarrow.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(content, path)


class Fetched:
    def __init__(self, source: Path, raw: Path, **settings: Any) -> None:
        raw.mkdir()
        self.lines: list[str] = []
        parsed = DatasetSettings(source="huggingface", path=str(source), size=8, **settings)
        fetch_huggingface(source, parsed, raw, self.lines.append)
        self.classes = read_contents(raw).classes
        self.images: RawImages = read_raw_images(raw, self.classes)

    @property
    def contents(self) -> list[bytes]:
        return [self.images.read(row) for row in range(len(self.images.offsets))]


def test_a_dataset_saved_to_disk(tmp_path: Path) -> None:
    save_to_disk(tmp_path / "mine", table())
    result = Fetched(tmp_path / "mine", tmp_path / "raw", classes="labels")
    assert result.contents == IMAGES
    assert result.classes == ("cat", "dog")
    assert result.images.labels is not None
    assert result.images.labels.tolist() == [0, 1, 1]
    assert set(result.images.splits.tolist()) == {""}


@pytest.mark.parametrize("saved_as", ["arrow", "parquet"])
def test_splits_are_kept(saved_as: str, tmp_path: Path) -> None:
    for split in ("test", "train"):
        if saved_as == "arrow":
            save_to_disk(tmp_path / "mine" / split, table())
        else:
            save_parquet(tmp_path / "mine" / "data" / f"{split}-00000-of-00001.parquet", table())
    result = Fetched(tmp_path / "mine", tmp_path / "raw", classes="labels")
    assert result.images.splits.tolist() == ["heldout"] * 3 + ["train"] * 3
    result = Fetched(tmp_path / "mine", tmp_path / "raw2", splits="random")
    assert set(result.images.splits.tolist()) == {""}
    assert result.classes == ()


def test_several_shards_are_joined(tmp_path: Path) -> None:
    for shard in range(3):
        save_parquet(tmp_path / "mine" / f"train-0000{shard}-of-00003.parquet", table(IMAGES[shard : shard + 1]))
    assert Fetched(tmp_path / "mine", tmp_path / "raw").contents == IMAGES


def test_columns_of_other_names_and_types(tmp_path: Path) -> None:
    columns = {"picture": pyarrow.array(IMAGES, pyarrow.binary()), "breed": ["pug", "collie", "pug"]}
    save_parquet(tmp_path / "mine" / "0.parquet", pyarrow.table(columns))
    chosen = {"image_column": "picture", "label_column": "breed"}
    result = Fetched(tmp_path / "mine", tmp_path / "raw", classes="labels", **chosen)
    assert result.classes == ("collie", "pug")
    with pytest.raises(UserError, match="image_column: set it to one of the columns picture, breed"):
        Fetched(tmp_path / "mine", tmp_path / "raw2")
    with pytest.raises(UserError, match="label_column: set it to one of the columns picture, breed"):
        Fetched(tmp_path / "mine", tmp_path / "raw3", classes="labels", image_column="picture")
    with pytest.raises(UserError, match="breed contains string, not encoded images"):
        Fetched(tmp_path / "mine", tmp_path / "raw4", image_column="breed")


def test_unusable_rows_are_listed(tmp_path: Path) -> None:
    save_to_disk(tmp_path / "mine", table([None, b"text", IMAGES[0], IMAGES[1]], [0, 0, -1, 1]))
    result = Fetched(tmp_path / "mine", tmp_path / "raw", classes="labels")
    assert result.contents == [IMAGES[1]]
    assert result.images.skipped == {"not an image": 1, "unreadable": 1, "without label": 1}


def test_a_dataset_without_usable_image_is_rejected(tmp_path: Path) -> None:
    save_to_disk(tmp_path / "mine", table([None]))
    with pytest.raises(UserError, match="contains no readable image"):
        Fetched(tmp_path / "mine", tmp_path / "raw")


def test_other_folders_are_rejected(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(UserError, match="neither a dataset of save_to_disk nor parquet files"):
        Fetched(tmp_path / "mine", tmp_path / "raw")
    for name in ("one", "two"):
        save_parquet(tmp_path / "mine" / name / "train.parquet", table())
    with pytest.raises(UserError, match="several datasets"):
        Fetched(tmp_path / "mine", tmp_path / "raw2")


@pytest.mark.parametrize("suffix", [".arrow", ".parquet"])
@pytest.mark.parametrize("content", [b"", b"text", bytes(1000)])
def test_damaged_files_are_rejected_by_name(suffix: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / f"data{suffix}").write_bytes(content)
    with pytest.raises(UserError, match=rf"data\{suffix}: cannot be read"):
        Fetched(tmp_path / "mine", tmp_path / "raw")


def test_a_truncated_dataset_is_rejected(tmp_path: Path) -> None:
    save_to_disk(tmp_path / "mine", table())
    path = tmp_path / "mine" / "data-00000-of-00001.arrow"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UserError, match="cannot be read"):
        Fetched(tmp_path / "mine", tmp_path / "raw")


def test_a_label_without_name_is_rejected(tmp_path: Path) -> None:
    save_to_disk(tmp_path / "mine", table(labels=[0, 1, 7]))
    with pytest.raises(UserError, match="cannot be read"):
        Fetched(tmp_path / "mine", tmp_path / "raw", classes="labels")

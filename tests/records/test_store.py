import json
import multiprocessing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganpipe.common.errors import UserError
from ganpipe.records.store import Part, begin_part, keys, load, run_lock, write_part

PART = Part("train", "run", 1000, settings={"lr": 0.1}, labels={"run": "e-0"}, costs={"seconds": 1.5})


def snapshot(root: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


def test_load_returns_the_files_and_metadata_that_were_written(tmp_path: Path) -> None:
    source = tmp_path / "source.bin"
    source.write_bytes(b"\x00\x01")
    write_part(tmp_path, "k1", PART, {"model/weights.bin": source, "note.txt": "größer\n"})
    record = load(tmp_path, "k1")
    assert record.path("train", "model/weights.bin").read_bytes() == b"\x00\x01"
    assert record.path("train", "note.txt").read_bytes() == "größer\n".encode()
    assert replace(record.parts["train"], files={}) == PART
    assert keys(tmp_path) == ["k1"]


def test_writing_equal_content_changes_nothing(tmp_path: Path) -> None:
    write_part(tmp_path, "k1", PART, {"a": "1"})
    before = snapshot(tmp_path)
    write_part(tmp_path, "k1", replace(PART, started_ms=9, labels={}, costs={}), {"a": "1"})
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    ("part", "files"),
    [
        (replace(PART, settings={"lr": 0.2}), {"a": "1"}),
        (replace(PART, numbers={"fid": 1.0}), {"a": "1"}),
        (PART, {"a": "2"}),
        (PART, {"b": "1"}),
    ],
)
def test_writing_different_content_replaces_the_part(tmp_path: Path, part: Part, files: dict[str, Path | str]) -> None:
    write_part(tmp_path, "k1", PART, {"a": "1"})
    before = load(tmp_path, "k1").parts["train"].digest
    write_part(tmp_path, "k1", part, files)
    record = load(tmp_path, "k1")
    assert record.parts["train"].digest != before
    assert set(record.parts["train"].files) == set(files)


def test_a_failed_write_leaves_the_record_unchanged(tmp_path: Path) -> None:
    write_part(tmp_path, "k1", PART, {"a": "1"})
    before = snapshot(tmp_path)
    with pytest.raises(ValueError, match="Out of range float"):
        write_part(tmp_path, "k1", replace(PART, numbers={"fid": float("nan")}), {"a": "2"})
    with pytest.raises(FileNotFoundError):
        write_part(tmp_path, "k1", PART, {"a": tmp_path / "absent"})
    assert snapshot(tmp_path) == before


def test_a_restarted_stage_keeps_its_first_start_until_its_part_is_written(tmp_path: Path) -> None:
    later = replace(PART, started_ms=5000)
    assert begin_part(tmp_path, "k1", PART) == PART
    assert begin_part(tmp_path, "k1", later) == PART
    assert load(tmp_path, "k1").parts == {}
    write_part(tmp_path, "k1", PART, {})
    assert begin_part(tmp_path, "k1", later) == later


def test_parts_are_loaded_in_stage_order_whatever_the_order_of_writing(tmp_path: Path) -> None:
    for started, name in enumerate(("evaluate", "sample", "train")):
        write_part(tmp_path, "k1", replace(PART, name=name, started_ms=started), {})
    record = load(tmp_path, "k1")
    assert list(record.parts) == ["train", "sample", "evaluate"]
    assert record.started_ms == 2


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"name": "train"}', json.dumps({"kind": "x", "name": "", "started_ms": 1})]
)
def test_a_damaged_part_is_reported_with_its_path(tmp_path: Path, text: str) -> None:
    write_part(tmp_path, "k1", PART, {})
    load(tmp_path, "k1").path("train", "part.json").write_text(text)
    with pytest.raises(UserError, match=r"records/k1/train/part\.json"):
        load(tmp_path, "k1")


@given(st.text(max_size=20))
def test_no_key_leaves_the_records_folder(key: str) -> None:
    root = Path("/nowhere")
    try:
        folder = load(root, key).folder
    except ValueError:
        return
    assert folder.parent == root / ".ganpipe" / "records"
    assert folder.name == key != ".."


def test_one_process_at_a_time_holds_the_run_lock(tmp_path: Path) -> None:
    with run_lock(tmp_path, "k1") as first, run_lock(tmp_path, "k1") as second, run_lock(tmp_path, "k2") as other:
        assert (first, second, other) == (True, False, True)
    with run_lock(tmp_path, "k1") as again:
        assert again


def write_repeatedly(root: Path, number: int) -> None:
    for turn in range(30):
        write_part(root, "k1", PART, {"a": f"{number}-{turn}"})


def test_concurrent_processes_can_write_the_same_part(tmp_path: Path) -> None:
    workers = [multiprocessing.Process(target=write_repeatedly, args=(tmp_path, number)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert load(tmp_path, "k1").path("train", "a").read_text().endswith("-29")

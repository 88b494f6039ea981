import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ganpipe.data import manifest as module
from ganpipe.data.manifest import UNREADABLE, build_manifest, read_manifest, update_manifest, write_manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "images"
    for name in ("a/1.png", "a/2.png", "b/3.png"):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(name)
    return made


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Names of the files that are read to be hashed, while all files count as settled."""
    names: list[str] = []
    monkeypatch.setattr(module, "_SETTLED_SECONDS", -1.0)
    original = module.file_digest

    def digest(path: Path) -> str:
        names.append(path.name)
        return original(path)

    monkeypatch.setattr(module, "file_digest", digest)
    yield names


def test_equal_folders_have_equal_digests(folder: Path, tmp_path: Path) -> None:
    before = build_manifest(folder).digest
    os.utime(folder / "a" / "1.png", (0, 0))
    (folder / ".hidden").touch()
    folder.rename(tmp_path / "elsewhere")
    assert build_manifest(tmp_path / "elsewhere").digest == before


def add(folder: Path) -> None:
    (folder / "b" / "4.png").touch()


def remove(folder: Path) -> None:
    (folder / "a" / "1.png").unlink()


def rename(folder: Path) -> None:
    (folder / "a" / "1.png").rename(folder / "a" / "0.png")


def move_to_another_class(folder: Path) -> None:
    (folder / "a" / "1.png").rename(folder / "b" / "1.png")


def swap(folder: Path) -> None:
    first, second = folder / "a" / "1.png", folder / "a" / "2.png"
    first.rename(folder / "x")
    second.rename(first)
    (folder / "x").rename(second)


def edit(folder: Path) -> None:
    (folder / "a" / "1.png").write_text("a/9.png")


def edit_and_restore_the_time(folder: Path) -> None:
    times = (folder / "a" / "1.png").stat()
    edit(folder)
    os.utime(folder / "a" / "1.png", ns=(times.st_atime_ns, times.st_mtime_ns))


def add_a_dangling_link(folder: Path) -> None:
    (folder / "a" / "x.png").symlink_to("nowhere.png")


def add_a_dangling_folder(folder: Path) -> None:
    (folder / "c").symlink_to("nowhere")


def lose_the_target_of_a_link(folder: Path) -> None:
    target = folder.parent / "1.png"
    (folder / "a" / "1.png").rename(target)
    (folder / "a" / "1.png").symlink_to(target)
    target.unlink()


@pytest.mark.parametrize("change", [add_a_dangling_link, add_a_dangling_folder, lose_the_target_of_a_link])
def test_a_lost_target_of_a_link_changes_the_digest(change: object, folder: Path, tmp_path: Path) -> None:
    before = update_manifest(folder, tmp_path / "manifest.json")
    assert callable(change)
    change(folder)
    after = update_manifest(folder, tmp_path / "manifest.json")
    assert after.digest != before.digest
    assert read_manifest(tmp_path / "manifest.json") == after


@pytest.mark.parametrize("change", [add, remove, rename, move_to_another_class, swap, edit, edit_and_restore_the_time])
def test_every_change_of_a_folder_changes_the_digest(change: object, folder: Path, hashed: list[str]) -> None:
    before = build_manifest(folder)
    assert callable(change)
    change(folder)
    after = build_manifest(folder, before)
    assert after.digest != before.digest
    assert after.digest == build_manifest(folder).digest


def test_only_changed_files_are_hashed_again(folder: Path, tmp_path: Path, hashed: list[str]) -> None:
    first = update_manifest(folder, tmp_path / "manifest.json")
    assert hashed == ["1.png", "2.png", "3.png"]
    assert update_manifest(folder, tmp_path / "manifest.json") == first
    assert len(hashed) == 3
    edit(folder)
    add(folder)
    update_manifest(folder, tmp_path / "manifest.json")
    assert hashed[3:] == ["1.png", "4.png"]


def test_a_file_that_changed_just_before_it_was_hashed_is_hashed_again(folder: Path) -> None:
    before = build_manifest(folder)
    assert not before.settled
    stale = module.Manifest(before.versions, dict.fromkeys(before.hashes, "stale"), before.settled)
    assert build_manifest(folder, stale).digest == before.digest


def test_a_stored_manifest_is_read_again(folder: Path, tmp_path: Path) -> None:
    (folder / os.fsdecode(b"caf\xe9.png")).write_text("x")
    manifest = build_manifest(folder)
    write_manifest(manifest, tmp_path / "manifest.json")
    assert read_manifest(tmp_path / "manifest.json") == manifest


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1}', '{"a": []}', '{"a": null}', "\ud800"])
def test_a_damaged_manifest_is_replaced(text: str, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert read_manifest(path) is None
    update_manifest(folder, path)
    assert read_manifest(path) is not None


def test_an_unreadable_file_is_part_of_the_digest(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = build_manifest(folder)

    def refuse(path: Path) -> str:
        raise PermissionError(path)

    monkeypatch.setattr(module, "file_digest", refuse)
    unreadable = build_manifest(folder)
    assert set(unreadable.hashes.values()) == {UNREADABLE}
    assert not unreadable.settled
    assert unreadable.digest != before.digest


def test_thousands_of_unchanged_files_take_a_fraction_of_a_second(tmp_path: Path, hashed: list[str]) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(5000):
        (folder / f"{number}.png").write_bytes(bytes(100))
    update_manifest(folder, tmp_path / "manifest.json")
    start = time.process_time()
    update_manifest(folder, tmp_path / "manifest.json")
    assert time.process_time() - start < 1  # 100,000 files in 20 seconds, on a very slow machine
    assert len(hashed) == 5000

import gzip
import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ganpipe.common.errors import UserError
from ganpipe.data.idx import read_idx
from ganpipe.data.pins import Pin
from ganpipe.data.select_files import WrongFilesError, copy_raw_files, missing_files, store_files
from ganpipe.data.store import Store
from tests.data.conftest import small_pin, tar_gz


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def written(folder: Path, files: dict[str, bytes]) -> list[Path]:
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return list(folder.iterdir())


def delivered(pin: Pin, store: Store, folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    copy_raw_files(pin, store, folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def with_archive(files: dict[str, bytes], archive: Path) -> Pin:
    data = archive.read_bytes()
    pinned = {"name": archive.name, "bytes": len(data), "md5": hashlib.md5(data).hexdigest()}
    return small_pin(files, archive=pinned)


def test_plain_and_gzipped_files_give_the_same_bytes(raw_files: dict[str, bytes], store: Store, tmp_path: Path) -> None:
    pin = small_pin(raw_files)
    plain, compressed = list(raw_files)[:2], list(raw_files)[2:]
    mixture = {name: raw_files[name] for name in plain}
    mixture |= {f"{name}.gz": gzip.compress(raw_files[name]) for name in compressed}
    store_files(pin, store, written(tmp_path / "in", mixture))
    assert delivered(pin, store, tmp_path / "out") == raw_files


def test_the_error_distinguishes_wrong_and_missing_files(
    raw_files: dict[str, bytes], store: Store, tmp_path: Path
) -> None:
    pin = small_pin(raw_files)
    names = list(raw_files)
    files = {names[0]: raw_files[names[0]], names[1]: b"other", f"{names[2]}.gz": gzip.compress(b"other")}
    with pytest.raises(WrongFilesError) as error:
        store_files(pin, store, written(tmp_path / "in", files))
    assert str(error.value) == f"wrong checksum: {names[1]}, {names[2]}; missing: {names[3]}"
    assert set(missing_files(pin, store)) == set(names[1:])


def test_of_two_files_with_one_name_the_one_with_the_checksum_is_used(
    raw_files: dict[str, bytes], store: Store, tmp_path: Path
) -> None:
    name, data = next(iter(raw_files.items()))
    pin = small_pin(raw_files)
    paths = written(tmp_path / "first", {name: b"other"}) + written(tmp_path / "second", {name: data})
    with pytest.raises(WrongFilesError):
        store_files(pin, store, paths)
    assert name not in missing_files(pin, store)


def test_an_archive_with_the_right_checksum_is_unpacked(
    raw_files: dict[str, bytes], store: Store, tmp_path: Path
) -> None:
    archive = tar_gz(tmp_path / "all.tar.gz", {f"deep/{name}": data for name, data in raw_files.items()})
    pin = with_archive(raw_files, archive)
    store_files(pin, store, [archive])
    assert delivered(pin, store, tmp_path / "out") == raw_files


def test_an_archive_with_a_wrong_checksum_is_not_unpacked(
    raw_files: dict[str, bytes], store: Store, tmp_path: Path
) -> None:
    archive = tar_gz(tmp_path / "all.tar.gz", raw_files)
    pin = with_archive(raw_files, archive)
    tar_gz(archive, raw_files | {"more": b"1"})
    with pytest.raises(WrongFilesError, match="missing"):
        store_files(pin, store, [archive])


def test_files_without_checksums_are_taken_from_the_verified_archive(
    raw_files: dict[str, bytes], store: Store, tmp_path: Path
) -> None:
    archive = tmp_path / "gzip.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for name, data in raw_files.items():
            zipped.writestr(f"gzip/{name}.gz", gzip.compress(data, mtime=0))
        zipped.writestr("gzip/others.gz", b"")
    pin = with_archive(raw_files, archive)
    pin = Pin.model_validate(pin.model_dump() | {"files": {name: {} for name in raw_files}})
    store_files(pin, store, [archive])
    files = delivered(pin, store, tmp_path / "out")
    wrong = Pin.model_validate(pin.model_dump() | {"files": {name: {} for name in [*raw_files, "more"]}})
    with pytest.raises(UserError, match=r"gzip\.zip: contains no more\.gz"):
        delivered(wrong, store, tmp_path / "wrong")
    assert files == raw_files
    assert np.array_equal(read_idx(tmp_path / "out" / "t10k-labels-idx1-ubyte").shape, [200])

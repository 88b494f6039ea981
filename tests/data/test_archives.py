import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from ganpipe.data.archives import ArchiveError, gunzip, unpack
from tests.data.conftest import tar_gz

LIMIT = 10_000


def zip_of(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("make", [tar_gz, zip_of])
def test_regular_files_are_unpacked(make: type, tmp_path: Path) -> None:
    archive = make(tmp_path / "a.bin", {"one": b"1", "deep/er/two": b"22"})
    unpack(archive, tmp_path / "out", LIMIT)
    assert (tmp_path / "out" / "one").read_bytes() == b"1"
    assert (tmp_path / "out" / "deep" / "er" / "two").read_bytes() == b"22"


@pytest.mark.parametrize("make", [tar_gz, zip_of])
def test_only_the_requested_files_are_unpacked(make: type, tmp_path: Path) -> None:
    archive = make(tmp_path / "a.bin", {"x/one": b"1", "x/two": b"22"})
    unpack(archive, tmp_path / "out", LIMIT, only={"two"})
    assert [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()] == ["two"]


@pytest.mark.parametrize("make", [tar_gz, zip_of])
@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "a\\..\\evil"])
def test_paths_outside_the_folder_are_rejected(make: type, name: str, tmp_path: Path) -> None:
    archive = make(tmp_path / "a.bin", {name: b"evil"})
    with pytest.raises(ArchiveError, match="unsafe"):
        unpack(archive, tmp_path / "in" / "out", LIMIT)
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_rejected(kind: bytes, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        member = tarfile.TarInfo("link")
        member.type, member.linkname = kind, "/etc/passwd"
        tar.addfile(member)
    with pytest.raises(ArchiveError, match="link or device"):
        unpack(tmp_path / "a.tar", tmp_path / "out", LIMIT)


@pytest.mark.parametrize("make", [tar_gz, zip_of])
def test_archives_that_unpack_to_too_many_bytes_are_rejected(make: type, tmp_path: Path) -> None:
    archive = make(tmp_path / "a.bin", {"one": bytes(LIMIT), "two": bytes(LIMIT)})
    with pytest.raises(ArchiveError, match="larger"):
        unpack(archive, tmp_path / "out", LIMIT + 1)


def test_gzip_files_that_decompress_to_too_many_bytes_are_rejected(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(bytes(LIMIT)))
    with pytest.raises(ArchiveError, match="larger"):
        gunzip(tmp_path / "a.gz", tmp_path / "a", LIMIT - 1)
    gunzip(tmp_path / "a.gz", tmp_path / "a", LIMIT)
    assert (tmp_path / "a").stat().st_size == LIMIT


@pytest.mark.parametrize("make", [tar_gz, zip_of])
def test_a_truncated_archive_is_rejected(make: type, tmp_path: Path) -> None:
    archive = make(tmp_path / "a.bin", {"one": bytes(range(256)) * 20})
    archive.write_bytes(archive.read_bytes()[:-40])
    with pytest.raises(ArchiveError):
        unpack(archive, tmp_path / "out", LIMIT)


def test_a_file_of_another_format_is_rejected_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.tgz").write_bytes(io.BytesIO(b"<html>not found</html>").read())
    with pytest.raises(ArchiveError, match=r"a\.tgz"):
        unpack(tmp_path / "a.tgz", tmp_path / "out", LIMIT)


@pytest.mark.parametrize("make", [tar_gz, zip_of])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_is_contained_twice_is_rejected(make: type, tmp_path: Path) -> None:
    archive = make(tmp_path / "a.bin", {"one": b"1"})
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive, "a") as zipped:
            zipped.writestr("one", b"2")
    else:
        with tarfile.open(archive, "w:gz") as tar:
            for _ in range(2):
                tar.addfile(tarfile.TarInfo("one"))
    with pytest.raises(ArchiveError, match="'one' twice"):
        unpack(archive, tmp_path / "out", LIMIT)

import gzip
import hashlib
from pathlib import Path

import pytest

from ganpipe.data.pins import Checksum
from ganpipe.data.store import Store

CONTENT = b"real bytes"
CHECKSUM = Checksum(hashlib.md5(CONTENT).hexdigest(), len(CONTENT))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.mark.parametrize(("name", "data"), [("a", CONTENT), ("a.gz", gzip.compress(CONTENT, mtime=0))])
def test_a_file_with_the_checksum_is_kept(store: Store, name: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    assert store.add(tmp_path / name, CHECKSUM)
    kept = store.get(CHECKSUM)
    assert kept is not None
    assert kept.read_bytes() == CONTENT


@pytest.mark.parametrize(
    "data", [b"fake bytes", b"short", gzip.compress(b"fake bytes", mtime=0), gzip.compress(bytes(1000), mtime=0)]
)
def test_a_file_with_another_checksum_is_rejected(store: Store, data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(data)
    assert not store.add(tmp_path / "a.gz", CHECKSUM)
    assert store.get(CHECKSUM) is None
    assert not list(store.folder.iterdir())


def test_a_file_damaged_in_the_store_is_not_returned(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    store.add(tmp_path / "a", CHECKSUM)
    (store.folder / CHECKSUM.md5).write_bytes(b"fake bytes")
    assert store.get(CHECKSUM) is None

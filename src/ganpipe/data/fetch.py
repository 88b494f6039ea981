"""Fetch the raw files of a dataset: sources are tried in order, every file is verified, every failure reported."""

import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from filelock import FileLock

from ganpipe.common.atomic import atomic_folder
from ganpipe.common.checkout import private_folder, root
from ganpipe.common.errors import UserError
from ganpipe.common.hashing import digest
from ganpipe.data.archives import ArchiveError
from ganpipe.data.fetch_arrays import check_arrays, fetch_arrays
from ganpipe.data.fetch_images import check_images, fetch_images
from ganpipe.data.find_files import find_files
from ganpipe.data.huggingface import check_huggingface, fetch_huggingface
from ganpipe.data.manifest import update_manifest
from ganpipe.data.pins import Mirrors, Pin, Source, read_pin, write_contents
from ganpipe.data.select_files import WrongFilesError, copy_raw_files, missing_files, store_files
from ganpipe.data.settings import ARRAY, FOLDER, HUGGINGFACE, OWN_SOURCES, DatasetSettings
from ganpipe.data.sources import download_from
from ganpipe.data.store import Store
from ganpipe.data.subprocess_limits import ProgramError, TimeLimits

FOLDER_VARIABLE = "GANPIPE_DATA"
DEFAULT_LIMITS = TimeLimits()


def fetch_dataset(
    settings: DatasetSettings,
    pins: Path,
    destination: Path,
    cache: Path,
    report: Callable[[str], None] = print,
) -> None:
    """Write the raw files of a dataset into the folder `destination`, which is created only when they are complete.

    pins: folder of the pins. cache: folder of verified downloads, not tracked by DVC.
    The folder `settings.path`, otherwise the one that GANPIPE_DATA names, is tried before the pin's sources.
    Raises UserError.
    """
    path = user_path(settings)
    if path is not None and settings.source in OWN_SOURCES:
        _check_own(path, settings)
        with atomic_folder(destination) as part:
            _FETCH[settings.source](path, settings, part, report)
        return
    fetch(settings.source, read_pin(pins, settings.source), destination, cache, path, report)


def source_digest(settings: DatasetSettings, pins: Path, manifests: Path | None = None) -> str:
    """Return a digest that changes if and only if a fetch would write other raw files. Raises UserError.

    manifests: folder in which the manifests of a user's own images are kept, so that only changed files are read; by
    default in the private folder of the checkout.
    """
    path = user_path(settings)
    if path is None or settings.source not in OWN_SOURCES:
        return read_pin(pins, settings.source).digest
    _check_own(path, settings)
    stored = (manifests or private_folder() / "manifests") / f"{digest(os.fsencode(path).hex())}.json"
    try:
        manifest = update_manifest(path, stored)
    except OSError as error:
        raise UserError(f"path: {path} cannot be read ({error.strerror}). Change its permissions.") from error
    return digest([manifest.digest, settings.source, *(getattr(settings, name) for name in _FETCH_SETTINGS)])


_FETCH = {FOLDER: fetch_images, ARRAY: fetch_arrays, HUGGINGFACE: fetch_huggingface}

_CHECK = {FOLDER: check_images, ARRAY: check_arrays, HUGGINGFACE: check_huggingface}

_FETCH_SETTINGS = ("classes", "image_column", "label_column", "splits")
"""Settings of a user's own images that change what is fetched; all others are applied by `prepare`."""


def _check_own(path: Path, settings: DatasetSettings) -> None:
    if not path.exists():
        raise UserError(f"path: {path} does not exist. Set it to your images, or make a missing disk available.")
    _CHECK[settings.source](path)


def user_path(settings: DatasetSettings) -> Path | None:
    """Return the path that `path` or GANPIPE_DATA names; relative paths start at the main checkout."""
    name = settings.path or os.environ.get(FOLDER_VARIABLE)
    return root() / Path(name).expanduser() if name else None


def fetch(
    name: str,
    pin: Pin,
    destination: Path,
    cache: Path,
    local_folder: Path | None = None,
    report: Callable[[str], None] = print,
    limits: TimeLimits = DEFAULT_LIMITS,
) -> None:
    """Write the raw files of a pin and their description into the folder `destination`.

    They are taken from the cache, from any subfolder of `local_folder`, or from the pin's sources, in this order.
    limits: time limits of each source. Raises UserError that lists why each source failed if all failed.
    """
    store = Store(cache / "files")
    with FileLock(cache / f"{name}.lock"):
        used = "the download cache"
        if missing_files(pin, store):
            used = _first_working(store, name, pin, _attempts(store, name, pin, cache, local_folder, limits), report)
        with atomic_folder(destination) as part:
            copy_raw_files(pin, store, part)
            write_contents(part, pin.contents)
    report(f"{name}: {len(pin.files)} files from {used}, checksums verified")


Attempt = tuple[str, Callable[[], None]]  # name of a source, and the function that fills the store from it


def _attempts(
    store: Store, name: str, pin: Pin, cache: Path, local_folder: Path | None, limits: TimeLimits
) -> Iterator[Attempt]:
    if local_folder is not None:
        yield f"folder {local_folder}", partial(_search_folder, store, pin, local_folder)
    for source in pin.sources:
        work_folder = cache / "unfinished" / f"{name}-{source.kind}"
        yield str(source), partial(_download, store, pin, source, work_folder, limits)


def _first_working(
    store: Store, name: str, pin: Pin, attempts: Iterator[Attempt], report: Callable[[str], None]
) -> str:
    """Try the sources in order and return the name of the first that succeeds. Raises UserError if none does."""
    reasons = []
    for source, fill_store in attempts:
        try:
            fill_store()
        except (ProgramError, ArchiveError, WrongFilesError) as error:
            reasons.append(f"{source}: {error}")
            report(f"{name}: {reasons[-1]}")
        else:
            return source
    missing = ", ".join(missing_files(pin, store))
    advice = (
        f"Run it again with a network connection; or put {missing} (or their .gz files) into a folder, and set "
        f"{FOLDER_VARIABLE} or the path of the dataset to this folder."
    )
    raise UserError.listing(f"{name}: no source provides the files.", [*reasons, advice])


def _search_folder(store: Store, pin: Pin, folder: Path) -> None:
    """Fill the store from a folder and its subfolders; files are recognised by name or size, and by checksum."""
    if not folder.is_dir():
        raise WrongFilesError("no such folder")
    names = {variant for name in (*pin.checksums, *pin.files) for variant in (name, f"{name}.gz")}
    names |= {pin.archive.name} if pin.archive is not None else set()
    sizes = {checksum.bytes for checksum in pin.checksums.values()}
    found = [file for file in find_files(folder) if file.skipped is None]
    paths = [Path(folder, file.name) for file in found if Path(file.name).name in names or file.version[0] in sizes]
    store_files(pin, store, paths)


def _download(store: Store, pin: Pin, source: Source, work_folder: Path, limits: TimeLimits) -> None:
    """Fill the store from a source. Partial downloads from mirrors are kept, so that the next attempt resumes them."""
    work_folder.mkdir(parents=True, exist_ok=True)
    resumable = False
    try:
        download_from(source, work_folder, limits)
        store_files(pin, store, sorted(work_folder.rglob("*")))
    except (ProgramError, KeyboardInterrupt):
        resumable = isinstance(source, Mirrors)
        raise
    finally:
        if not resumable or not any(work_folder.iterdir()):
            shutil.rmtree(work_folder)

"""Getting a data set's raw files: each source in turn, every file verified, a line for each that fails."""

import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from filelock import FileLock

from ganpipe.common.atomic import atomic_folder
from ganpipe.common.checkout import root
from ganpipe.common.errors import UserError
from ganpipe.common.hashing import digest
from ganpipe.data import image_folder
from ganpipe.data.archives import ArchiveError
from ganpipe.data.pins import Mirrors, Pin, Source, read_pin, write_contents
from ganpipe.data.select_files import WrongFilesError, admit, deliver, missing
from ganpipe.data.settings import FOLDER, DatasetSettings
from ganpipe.data.sources import obtain
from ganpipe.data.store import Store
from ganpipe.data.subprocess_limits import Limits, ProgramError

FOLDER_VARIABLE = "GANPIPE_DATA"
DEFAULT_LIMITS = Limits()


def fetch_dataset(
    settings: DatasetSettings,
    pins: Path,
    destination: Path,
    cache: Path,
    report: Callable[[str], None] = print,
) -> None:
    """Bring the raw files that `settings` names into `destination`, which appears only when complete.

    pins: folder of the pins. cache: folder, outside of what DVC tracks, where downloads are kept by checksum.
    Tried first is the folder `settings.path`, or else the one that the variable GANPIPE_DATA names.
    Raises UserError.
    """
    own = own_folder(settings)
    if settings.source == FOLDER and own is not None:
        with atomic_folder(destination) as part:
            count = image_folder.copy_pictures(own, part)
            write_contents(part, image_folder.contents(part, with_classes=settings.classes == "subfolders"))
        report(f"{own}: {count} pictures copied")
        return
    fetch(settings.source, read_pin(pins, settings.source), destination, cache, own, report)


def origin_digest(settings: DatasetSettings, pins: Path) -> str:
    """Digest that changes exactly when fetching again would bring other raw files. Raises UserError."""
    own = own_folder(settings)
    if settings.source == FOLDER and own is not None:
        return digest([image_folder.digest_pictures(own), settings.classes])
    return read_pin(pins, settings.source).digest


def own_folder(settings: DatasetSettings) -> Path | None:
    """The user's own folder of files; a relative one starts at the main checkout, also for runs in a copy of it."""
    named = settings.path or os.environ.get(FOLDER_VARIABLE)
    return root() / Path(named).expanduser() if named else None


def fetch(
    name: str,
    pin: Pin,
    destination: Path,
    cache: Path,
    local_folder: Path | None = None,
    report: Callable[[str], None] = print,
    limits: Limits = DEFAULT_LIMITS,
) -> None:
    """Bring the raw files of a pin, and a note of what they are, into `destination`.

    They come from the first of: the cache, `local_folder` (or its subfolder `name`), the pin's sources.
    limits: how long each source may take. Raises UserError that lists every source with its reason when none
    has the files.
    """
    store = Store(cache / "files")
    with FileLock(cache / f"{name}.lock"):
        origin = "the download cache"
        if missing(pin, store):
            origin = _fill(store, name, pin, _attempts(store, name, pin, cache, local_folder, limits), report)
        with atomic_folder(destination) as part:
            deliver(pin, store, part)
            write_contents(part, pin.contents)
    report(f"{name}: {len(pin.files)} files from {origin}, checksums right")


Attempt = tuple[str, Callable[[], None]]  # a source's name, and what fills the store from it


def _attempts(
    store: Store, name: str, pin: Pin, cache: Path, local_folder: Path | None, limits: Limits
) -> Iterator[Attempt]:
    if local_folder is not None:
        yield f"folder {local_folder}", partial(_take_from_folder, store, pin, local_folder, name)
    for source in pin.sources:
        workplace = cache / "unfinished" / f"{name}-{source.kind}"
        yield str(source), partial(_download, store, pin, source, workplace, limits)


def _fill(store: Store, name: str, pin: Pin, attempts: Iterator[Attempt], report: Callable[[str], None]) -> str:
    """Make the first attempt that succeeds; returns its source's name."""
    reasons = []
    for source, bring in attempts:
        try:
            bring()
        except (ProgramError, ArchiveError, WrongFilesError) as error:
            reasons.append(f"{source}: {error}")
            report(f"{name}: {reasons[-1]}")
        else:
            return source
    wanted = ", ".join(missing(pin, store))
    cure = (
        f"What you can do: run it again when the network is back; or put {wanted} (or .gz of them) into a "
        f"folder, and set {FOLDER_VARIABLE} or the data set's path to it"
    )
    raise UserError.listing(f"No source has the files of {name}:", [*reasons, cure])


def _take_from_folder(store: Store, pin: Pin, folder: Path, name: str) -> None:
    if not folder.is_dir():
        raise WrongFilesError("there is no such folder")
    places = [place for place in (folder / name, folder) if place.is_dir()]
    admit(pin, store, [path for place in places for path in sorted(place.iterdir())])


def _download(store: Store, pin: Pin, source: Source, workplace: Path, limits: Limits) -> None:
    """Fill the store from a source. What a mirror gave before it failed is kept for the next try."""
    workplace.mkdir(parents=True, exist_ok=True)
    resumable = False
    try:
        obtain(source, workplace, limits)
        admit(pin, store, sorted(workplace.rglob("*")))
    except (ProgramError, KeyboardInterrupt):
        resumable = isinstance(source, Mirrors)
        raise
    finally:
        if not resumable or not any(workplace.iterdir()):
            shutil.rmtree(workplace)

"""Checks of the sources of data and weights: what is here already, and what is reachable. Nothing is downloaded."""

import subprocess
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException

from ganpipe.common.checkout import private_folder
from ganpipe.common.errors import UserError
from ganpipe.config import Params
from ganpipe.data.download import mirrors
from ganpipe.data.fetch import FOLDER_VARIABLE, user_path
from ganpipe.data.pins import DebianPackage, Mirrors, NpmPackage, Source, read_pin
from ganpipe.data.select_files import missing_files
from ganpipe.data.settings import OWN_SOURCES, DatasetSettings
from ganpipe.data.store import Store
from ganpipe.doctor.finding import Finding
from ganpipe.metrics.extractors.inception_file import PUBLISHED, weights_path
from ganpipe.metrics.settings import DOWNLOAD
from ganpipe.plan.layout import PINS, PREPARED

SECONDS = 5.0
"""Timeout of a request to a source."""


def check_sources(sections: Params) -> Iterator[Finding]:
    """Check the sources of every dataset of the grid; the plan reports names that do not exist."""
    for name in sections.grid.datasets:
        if name in sections.datasets:
            yield from _check_dataset(name, sections.datasets[name])


def check_weights(inception: str | None) -> Finding:
    """Check the Inception weights that `fid` needs. inception: the setting `evaluate.inception`."""
    topic = "inception weights"
    if inception is None:
        message = "evaluate.inception is not set, so fid is not computed"
        return Finding(topic, "ok", message, "to compute it: ganpipe weights inception")
    if inception != DOWNLOAD:
        path = weights_path(inception)
        if path.is_file():
            return Finding(topic, "ok", str(path))
        message = f"{path} is not a file, so fid cannot be computed"
        return Finding(topic, "note", message, "correct evaluate.inception, or: ganpipe weights inception")
    if reason := _url_error(PUBLISHED):
        fix = "download the file on another machine, then: ganpipe weights inception --from FILE"
        return Finding(topic, "note", f"{PUBLISHED} does not answer ({reason})", fix)
    return Finding(topic, "ok", f"{PUBLISHED} answers")


def _check_dataset(name: str, settings: DatasetSettings) -> Iterator[Finding]:
    topic = f"data: {name}"
    own = user_path(settings)
    is_own = settings.source in OWN_SOURCES
    named = own is not None and (own.exists() if is_own else own.is_dir())
    if own is not None and not named:
        problem = "does not exist" if is_own else "is not a folder"
        yield Finding(topic, "note", f"{own} {problem}", f"correct {FOLDER_VARIABLE} or the dataset's path")
    if is_own:
        return  # the plan checks its images
    try:
        pin = read_pin(PINS, settings.source)
    except UserError:
        return  # the plan reports it
    here = not missing_files(pin, Store(private_folder() / "downloads" / "files"))
    if here:
        yield Finding(topic, "ok", "downloaded, checksums verified")
    answering = 0
    for source in pin.sources:
        reason = _unreachable(source)
        answering += not reason
        yield Finding(topic, "note" if reason else "ok", f"{source}: {reason or 'answers'}")
    if not (here or answering or named or (PREPARED / name).exists()):
        fix = f"connect to a network, or put the files into a folder and set {FOLDER_VARIABLE} to it"
        yield Finding(topic, "STOP", "no source answers", fix)


def _unreachable(source: Source) -> str:
    """Return why a source is not available; empty if it is."""
    match source:
        case Mirrors():
            reasons = []
            try:
                addresses = mirrors(source.dataset)
            except LookupError as error:
                return str(error)
            for address in addresses:
                reasons.append(_url_error(address + source.files[0]))
                if not reasons[-1]:
                    return ""
            return "; ".join(dict.fromkeys(reasons))
        case NpmPackage():
            return _command_error(["npm", "view", source.package, "version", "--fetch-retries=0", "--loglevel=error"])
        case DebianPackage():
            return _command_error(["apt-cache", "show", "--no-all-versions", source.package])


def _url_error(address: str) -> str:
    """Return why a URL does not answer; empty if it does."""
    request = urllib.request.Request(address, method="HEAD", headers={"User-Agent": "ganpipe"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=SECONDS):  # noqa: S310 - addresses come from the packages
            return ""
    except (OSError, HTTPException) as error:
        return str(getattr(error, "reason", error))


def _command_error(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except FileNotFoundError:
        return f"{command[0]} is not installed"
    except subprocess.TimeoutExpired:
        return f"no answer within {SECONDS:g} s"
    return "" if done.stdout.strip() else (done.stderr.strip().splitlines() or ["no such package"])[0]

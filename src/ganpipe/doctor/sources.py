"""Where data and weights come from: what is here already, and what would answer. Nothing is downloaded."""

import subprocess
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

from ganpipe.common.checkout import private_folder
from ganpipe.config import Params
from ganpipe.data.download import mirrors
from ganpipe.data.fetch import FOLDER_VARIABLE, user_folder
from ganpipe.data.pins import DebianPackage, Mirrors, NpmPackage, Source, read_pin
from ganpipe.data.select_files import missing_files
from ganpipe.data.settings import FOLDER, DatasetSettings
from ganpipe.data.store import Store
from ganpipe.doctor.finding import Finding
from ganpipe.metrics.settings import DOWNLOAD
from ganpipe.plan.layout import PINS, PREPARED

SECONDS = 5.0
"""How long a source may take to say that it is there."""


def check_sources(sections: Params) -> Iterator[Finding]:
    """Every data set of the grid."""
    for name in sections.grid.datasets:
        yield from _check_dataset(name, sections.datasets[name])


def check_weights(inception: str | None) -> Finding:
    """The Inception weights that `fid` needs. inception: the setting `evaluate.inception`."""
    topic = "inception weights"
    if inception is None:
        return Finding(topic, "ok", "none named in evaluate.inception, so fid is left out (docs/metrics.md)")
    if inception != DOWNLOAD:
        if Path(inception).is_file():
            return Finding(topic, "ok", inception)
        return Finding(topic, "note", f"{inception} is not a file, so fid is left out", "mend evaluate.inception")
    from ganpipe.metrics.extractors.inception_file import PUBLISHED

    if reason := _silent(PUBLISHED):
        cure = "get the file by other means and name it in evaluate.inception"
        return Finding(topic, "note", f"{PUBLISHED} does not answer ({reason})", cure)
    return Finding(topic, "ok", f"{PUBLISHED} answers")


def _check_dataset(name: str, settings: DatasetSettings) -> Iterator[Finding]:
    topic = f"data: {name}"
    own = user_folder(settings)
    named = own is not None and own.is_dir()
    if own is not None and not named:
        yield Finding(topic, "note", f"{own} is not a folder", f"mend {FOLDER_VARIABLE}, or the data set's path")
    if settings.source == FOLDER:
        return  # that there are pictures in it, the plan has checked
    pin = read_pin(PINS, settings.source)
    here = not missing_files(pin, Store(private_folder() / "downloads" / "files"))
    if here:
        yield Finding(topic, "ok", "downloaded, checksums right")
    answering = 0
    for source in pin.sources:
        reason = _unreachable(source)
        answering += not reason
        yield Finding(topic, "note" if reason else "ok", f"{source}: {reason or 'answers'}")
    if not (here or answering or named or (PREPARED / name).exists()):
        cure = f"connect to a network, or put the files into a folder and set {FOLDER_VARIABLE} to it"
        yield Finding(topic, "STOP", "no source answers", cure)


def _unreachable(source: Source) -> str:
    """Why a source cannot be had; empty when it can."""
    match source:
        case Mirrors():
            reasons = []
            try:
                addresses = mirrors(source.dataset)
            except LookupError as error:
                return str(error)
            for address in addresses:
                reasons.append(_silent(address + source.files[0]))
                if not reasons[-1]:
                    return ""
            return "; ".join(dict.fromkeys(reasons))
        case NpmPackage():
            return _refused(["npm", "view", source.package, "version", "--fetch-retries=0", "--loglevel=error"])
        case DebianPackage():
            return _refused(["apt-cache", "show", "--no-all-versions", source.package])


def _silent(address: str) -> str:
    """Why an address does not answer; empty when it does."""
    request = urllib.request.Request(address, method="HEAD", headers={"User-Agent": "ganpipe"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=SECONDS):  # noqa: S310 - addresses come from the packages
            return ""
    except (OSError, HTTPException) as error:
        return str(getattr(error, "reason", error))


def _refused(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except FileNotFoundError:
        return f"{command[0]} is not installed"
    except subprocess.TimeoutExpired:
        return f"no answer within {SECONDS:g} s"
    return "" if done.stdout.strip() else (done.stderr.strip().splitlines() or ["no such package"])[0]

"""Whether Git, DVC and MLflow speak of the same state."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from ganpipe.common.errors import UserError
from ganpipe.doctor.finding import Finding
from ganpipe.records.store import keys
from ganpipe.tracking.store import Timeouts, location, open_store
from ganpipe.tracking.sync import unsynced
from ganpipe.tracking.timeouts import TrackingError, redact

_PATIENCE = 120
_STORE = Timeouts(call=30, request=5, retries=1)  # it loads while all other checks do
_SHOWN = 3


def check_git() -> Finding:
    """Whether this is a clone, and all of it is committed."""
    try:
        done = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return Finding("git", "STOP", "not installed", "install git")
    if done.returncode:
        return Finding("git", "STOP", done.stderr.strip().splitlines()[0], "work in a clone, or run `git init`")
    if not all(map(_is_told, ("name", "email"))):
        told = "does not know you, and `dvc exp run` makes commits"
        return Finding("git", "note", told, "`git config --global user.name ...`, and user.email")
    if changed := done.stdout.splitlines():
        told = f"{len(changed)} files are not as committed; runs made now are marked with git_dirty"
        return Finding("git", "note", told, "commit them, or `git restore` them")
    return Finding("git", "ok", "everything is committed")


def _is_told(part: str) -> bool:
    """Whether Git knows this part of the user, from where DVC too reads it."""
    if os.environ.get(f"GIT_COMMITTER_{part.upper()}"):
        return True
    return subprocess.run(["git", "config", f"user.{part}"], capture_output=True, check=False).returncode == 0


def check_dvc(lock: Path) -> Finding:
    """Whether the workspace is what dvc.lock says."""
    if not lock.exists():
        return Finding("dvc", "note", f"{lock} is not there: nothing has run", "make repro")
    command = [sys.executable, "-m", "dvc", "status", "--json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return Finding("dvc", "note", f"`dvc status` took longer than {_PATIENCE} s", "look at `dvc status` yourself")
    if done.returncode:
        return Finding("dvc", "STOP", done.stderr.strip().splitlines()[-1], "see `dvc status -v`")
    if changed := sorted(json.loads(done.stdout)):
        more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        told = f"not up to date: {', '.join(changed[:_SHOWN])}{more}"
        return Finding("dvc", "note", told, "`dvc status` says what changed, `make repro` brings it up to date")
    return Finding("dvc", "ok", f"the workspace is as {lock} says")


def check_mlflow(root: Path) -> Iterator[Finding]:
    """Whether the store answers, and shows every record."""
    address = redact(location(root))
    sync = "python -m ganpipe sync"
    recorded = len(keys(root))
    if address.startswith("sqlite:///") and not Path(address.removeprefix("sqlite:///")).exists():
        if recorded:
            yield Finding("mlflow", "note", f"no store yet for {recorded} records", f"`{sync}`")
        else:
            yield Finding("mlflow", "ok", "no store yet: the first run makes it")
        return
    try:
        missing = unsynced(open_store(root, _STORE))
    except TrackingError as trouble:
        told = f"{address} does not answer ({trouble}); a run loses nothing by that"
        yield Finding("mlflow", "note", told, f"see that it runs, then `{sync}`; or name another: MLFLOW_TRACKING_URI")
        return
    except UserError as damage:
        yield Finding("mlflow", "note", str(damage), f"mend that, then `{sync}`, which leaves out damaged records")
        return
    if missing:
        yield Finding("mlflow", "note", f"{len(missing)} of {recorded} records are not shown whole", f"`{sync}`")
    else:
        yield Finding("mlflow", "ok", f"{address} shows all {recorded} records")

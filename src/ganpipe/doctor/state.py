"""Checks of Git, DVC and MLflow, and whether they agree with the records."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from ganpipe.common.errors import UserError
from ganpipe.common.git import UNSHALLOW, ForeignCheckoutError, GitError, git, is_shallow
from ganpipe.doctor.finding import Finding
from ganpipe.records.store import keys
from ganpipe.tracking.model_registry import check_registry
from ganpipe.tracking.store import SQLITE, check_supported, location, moved_from, open_store
from ganpipe.tracking.sync import unsynced
from ganpipe.tracking.timeouts import Timeouts, TrackingError, UnsupportedError, redact

_DVC_TIMEOUT = 120
_PATH_USERS = Path(".dvc/tmp/rwlock")  # DVC's list of the processes that use a path
_TIMEOUTS = Timeouts(call=30, request=5, retries=1)  # MLflow is imported while all other checks run
_SHOWN = 3


def check_git() -> Iterator[Finding]:
    """Check that Git can read the checkout, that it is complete, and that everything is committed."""
    try:
        changed = git("status", "--porcelain").splitlines()
        if is_shallow():
            message = "this clone is shallow: `dvc exp run --temp` and queued experiments lose their results"
            yield Finding("git", "note", message, UNSHALLOW)
    except ForeignCheckoutError as error:
        message = f"{error}: runs do not record their commit, and `dvc exp run` fails"
        yield Finding("git", "note", message, error.fix)
        return
    except GitError as error:
        yield Finding("git", "STOP", str(error), error.fix)
        return
    if not all(map(_is_configured, ("name", "email"))):
        message = "user name or email is not set, but `dvc exp run` makes commits"
        yield Finding("git", "note", message, "`git config --global user.name ...`, and user.email")
    elif changed:
        message = f"{len(changed)} files differ from the last commit; runs made now are marked with git_dirty"
        yield Finding("git", "note", message, "commit them, or `git restore` them")
    else:
        yield Finding("git", "ok", "everything is committed")


def _is_configured(field: str) -> bool:
    """Return whether Git knows the user's name or email, from where DVC reads it too."""
    if os.environ.get(f"GIT_COMMITTER_{field.upper()}"):
        return True
    return subprocess.run(["git", "config", f"user.{field}"], capture_output=True, check=False).returncode == 0


def check_dvc(lock: Path) -> Finding:
    """Check that the workspace agrees with dvc.lock."""
    try:
        json.loads(_PATH_USERS.read_text(encoding="utf-8"))
    except FileNotFoundError:
        pass
    except ValueError:
        message = f"{_PATH_USERS} is half written, because DVC was killed; `dvc repro` fails"
        return Finding("dvc", "STOP", message, f"`ganpipe repro` removes it, or: rm {_PATH_USERS}")
    if not lock.exists():
        return Finding("dvc", "note", f"{lock} does not exist: nothing has run yet", "`make repro`")
    command = [sys.executable, "-m", "dvc", "status", "--json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_DVC_TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        return Finding("dvc", "note", f"`dvc status` took longer than {_DVC_TIMEOUT} s", "run `dvc status` yourself")
    if done.returncode:
        message = (done.stderr.strip().splitlines() or [f"`dvc status` ended with exit code {done.returncode}"])[-1]
        return Finding("dvc", "STOP", message, "see `dvc status -v`")
    always = {stage for stage, reasons in json.loads(done.stdout).items() if reasons == ["always changed"]}
    if changed := sorted(json.loads(done.stdout).keys() - always):
        more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        message = f"not up to date: {', '.join(changed[:_SHOWN])}{more}"
        return Finding("dvc", "note", message, "`dvc status` shows what changed, `make repro` updates it")
    return Finding("dvc", "ok", f"the workspace agrees with {lock}")


def check_mlflow(root: Path) -> Iterator[Finding]:
    """Check that the store answers and shows every record."""
    recorded, address = len(keys(root)), redact(location(root))
    try:
        check_supported(location(root))
    except TrackingError as error:
        message, _, fix = str(error).partition(". ")
        yield Finding("mlflow", "note", f"{message}, so runs are not shown", fix)
        return
    try:
        if address.startswith(SQLITE) and not Path(address.removeprefix(SQLITE)).exists():
            if recorded:
                yield Finding("mlflow", "note", f"no store yet for {recorded} records", "`ganpipe sync`")
            else:
                yield Finding("mlflow", "ok", "no store yet: the first run creates it")
            return
        if old := moved_from(root):
            message = f"this checkout was moved or copied; MLflow still refers to {old}"
            yield Finding("mlflow", "note", message, "the next run or `ganpipe sync` updates the paths")
            return
        store = open_store(root, _TIMEOUTS)
        missing = unsynced(store)
    except TrackingError as error:
        yield Finding("mlflow", "note", f"{address} does not work ({error}); no run is lost", _fix(address))
        return
    except UserError as error:
        yield Finding("mlflow", "note", str(error), "fix this, then `ganpipe sync`, which leaves out damaged records")
        return
    if missing:
        message = f"{len(missing)} of {recorded} records are not shown completely"
        yield Finding("mlflow", "note", message, "`ganpipe sync`")
    else:
        yield Finding("mlflow", "ok", f"{address} shows all {recorded} records")
    try:
        check_registry(store)
    except UnsupportedError:
        message = "the server has no logged models or no model registry, so runs are shown, but no champion"
        yield Finding("mlflow", "note", message, "for the champion and `ganpipe pull`, update the server to MLflow 3")
    except TrackingError as error:
        yield Finding("mlflow", "note", f"the model registry does not work ({error})", "see the server's log")


def _fix(address: str) -> str:
    """Return what to do about a store that does not work."""
    if address.startswith(SQLITE):
        file = address.removeprefix(SQLITE)
        return f"if no other command is using it, move {file} away; `ganpipe sync` shows all records in a new one"
    url = urlsplit(address)
    proxy = urllib.request.getproxies().get(url.scheme)
    if proxy and url.hostname and not urllib.request.proxy_bypass(url.hostname):
        return f"requests to it go through the proxy {redact(proxy)}; if it needs none, add {url.hostname} to NO_PROXY"
    return "check that it is running, or change MLFLOW_TRACKING_URI; then `ganpipe sync`"

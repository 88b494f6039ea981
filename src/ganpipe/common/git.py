"""Queries to Git, whose failures come with a fix."""

import os
import subprocess
from pathlib import Path

_ALLOW = "git config --global --add safe.directory"


class GitError(Exception):
    """Git is missing or refuses to work in a folder. `fix`: what the user can do about it."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


class ForeignCheckoutError(GitError):
    """The checkout belongs to another user, as one that a container mounts."""


def git(*arguments: str, folder: Path | None = None) -> str:
    """Return the output of a Git command, run in a folder (default: the working directory). Raises GitError."""
    command, english = ["git", *arguments], os.environ | {"LC_ALL": "C"}  # its messages are read below
    try:
        done = subprocess.run(command, cwd=folder, env=english, capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError:
        raise GitError("Git is not installed", "install git") from None
    except subprocess.TimeoutExpired:
        raise GitError("Git did not answer within 60 s", f"run `git {' '.join(arguments)}` to see why") from None
    if done.returncode:
        lines = [line.strip() for line in done.stderr.strip().splitlines()] or [f"git exited with {done.returncode}"]
        message = lines[0]
        if "dubious ownership" in message:
            default = f"{_ALLOW} {(folder or Path.cwd()).resolve()}"
            allow = next((line for line in lines if line.startswith(_ALLOW)), default)  # it names the repository
            raise ForeignCheckoutError("the checkout belongs to another user, so Git refuses to read it", f"`{allow}`")
        fix = "work in a clone, or run `git init`" if "not a git repository" in message else "see `git status`"
        raise GitError(message.removeprefix("fatal: "), fix)
    return done.stdout.strip()


def is_shallow(folder: Path | None = None) -> bool:
    """Return whether the history of a clone was cut off; DVC then loses experiments of `--temp` and of the queue."""
    return git("rev-parse", "--is-shallow-repository", folder=folder) == "true"


UNSHALLOW = "`git fetch --unshallow`"
"""What makes a shallow clone complete."""

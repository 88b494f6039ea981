"""A copy of the project in a temporary folder, with DVC and Git, on the small MNIST of the fixtures."""

import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import MNIST, REPOSITORY

COPIED = (".dvcignore", "data", "data.dvc", "dvc.yaml", "params.yaml", "requirements.lock", "src", "stages")


class Workspace:
    """A working copy of the project in which commands run as a user runs them."""

    def __init__(self, folder: Path, template: Path | None = None) -> None:
        """Set the project up in an empty folder, or copy another workspace from the folder `template`.

        MLflow's store is not copied: it contains absolute paths.
        """
        self.folder = folder
        if template is not None:
            store = shutil.ignore_patterns("mlflow.db*", "mlartifacts")
            shutil.copytree(template, folder, dirs_exist_ok=True, ignore=store)
            return
        for name in COPIED:
            source = REPOSITORY / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
            else:
                shutil.copyfile(source, folder / name)
        pin_small_mnist(folder / "data")
        self.run("git", "init", "--quiet")
        self.run("dvc", "init", "--quiet")
        (folder / ".gitignore").write_text("/out\n/.ganpipe\n/mlflow.db*\n/mlartifacts\n__pycache__\n")
        self.commit()

    def run(self, *command: str, check: bool = True, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run a command and wait for it; raise AssertionError if it fails and `check` is true."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(**environment),
            text=True,
            capture_output=True,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)} exited with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    def environment(self, **changes: str) -> dict[str, str]:
        """Return the environment of a user in the folder, with the interpreter's programs first on the PATH."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("DVC_", "MLFLOW_", "GANPIPE_"))}
        known = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self.folder / "src"),
            "GANPIPE_DATA": str(MNIST.parent),
            "GIT_AUTHOR_NAME": "tester",
            "GIT_AUTHOR_EMAIL": "tester@example.org",
            "GIT_COMMITTER_NAME": "tester",
            "GIT_COMMITTER_EMAIL": "tester@example.org",
        }
        return inherited | known | changes

    def commit(self) -> None:
        """Commit all files."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--allow-empty", "--message", "state")

    def params(self, **changes: Any) -> None:
        """Set keys of params.yaml, named with double underscores: `budget__epochs=1`."""
        path = self.folder / "params.yaml"
        params = yaml.safe_load(path.read_text())
        for name, value in changes.items():
            *parents, last = name.split("__")
            branch = params
            for parent in parents:
                branch = branch[parent]
            branch[last] = value
        path.write_text(yaml.safe_dump(params, sort_keys=False))

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace the first occurrence of a text in a file, which must contain it."""
        path = self.folder / name
        text = path.read_text()
        assert old in text, f"{old!r} is not in {name}"
        path.write_text(text.replace(old, new, 1))

    def repro(self, *arguments: str, **environment: str) -> set[str]:
        """Run `dvc repro` and return the stages that ran, without `manifest`, which runs every time."""
        done = self.run("dvc", "repro", *arguments, **environment)
        return set(re.findall(r"Running stage '([^']+)'", done.stdout)) - {"manifest"}

    def would_run(self) -> set[str]:
        """Return the stages that `dvc repro` would run, after bringing the plan up to date."""
        ran = self.repro("plan")
        return ran | self.repro("--dry")


def pin_small_mnist(pins: Path) -> None:
    """Let the pin of MNIST in a folder state the sizes and checksums of the fixtures' small MNIST."""
    path = pins / "mnist.yaml"
    pin = yaml.safe_load(path.read_text())
    for name in pin["files"]:
        raw = gzip.decompress((MNIST / f"{name}.gz").read_bytes())
        pin["files"][name] = {"bytes": len(raw), "md5": hashlib.md5(raw).hexdigest()}
    path.write_text(yaml.safe_dump(pin, sort_keys=False))

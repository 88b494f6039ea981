"""Stages as processes that can be killed while they work, and comparison of the files that they write."""

import hashlib
import json
import multiprocessing
import os
import resource
import runpy
import shutil
import sqlite3
import sys
from contextlib import closing
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import yaml

from ganpipe.common.hashing import file_digest
from ganpipe.records.store import keys, load
from tests.workspace import Workspace

_LIBRARIES = ["torch", "mlflow", "skimage.metrics", "matplotlib.pyplot", "ganpipe.stage"]


class Stages:
    """Starts the scripts of `stages/` in forks of a process that has loaded the libraries.

    A kill then hits the work of a stage, not the seconds in which Python imports.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(_LIBRARIES)

    def start(self, stage: str, name: str = "", largest: int = -1, **environment: str) -> ForkServerProcess:
        """Start `stages/<stage>.py <name>`; its output goes to <stage>.log.

        largest: size limit of a file in bytes, which simulates a full disk; -1 for no limit.
        """
        folder, variables = str(self.workspace.folder), self.workspace.environment(**environment)
        process = self._context.Process(target=_work, args=(folder, stage, name, largest, variables))
        process.start()
        return process

    def run(self, stage: str, name: str = "", largest: int = -1, **environment: str) -> tuple[int, str]:
        """Run a stage to its end; return its exit code and its output."""
        process = self.start(stage, name, largest, **environment)
        process.join(300)
        assert process.exitcode is not None, f"{stage} {name} does not finish"
        return process.exitcode, (self.workspace.folder / f"{stage}.log").read_text()


def _work(folder: str, stage: str, name: str, largest: int, environment: dict[str, str]) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, -1))
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    log = os.open(f"{stage}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.argv = [f"stages/{stage}.py", *([name] if name else [])]
    runpy.run_path(sys.argv[0], run_name="__main__")


def outputs(stage: str, name: str) -> list[Path]:
    """Return the outputs of a stage, relative to the workspace."""
    folder = {"fetch": "raw", "prepare": "prepared", "train": "models", "sample": "samples"}.get(stage, stage)
    own = {
        "evaluate": [Path("out", "scores", f"{name}.json"), Path("out", "metrics", f"{name}.json")],
        "compare": [Path("out", "report")],
    }
    return own.get(stage, [Path("out", folder, name)])


def remove_outputs(workspace: Workspace, stage: str, name: str) -> None:
    """Remove the outputs of a stage and its checkpoints, as if it had never run."""
    for path in (workspace.folder / output for output in outputs(stage, name)):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    if stage == "train":
        shutil.rmtree(workspace.folder / ".ganpipe" / "checkpoints" / _key(workspace, name), ignore_errors=True)


def bits(path: Path) -> dict[str, str]:
    """Return the digest of every file at a path, without the hidden files of DVC and of interrupted writes."""
    files = [path] if path.is_file() else [file for file in sorted(path.rglob("*")) if file.is_file()]
    shown = (file for file in files if not any(part.startswith(".") for part in file.relative_to(path).parts))
    return {file.relative_to(path.parent).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in shown}


def assert_records_are_whole(root: Path) -> None:
    """Check that every record is readable and that its files have the recorded digests."""
    for key in keys(root):
        record = load(root, key)
        for part in record.parts.values():
            for name, digest in part.files.items():
                assert file_digest(record.path(part.name, name)) == digest, f"{key}/{part.name}/{name}"


def statuses(workspace: Workspace) -> dict[str, str]:
    """Return name and status of every run in MLflow after a `sync`."""
    workspace.run("python", "-m", "ganpipe", "sync")
    with closing(sqlite3.connect(workspace.folder / "mlflow.db")) as connection:
        return dict(connection.execute("SELECT name, status FROM runs WHERE lifecycle_stage = 'active'"))


def _key(workspace: Workspace, run: str) -> str:
    """Return the key of a run's record."""
    return str(yaml.safe_load((workspace.folder / "out" / "inputs" / f"{run}.yaml").read_text())["key"])


def lock_of(workspace: Workspace) -> str:
    """Return the content of dvc.lock without the order of its entries."""
    return json.dumps(yaml.safe_load((workspace.folder / "dvc.lock").read_text()), sort_keys=True)

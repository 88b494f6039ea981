"""A copy of the workspace in which other settings than those of params.yaml run.

It holds the sources and data descriptions of the checkout, its own params.yaml, dvc.lock and outputs, and shares DVC's
cache with the checkout. A run with settings that the checkout adopts later is therefore restored there, not trained.
Checkpoints, records and MLflow are those of the checkout, as for `dvc exp run --temp`.
"""

import configparser
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ganpipe.common.atomic import write_text
from ganpipe.common.errors import UserError
from ganpipe.common.process import die_with_parent, environment_with_venv_programs
from ganpipe.plan import layout

INTERRUPTED = 130
"""Exit code of `ganpipe repro` after Ctrl-C."""

_COPIED = (".dvcignore", "data", "data.dvc", "dvc.yaml", "requirements.lock", "src", "stages")
_DVC = Path(".dvc")


class ScratchWorkspace:
    """The folder `folder`, a copy of the checkout `root`."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder, self._root = folder, root

    def copy_sources(self) -> None:
        """Bring the copy of the sources up to date; outputs and dvc.lock stay."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in _COPIED:
            source, copy = self._root / name, self.folder / name
            if source.is_dir():
                shutil.rmtree(copy, ignore_errors=True)
                shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
            elif source.exists():
                shutil.copy2(source, copy)
        self._configure_dvc()

    def run(self, params: Mapping[str, Any], targets: Sequence[str], jobs: int) -> None:
        """Bring stages up to date with these settings, `jobs` at once. Raises UserError if a stage fails."""
        write_text(self.folder / layout.PARAMS, yaml.safe_dump(dict(params), sort_keys=False, allow_unicode=True))
        environment = environment_with_venv_programs() | {
            "DVC_ROOT": str(self._root),
            "PYTHONPATH": str(self.folder / "src"),
        }
        command = [sys.executable, "-m", "ganpipe", "repro", "-j", str(jobs), *targets]
        # Only the kernel's request survives the start of a program; a thread would not.
        before = die_with_parent if sys.platform == "linux" else None
        done = subprocess.run(command, cwd=self.folder, env=environment, preexec_fn=before, check=False)
        if done.returncode == INTERRUPTED:
            raise KeyboardInterrupt
        if done.returncode:
            raise UserError(f"{self.folder}: some stages failed. Fix the errors above; the next run continues.")

    def _configure_dvc(self) -> None:
        """Write a DVC configuration like that of the checkout, with its cache and without Git."""
        config = configparser.ConfigParser(interpolation=None)
        config.read([self._root / _DVC / "config", self._root / _DVC / "config.local"])
        for section, option, value in (("core", "no_scm", "true"), ("cache", "dir", str(_cache_folder(self._root)))):
            if not config.has_section(section):
                config.add_section(section)
            config.set(section, option, value)
        (self.folder / _DVC).mkdir(exist_ok=True)
        with (self.folder / _DVC / "config").open("w", encoding="utf-8") as file:
            config.write(file)


def _cache_folder(root: Path) -> Path:
    """Return the folder of DVC's cache."""
    command = [sys.executable, "-m", "dvc", "cache", "dir"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"{root}: `dvc cache dir` failed: {done.stderr.strip()}. Run `ganpipe doctor`.")
    return Path(root, done.stdout.strip()).resolve()

"""Presets: files of settings for a purpose, in `presets/`, applied as overrides of one `dvc exp run`.

A preset holds dotted keys of `params.yaml` and their values, so that it says only what it changes.
"""

from pathlib import Path
from typing import Any

import yaml

from ganpipe.common.errors import UserError
from ganpipe.plan.problems import did_you_mean


def preset_names(folder: Path) -> list[str]:
    """The presets that there are."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def preset_command(folder: Path, name: str) -> list[str]:
    """The command that runs the pipeline under a preset; what it writes to `params.yaml`, `git restore` takes back.

    Raises UserError for a preset that does not exist or holds something else than settings.
    """
    if name not in preset_names(folder):
        raise UserError(f"no such preset: {name}; {did_you_mean(name, preset_names(folder))}")
    path = folder / f"{name}.yaml"
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(settings, dict) or any(isinstance(value, dict) for value in settings.values()):
        raise UserError(f"{path} must hold dotted keys with plain values, such as budget.epochs: 6")
    # ++ also sets what an entry does not set yet; a key that does not exist is refused by the plan, as in params.yaml.
    overrides = (f"++{key}={_written(value)}" for key, value in settings.items())
    return ["dvc", "exp", "run", *(word for override in overrides for word in ("-S", override))]


def _written(value: Any) -> str:
    """A value in the grammar of `-S`."""
    if isinstance(value, list):
        return f"[{','.join(map(_written, value))}]"
    if value is None or isinstance(value, bool):
        return str(value).lower().replace("none", "null")
    return str(value)

"""Presets: named sets of overrides in `presets/`, applied as one `dvc exp run`.

A preset maps dotted keys of `params.yaml` to values, so that it holds only what it changes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ganpipe.common.errors import UserError
from ganpipe.plan.problems import did_you_mean


def preset_names(folder: Path) -> list[str]:
    """Return the names of all presets, sorted."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def preset_command(folder: Path, name: str) -> list[str]:
    """Return the `dvc exp run` command that applies a preset.

    DVC writes the overrides to `params.yaml`; `git restore params.yaml` undoes that. Raises UserError if there is no
    such preset or it is not a flat mapping.
    """
    if name not in preset_names(folder):
        raise UserError(f"{name}: no such preset. {did_you_mean(name, preset_names(folder))}")
    path = folder / f"{name}.yaml"
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid YAML ({error}). Correct it.") from error
    if not isinstance(settings, dict) or any(isinstance(value, dict) for value in settings.values()):
        raise UserError(f"{path}: not a flat mapping. Write dotted keys with plain values, such as budget.epochs: 6")
    return experiment_command(settings)


def experiment_command(settings: Mapping[str, Any]) -> list[str]:
    """Return the `dvc exp run` command that sets the dotted keys of `params.yaml` to these values."""
    # ++ also adds keys that an experiment does not set yet; `plan` rejects unknown keys as it does in params.yaml.
    overrides = (f"++{key}={_format_override(value)}" for key, value in settings.items())
    return ["dvc", "exp", "run", *(word for override in overrides for word in ("-S", override))]


def apply_preset(command: Sequence[str], params: Path) -> None:
    """Write the overrides of a `preset_command` to `params.yaml`, as `dvc exp run` does."""
    from dvc.utils.hydra import apply_overrides

    apply_overrides(params, list(command[4::2]))


def _format_override(value: Any) -> str:
    """Format a value in the grammar of `dvc exp run -S`."""
    if isinstance(value, list):
        return f"[{','.join(map(_format_override, value))}]"
    if isinstance(value, str) and "=" in value:  # the name of a variation
        return f'"{value}"'
    if value is None or isinstance(value, bool):
        return str(value).lower().replace("none", "null")
    return str(value)

"""The plan as a table for the terminal: all runs, and which of them `dvc repro` would train."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from ganpipe.common.text_table import text_table
from ganpipe.config import Training
from ganpipe.plan import layout
from ganpipe.plan.build import Document, Plan, own_source
from ganpipe.plan.introspection import depends_on_epochs

_SETTINGS = ("dataset", "method", "network", "loss", "lr", "batch_size", "epochs")
_COLUMNS = ("run", "document", *_SETTINGS, "state")


def plan_table(plan: Plan, lock: Path) -> str:
    """Return one line per run: main settings, and whether and why it would train or continue, judged by `dvc.lock`."""
    trained = _last_trained(lock)
    rows = [_COLUMNS, *(_row(run, trained.get(run["run"])) for run in plan.runs.values())]
    return text_table(rows)


def outdated_runs(plans: Mapping[str, Document], lock: Path) -> set[str]:
    """Return the runs of which a stage in `dvc.lock` was executed with other settings or code than planned now.

    Runs that DVC has not recorded at all are not among them. plans: run -> content of its plan file.
    """
    stages = (yaml.safe_load(lock.read_text(encoding="utf-8")) or {}).get("stages", {}) if lock.exists() else {}
    found = set[str]()
    for run, plan in plans.items():
        for stage in ("train", "sample", "evaluate"):
            recorded = stages.get(f"{stage}@{run}", {}).get("params", {})
            for key, value in (pair for params in recorded.values() for pair in params.items()):
                if _planned(plan, key) != value:
                    found.add(run)
    return found


def _planned(plan: Document, key: str) -> Any:
    value: Any = plan
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _row(run: Document, before: Mapping[str, Any] | None) -> tuple[str, ...]:
    settings = (run["train"].get(setting, "") for setting in _SETTINGS)  # not every method reads all of them
    return (run["run"], run["document"], *map(_short, settings), _state(run, before))


def _short(value: Any) -> str:
    """Format a setting in a few characters; of a schedule its start and end."""
    if isinstance(value, Mapping):
        return " to ".join(f"{value[key]:g}" for key in ("start", "end") if value.get(key) is not None)
    return str(value)


def _state(run: Document, before: Mapping[str, Any] | None) -> str:
    if before is None:
        return "new: trains"
    now = {"train": run["train"], "code.train": run["code"]["train"], "packages": run["packages"]}
    changes = list(_changes(before, now))
    if not changes:
        return "trained"
    return f"{'continues' if _continues(run, before, changes) else 'trains'}: {', '.join(changes)}"


def _continues(run: Document, before: Mapping[str, Any], changes: list[str]) -> bool:
    """Return whether only more epochs are planned, which then start from the kept end of the training before."""
    old, new = before["train"].get("epochs"), run["train"].get("epochs")
    if len(changes) > 1 or old is None or new is None or new <= old:
        return False
    if Training.model_validate(run["train"]).depends_on_length or depends_on_epochs(
        own_source(), run["train"]["method"]
    ):
        return False
    return layout.end_state_folder(run["run"]).exists()


def _changes(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key in {**before, **now}:
        old, new = before.get(key), now.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _changes(old, new, f"{prefix}{key}." if key != "train" else "")
        elif old != new:
            yield "code" if key == "code.train" else f"{prefix}{key} {old} -> {new}"


def _last_trained(lock: Path) -> dict[str, Mapping[str, Any]]:
    """Map each run to the parameters of its last `train` stage in dvc.lock; empty if nothing has run."""
    if not lock.exists():
        return {}
    stages = (yaml.safe_load(lock.read_text(encoding="utf-8")) or {}).get("stages", {})
    prefix = "train@"
    return {
        name.removeprefix(prefix): next(iter(stage["params"].values()))
        for name, stage in stages.items()
        if name.startswith(prefix)
    }

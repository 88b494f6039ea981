"""The result of a search as text and as settings of params.yaml."""

import json
from collections.abc import Sequence
from typing import Any

from ganpipe.common import formatting
from ganpipe.common.text_table import text_table
from ganpipe.config import Params
from ganpipe.search.edit_params import Keys
from ganpipe.search.proposals import Trial
from ganpipe.search.study import Study, found_entry, found_name


def study_table(study: Study, params: Params) -> str:
    """Return the trials of a study for the terminal: those that went furthest first, the best of these first."""
    keys = list(params.search.space)
    rows = [("trial", "epochs", params.select.metric, *keys)]
    for trial in sorted(study.trials, key=_order):
        epochs, cost = _last(trial)
        settings = (json.dumps(trial.settings[key]) for key in keys)
        rows.append((str(trial.number), str(epochs), formatting.number(cost), *settings))
    return f"{study.base}: {formatting.count(len(study.trials), 'trial')}\n\n{text_table(rows)}"


def best_settings(studies: Sequence[Study], params: Params) -> dict[Keys, Any]:
    """Return the settings whose grid contains the best trial of each base experiment; empty if there is none."""
    best = [(study.base, study.best) for study in studies if study.best is not None]
    if not best:
        return {}
    entries = {
        found_name(base, trial.number): found_entry(params, base, trial.number, trial.settings)
        for base, trial in best
        if trial is not None
    }
    epochs = max(max(trial.costs) for _, trial in best if trial is not None)
    return {
        ("grid", "experiments"): list(entries),
        ("grid", "seeds"): list(params.grid.seeds[: params.search.seeds]),
        ("budget", "epochs"): epochs,
        **{("experiments", name): entry for name, entry in entries.items()},
    }


def _last(trial: Trial) -> tuple[int, float | None]:
    """Return the epochs and the value of the last rung that a trial reached; 0 if its settings exclude each other."""
    epochs = max(trial.costs, default=0)
    return epochs, trial.costs.get(epochs)


def _order(trial: Trial) -> tuple[int, bool, float, int]:
    epochs, cost = _last(trial)
    return -epochs, cost is None, cost or 0.0, trial.number

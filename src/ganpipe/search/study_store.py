"""The trials of a search in an Optuna database, for `optuna-dashboard` and Optuna's own analyses.

It is a view: a search reads no result from it, since its trials follow from settings and scores.
"""

from collections.abc import Callable
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial

from ganpipe.common.hashing import digest
from ganpipe.config import Params
from ganpipe.search.proposals import frozen
from ganpipe.search.study import Study


def study_writer(path: Path, params: Params) -> Callable[[Study], None]:
    """Return a function that brings a study in the database `path` (SQLite) up to date.

    The study is named after its base experiment and a digest of all settings that its trials depend on. Trials of
    earlier sources are replaced.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    search = params.search
    settings = params.model_dump(mode="json", exclude={"grid": {"experiments"}, "race": True, "search": {"trials"}})
    identity, storage = digest(settings), f"sqlite:///{path}"

    def write(study: Study) -> None:
        name = f"{study.base} {identity}"
        trials = [frozen(search, trial) for trial in study.trials]
        stored = optuna.create_study(storage=storage, study_name=name, direction="minimize", load_if_exists=True)
        earlier = stored.get_trials(deepcopy=False)
        if list(map(_content, earlier)) != list(map(_content, trials[: len(earlier)])):
            optuna.delete_study(study_name=name, storage=storage)
            stored, earlier = optuna.create_study(storage=storage, study_name=name, direction="minimize"), []
        for trial in trials[len(earlier) :]:
            stored.add_trial(trial)

    return write


def _content(trial: FrozenTrial) -> tuple[object, ...]:
    return trial.state, trial.params, trial.value, trial.intermediate_values

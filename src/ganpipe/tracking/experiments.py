"""The two MLflow experiments: their names, descriptions and the saved view."""

import json
from dataclasses import dataclass

LAYOUT = "2"
"""Version of how runs are arranged and named; `sync` migrates the runs of earlier versions."""
LAYOUT_TAG = "ganpipe.layout"

_RANKING = "eval/fd_judge"
_NEVER_RANKED = ("diverged", "collapsed", "copied")
_COLUMNS = {
    "metrics": (_RANKING, "eval/precision", "eval/recall", "eval/class_coverage", "resources/train_seconds"),
    "params": ("dataset", "seed", "train.network", "train.loss", "train.lr"),
    "tags": ("winner", "rank", "status", "family", "document", "dvc_experiment"),
}


@dataclass(frozen=True)
class ExperimentSpec:
    """Name and tags of an MLflow experiment."""

    name: str
    tags: dict[str, str]


def _saved_view() -> str:
    """Return the table of all runs that can be ranked, sorted by `fd_judge`, in the format of MLflow's page."""
    state = {
        "searchFilter": " AND ".join(f"tags.status != '{status}'" for status in _NEVER_RANKED),
        "orderByKey": f"metrics.`{_RANKING}`",
        "orderByAsc": True,
        "selectedColumns": [f"{kind}.`{name}`" for kind, names in _COLUMNS.items() for name in names],
    }
    return json.dumps({"name": "Compare runs", "createdAt": 0, "updatedAt": 0, "state": json.dumps(state)})


RUNS = ExperimentSpec(
    "ganpipe",
    {
        LAYOUT_TAG: LAYOUT,
        "mlflow.experimentKind": "custom_model_development",  # listed as machine learning, not as a GenAI agent
        "mlflow.note.content": (
            "Trainings of generative networks, one run per experiment and seed. `eval/fd_judge` ranks them: lower is "
            "better. To compare, select runs and press *Compare*, or group by the parameters `experiment` and "
            "`dataset` to average over seeds. The tag `winner` states the verdict of the latest report: `true`, "
            "`tie`, `undecided` or `false`. "
            "*Views*, *Compare runs* hides failed runs and copies. Filter by tags or parameters, for example "
            "`tags.status = 'ok' AND params.dataset = 'mnist'`, or by grid: `tags.grids LIKE '%1a2b3c4d%'`. "
            "Reports are in the experiment `ganpipe-pipeline`, artifact `report/report.html`."
        ),
        # Listed under *Views*; `?viewStateShareKey=compare` opens it.
        "mlflow.sharedViewState.compare": _saved_view(),
    },
)
PIPELINE = ExperimentSpec(
    "ganpipe-pipeline",
    {
        LAYOUT_TAG: LAYOUT,
        "mlflow.experimentKind": "custom_model_development",
        "mlflow.note.content": (
            "Data stages (fetch, prepare, judge, reference) and reports of the pipeline. A report ranks the runs of a "
            "grid: open the artifact `report/report.html`. The trained networks are in the experiment `ganpipe`."
        ),
    },
)

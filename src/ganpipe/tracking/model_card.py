"""The model card of a champion: the description of its version in MLflow's model registry, in Markdown."""

import json
from collections.abc import Mapping
from typing import Any

from ganpipe.records.store import Record
from ganpipe.records.writers import Winner
from ganpipe.tracking.verdicts import rank_range

_USE = """\
## Intended use

Research and teaching: images that resemble the dataset. The generator was trained on this dataset alone, so it
reproduces the dataset's selection and biases, and the conditions of the dataset's licence apply to it. The metrics
`near_duplicates` and `authenticity` of the run, if computed, state how far samples differ from training images."""

_LOADING = """\
## How to load it

```python
import mlflow, pandas as pd
model = mlflow.pyfunc.load_model("models:/{model}/{version}")
images = model.predict(pd.DataFrame([{{"count": 16, "label": -1, "seed": 0}}]))  # uint8, N,C,H,W
```

`label` -1 cycles through the classes of a conditional generator; the same seed gives the same images.
`ganpipe pull models:/{model}/{version} <folder>` copies the weights into a folder for a `pretrained` experiment.
"""


def model_card(model: str, version: str, run_id: str, winner: Winner, run: Record, report: Record) -> str:
    """Return the card of a version of the registered model. run: record of its training; report: of its grid."""
    labels = run.parts["train"].labels
    ranking = json.loads(report.path("report", "ranking.json").read_text(encoding="utf-8"))
    board = next(board for board in ranking["boards"] if any(winner.run in place["runs"] for place in board["places"]))
    place = next(place for place in board["places"] if winner.run in place["runs"])
    lines = [f"# {labels.get('title') or labels['experiment']} (`{winner.run}`)", ""]
    selection = run.parts["sample"].labels.get("generator") if "sample" in run.parts else None
    if "sample" in run.parts and "grid.png" in run.parts["sample"].files:
        lines += [f"![25 samples](get-artifact?path=sample%2Fgrid.png&run_uuid={run_id})", ""]
    lines += [
        "| | |",
        "|---|---|",
        f"| dataset | {_dataset(report, labels['dataset'])} |",
        f"| family, network | {labels['family']}, {run.parts['train'].settings['train'].get('network', 'none')} |",
        *([f"| generator | {selection} |"] if selection else []),
        f"| `{winner.metric}` of this run | {winner.value:.4g}, {_direction(board)} |",
        f"| `{winner.metric}` of the experiment | {_mean(place, ranking['select'])} |",
        f"| rank | {rank_range(place)} of {len(board['places'])} in grid {report.key[:8]} |",
        f"| protocol | `{winner.protocol}`: only values with the same protocol can be compared |",
        "",
        _USE,
        "",
        _LOADING.format(model=model, version=version),
    ]
    return "\n".join(lines)


def _dataset(report: Record, name: str) -> str:
    if "datasets.json" not in report.parts["report"].files:
        return name  # a report that an earlier version recorded
    dataset = json.loads(report.path("report", "datasets.json").read_text(encoding="utf-8"))[name]
    return f"{name}: {dataset['title']}. Licence: {dataset['licence']}. Citation: {dataset['citation'] or 'none'}"


def _direction(board: Mapping[str, Any]) -> str:
    return {"lower": "lower is better", "higher": "higher is better"}.get(
        board["direction"], "best if equal to the real images' value"
    )


def _mean(place: Mapping[str, Any], select: Mapping[str, Any]) -> str:
    if place["interval"] is None:
        return f"{place['mean']:.4g}, one training seed: no interval"
    (low, high), seeds = place["interval"], len(place["runs"])
    interval = f"{100 * select['confidence']:g} % interval {low:.4g} to {high:.4g}"
    return f"{place['mean']:.4g} ({interval}), mean of {seeds} training seeds"

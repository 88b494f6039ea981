"""Plans and scores of imaginary trainings, so that races run without any."""

import math
import random
from collections.abc import Callable, Mapping
from typing import Any

from ganpipe.compare.runs import Score
from ganpipe.config import Params
from ganpipe.plan.build import Plan
from ganpipe.search.scored_runs import GridSettings, ScoredRun

Curve = Callable[[int], float]
"""Epochs -> mean of the logarithm of the metric."""

PROTOCOL = {"n_generated": 100}


class FakeScores:
    """Trainings whose metric is log-normal over seeds, with a learning curve per experiment.

    kill_after: KeyboardInterrupt is raised before that many runs have been computed in this life.
    """

    def __init__(
        self, curves: Mapping[str, Curve], *, spread: float = 0.1, draw: int = 0, full_epochs: int = 9
    ) -> None:
        self.curves, self.spread, self.draw, self.full_epochs = curves, spread, draw, 9
        self.stored: dict[tuple[str, int], ScoredRun] = {}
        self.computed: list[tuple[str, int]] = []
        self.failed: Callable[[str, int], str] = lambda _experiment, _epochs: "ok"
        self.kill_after: int | None = None
        self.restarting: set[str] = set()

    def plan(self, grid: GridSettings) -> Plan:
        assert grid.experiments and grid.seeds  # params.yaml requires both

        def document(experiment: str, seed: int) -> dict[str, Any]:
            epochs = min(self.full_epochs, grid.epochs or self.full_epochs)
            train = {"dataset": "mnist", "epochs": epochs}
            return {"run": f"{experiment}-{seed}", "experiment": experiment, "seed": seed, "train": train}

        documents = [document(experiment, seed) for experiment in grid.experiments for seed in grid.seeds]
        return Plan({document["run"]: document for document in documents}, {}, {})

    def continues(self, run: Mapping[str, Any]) -> bool:
        return run["experiment"] not in self.restarting

    def compute(self, grid: GridSettings) -> dict[str, ScoredRun]:
        return {name: self._run(document) for name, document in self.plan(grid).runs.items()}

    def _run(self, document: Mapping[str, Any]) -> ScoredRun:
        key = (document["run"], document["train"]["epochs"])
        if key not in self.stored:
            if self.kill_after is not None and len(self.computed) >= self.kill_after:
                raise KeyboardInterrupt
            self.computed.append(key)
            self.stored[key] = self._train(document)
        return self.stored[key]

    def _train(self, document: Mapping[str, Any]) -> ScoredRun:
        experiment, epochs = document["experiment"], document["train"]["epochs"]
        status = self.failed(experiment, epochs)
        noise = random.Random(f"{self.draw} {document['run']} {epochs}").gauss(0, self.spread)
        value = math.exp(self.curves[experiment](epochs) + noise)
        metric = {"value": value, "direction": "lower", "protocol": "p"}
        score = Score.model_validate(
            {"run": document["run"], "experiment": experiment, "seed": document["seed"], "dataset": "mnist",
             "status": status, "reason": "" if status == "ok" else "seen", "protocols": {"p": PROTOCOL},
             "metrics": {"fd": metric} if status == "ok" else {}}
        )  # fmt: skip
        return ScoredRun(score=score, seconds=10.0 * epochs)


def race_params(experiments: list[str], seeds: int = 3, **race: Any) -> Params:
    """Settings of a race over imaginary experiments."""
    return Params.model_validate(
        {
            "grid": {"datasets": ["mnist"], "experiments": experiments, "seeds": list(range(seeds))},
            "train": {},
            "experiments": {},
            "datasets": {},
            "select": {"metric": "fd"},
            "race": race,
        }
    )

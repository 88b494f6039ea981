"""Train one run of the plan, or go on with it where an earlier attempt was stopped."""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ganpipe.common.atomic import atomic_folder
from ganpipe.common.checkout import root
from ganpipe.common.progress import Progress
from ganpipe.config import Compute, Training
from ganpipe.executors.job import Job, find_executor
from ganpipe.plan.layout import MODELS, PREPARED, checkpoint_folder, run_inputs, run_plan
from ganpipe.records import writers
from ganpipe.records.outputs import training_part
from ganpipe.stage import Stage, run_stage
from ganpipe.tracking.stage_tracking import LiveRun
from ganpipe.training.workdir import locked

CHECKPOINT_SECONDS = float(os.environ.get("GANPIPE_CHECKPOINT_SECONDS", "30"))


class StageCallback(Progress):
    """Shows progress to people and to MLflow."""

    def __init__(self, run: str, epochs: int, live: LiveRun) -> None:
        super().__init__(run, epochs)
        self.live = live

    def epoch(self, history: Sequence[Mapping[str, float]], epochs: Sequence[Mapping[str, float]]) -> None:
        super().epoch(history, epochs)
        self.live.epoch(history, epochs)


def work(stage: Stage) -> None:
    run, plan, key = stage.name, run_plan(stage.name), run_inputs(stage.name)["key"]
    training, compute = Training.model_validate(plan["train"]), Compute.model_validate(plan["compute"])
    with locked(checkpoint_folder(key)) as folder:
        job = Job(run, training, PREPARED / training.dataset, folder, compute, plan["packages"], CHECKPOINT_SECONDS)
        executor = find_executor(job)
        part = training_part(run, stage.circumstances(executor.machine(job)))
        with LiveRun(stage.tracking, root(), key, part) as live:
            trained = executor.train(job, StageCallback(run, training.epochs, live))
            with atomic_folder(MODELS / run) as model:
                shutil.copytree(folder / "result", model, dirs_exist_ok=True)

    part = replace(live.part, labels={**live.part.labels, **trained.machine})
    writers.training(root(), key, part, MODELS / run, trained.costs)
    stage.tracking.publish(key)
    outcome = json.loads((MODELS / run / "status.json").read_text(encoding="utf-8"))
    ended = f"{outcome['status']} after {outcome['steps']} steps in {trained.costs['seconds']:.0f} s"
    print(f"{run}: {ended} {outcome['reason']}".rstrip())


if __name__ == "__main__":
    run_stage("train", work)

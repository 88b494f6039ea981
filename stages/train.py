"""Train one run of the plan, resuming an interrupted attempt."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ganpipe.common.checkout import root
from ganpipe.common.progress import ProgressCallback
from ganpipe.config import Compute, Training
from ganpipe.executors.job import Job, find_executor
from ganpipe.plan.layout import MODELS, PREPARED, checkpoint_folder, end_state_folder, run_inputs, run_plan
from ganpipe.records import writers
from ganpipe.records.outputs import planned_training_part
from ganpipe.stage import Stage, run_stage
from ganpipe.tracking.stage_tracking import LiveRun
from ganpipe.training.continuation import lineage, restore_end_state, save_end_state
from ganpipe.training.workdir import copy_result, locked

CHECKPOINT_SECONDS = float(os.environ.get("GANPIPE_CHECKPOINT_SECONDS", "30"))


class StageCallback(ProgressCallback):
    """Shows the progress of a training and logs it to MLflow."""

    def __init__(self, run: str, epochs: int, live: LiveRun) -> None:
        super().__init__(run, epochs)
        self._live = live

    def on_epoch(self, history: Sequence[Mapping[str, float]], epochs: Sequence[Mapping[str, float]]) -> None:
        super().on_epoch(history, epochs)
        self._live.log_epoch(history, epochs)


def run(stage: Stage) -> None:
    name, plan, inputs = stage.name, run_plan(stage.name), run_inputs(stage.name)
    key, end_state = inputs["key"], end_state_folder(name)
    identity = lineage(plan, inputs["data"]["fingerprint"])
    training, compute = Training.model_validate(plan["train"]), Compute.model_validate(plan["compute"])
    with locked(checkpoint_folder(key)) as folder:
        restore_end_state(folder, end_state, identity, training.epochs)
        job = Job(name, training, PREPARED / training.dataset, folder, compute, plan["packages"], CHECKPOINT_SECONDS)
        executor = find_executor(job)
        part = planned_training_part(name, stage.environment(executor.machine(job)))
        with LiveRun(stage.tracking, root(), key, part) as live:
            callback = StageCallback(name, training.epochs, live)
            trained = executor.train(job, callback)
            callback.close()
            copy_result(folder, MODELS / name)
        save_end_state(folder, end_state, identity, training.epochs)

    part = replace(live.part, labels={**live.part.labels, **trained.machine})
    writers.write_training(root(), key, part, MODELS / name, trained.costs)
    stage.tracking.publish(key)
    outcome = json.loads((MODELS / name / "status.json").read_text(encoding="utf-8"))
    ended = f"{outcome['status']} after {outcome['steps']} steps in {trained.costs['seconds']:.0f} s"
    print(f"{name}: {ended} {outcome['reason']}".rstrip())


if __name__ == "__main__":
    run_stage("train", run)

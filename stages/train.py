"""Train one run of the plan, or go on with it where an earlier attempt was stopped."""

import os
import shutil
from collections.abc import Mapping, Sequence

from ganpipe.atomic import atomic_folder
from ganpipe.config import Training
from ganpipe.data.dataset import load
from ganpipe.layout import MODELS, PREPARED, checkpoint_folder, root, run_inputs, run_plan
from ganpipe.progress import Progress
from ganpipe.records import filing
from ganpipe.records.outputs import training_part
from ganpipe.stage import Stage, run_stage
from ganpipe.tracking.stage import LiveRun
from ganpipe.training.run import train
from ganpipe.training.workplace import choose_device, exclusive

CHECKPOINT_SECONDS = float(os.environ.get("GANPIPE_CHECKPOINT_SECONDS", "30"))


class Watcher(Progress):
    """Shows progress to people and to MLflow."""

    def __init__(self, run: str, epochs: int, live: LiveRun) -> None:
        super().__init__(run, epochs)
        self.live = live

    def epoch(self, history: Sequence[Mapping[str, float]], epochs: Sequence[Mapping[str, float]]) -> None:
        super().epoch(history, epochs)
        self.live.epoch(history, epochs)


def work(stage: Stage) -> None:
    run, plan, key = stage.name, run_plan(stage.name), run_inputs(stage.name)["key"]
    training = Training.model_validate(plan["train"])
    dataset = load(PREPARED / training.dataset)
    device = choose_device(plan["compute"]["device"])
    part = training_part(run, stage.circumstances(device.type, training.threads))
    with exclusive(checkpoint_folder(key)) as folder, LiveRun(stage.tracking, root(), key, part) as live:
        watcher = Watcher(run, training.epochs, live)
        outcome, seconds = train(training, dataset, folder, watcher, device, CHECKPOINT_SECONDS)
        with atomic_folder(MODELS / run) as model:
            shutil.copytree(folder / "result", model, dirs_exist_ok=True)

    # All attempts together: the clock of this process knows only the last.
    measured = stage.circumstances(seconds=seconds, images_per_second=outcome.images / seconds)
    filing.training(root(), key, live.part, MODELS / run, measured.costs)
    stage.tracking.publish(key)
    print(f"{run}: {outcome.status} after {outcome.steps} steps in {seconds:.0f} s {outcome.reason}".rstrip())


if __name__ == "__main__":
    run_stage("train", work)

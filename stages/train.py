"""Train one run of the plan, or go on with it where an earlier attempt was stopped."""

import os
import shutil
from collections.abc import Mapping, Sequence

from ganpipe.atomic import atomic_folder
from ganpipe.config import Training
from ganpipe.data.dataset import load
from ganpipe.layout import MODELS, PREPARED, checkpoint_folder, planned_runs, root, run_inputs, run_plan
from ganpipe.process import keep_memory, run_stage
from ganpipe.progress import Progress
from ganpipe.records import filing
from ganpipe.records.circumstances import Stopwatch, labels
from ganpipe.tracking.stage import LiveRun, Tracking
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


def work(run: str) -> None:
    keep_memory()
    plan, inputs, watch = run_plan(run), run_inputs(run), Stopwatch()
    training = Training.model_validate(plan["train"])
    device = choose_device(plan["compute"]["device"])
    dataset = load(PREPARED / training.dataset)
    key = inputs["key"]

    circumstances = filing.Circumstances(watch.started_ms, labels(device.type, training.threads))
    grid = filing.grid_key(run_inputs(name)["key"] for name in planned_runs())
    part = filing.train_part(plan, inputs["data"]["fingerprint"], grid, circumstances)
    tracking = Tracking(root())
    with exclusive(checkpoint_folder(key)) as folder, LiveRun(tracking, root(), key, part) as live:
        watcher = Watcher(run, training.epochs, live)
        outcome, seconds = train(training, dataset, folder, watcher, device, CHECKPOINT_SECONDS)
        with atomic_folder(MODELS / run) as model:
            shutil.copytree(folder / "result", model, dirs_exist_ok=True)

    costs = watch.costs() | {"seconds": seconds, "images_per_second": outcome.images / seconds}
    filing.training(root(), key, live.part, MODELS / run, costs)
    tracking.publish(key)
    print(f"{run}: {outcome.status} after {outcome.steps} steps in {seconds:.0f} s {outcome.reason}".rstrip())


if __name__ == "__main__":
    run_stage(work)

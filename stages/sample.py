"""Draw a run's samples: an array for the metrics, a grid for people."""

import shutil

import numpy as np

from ganpipe.atomic import atomic_folder
from ganpipe.config import SampleSettings
from ganpipe.generator import load_generator
from ganpipe.layout import MODELS, SAMPLES, checkpoint_folder, root, run_inputs, run_plan
from ganpipe.pictures import save_grid
from ganpipe.process import run_stage
from ganpipe.records import filing
from ganpipe.records.circumstances import Stopwatch, labels
from ganpipe.tracking.stage import Tracking
from ganpipe.training.run import make_deterministic

GRID = 25
_COLUMNS, _SCALE = 5, 3


def work(run: str) -> None:
    plan, key, watch = run_plan(run), run_inputs(run)["key"], Stopwatch()
    settings = SampleSettings.model_validate(plan["sample"])
    make_deterministic(settings.threads)
    model = MODELS / run
    with atomic_folder(SAMPLES / run) as folder:
        shutil.copyfile(model / "status.json", folder / "status.json")
        if (model / "model.json").exists():  # a diverged training leaves no generator
            images = load_generator(model).sample(settings.count, None, settings.seed)
            np.save(folder / "images.npy", images)
            save_grid(images[:GRID], folder / "grid.png", _COLUMNS, _SCALE)

    circumstances = filing.Circumstances(watch.started_ms, labels(threads=settings.threads), watch.costs())
    filing.sampling(root(), key, plan, SAMPLES / run, circumstances)
    Tracking(root()).publish(key)
    shutil.rmtree(checkpoint_folder(key), ignore_errors=True)  # DVC has the model now


if __name__ == "__main__":
    run_stage(work)

"""Draw a run's samples: an array for the metrics, a grid for people."""

import shutil

import numpy as np

from ganpipe.common.atomic import atomic_folder
from ganpipe.common.image_grid import save_grid
from ganpipe.common.progress import counting, working
from ganpipe.config import SampleSettings
from ganpipe.plan.layout import MODELS, SAMPLES, checkpoint_folder, run_inputs, run_plan
from ganpipe.stage import Stage, run_stage

GRID = 25
_COLUMNS, _SCALE = 5, 3


def work(stage: Stage) -> None:
    # PyTorch takes as long to import as the images to draw: here MLflow begins beside it, and does not hold up the end.
    from ganpipe.common.determinism import make_deterministic
    from ganpipe.sampling.generator import balanced_labels, load_generator

    run, model = stage.name, MODELS / stage.name
    settings = SampleSettings.model_validate(run_plan(run)["sample"])
    make_deterministic(settings.threads)
    with atomic_folder(SAMPLES / run) as folder:
        shutil.copyfile(model / "status.json", folder / "status.json")
        if (model / "model.json").exists():  # a diverged training leaves no generator
            generator = load_generator(model)
            told = balanced_labels(settings.count, generator.description.classes)
            with working(f"sample@{run}", settings.count, " images") as bar, counting(bar, generator.network):
                images = generator.sample(settings.count, told, settings.seed)
            np.save(folder / "images.npy", images)
            if told is not None:
                np.save(folder / "labels.npy", told)
            save_grid(images[:GRID], folder / "grid.png", _COLUMNS, _SCALE)
    stage.conclude(threads=settings.threads)
    shutil.rmtree(checkpoint_folder(run_inputs(run)["key"]), ignore_errors=True)  # DVC has the model now


if __name__ == "__main__":
    run_stage("sample", work)

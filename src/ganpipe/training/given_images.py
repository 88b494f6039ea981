"""The counterpart of a training for images made elsewhere: they are read, checked and stored."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from ganpipe.common.atomic import atomic_folder, write_text
from ganpipe.common.fixed_sample import spread_indices
from ganpipe.config import Training
from ganpipe.data.dataset import Dataset
from ganpipe.methods.images import read_images
from ganpipe.sampling.description import GIVEN_IMAGES
from ganpipe.training import health
from ganpipe.training.fixed_noise import FIXED_IMAGES
from ganpipe.training.result import Outcome
from ganpipe.training.workdir import RESULT


def import_images(
    training: Training, dataset: Dataset, work: Path, report: Callable[[str], None] = print
) -> tuple[Outcome, float]:
    """Write the images of `training.path` and their status to `work/result`; return the outcome and the seconds.

    No step is made, so the outcome counts none. Images that hardly differ from each other count as collapsed, as those
    of a trained generator do. Raises UserError for images that do not match the dataset.
    """
    started = time.perf_counter()
    with atomic_folder(work / RESULT) as result:
        count = read_images(training, dataset.shape, result / GIVEN_IMAGES, report)
        images = np.load(result / GIVEN_IMAGES, mmap_mode="r", allow_pickle=False)
        status, reason = health.failure(
            images[spread_indices(count, FIXED_IMAGES)],
            dataset.train.images[spread_indices(len(dataset.train.images), FIXED_IMAGES)],
            epoch={},
            objective=None,
        )
        outcome = Outcome(status, reason, steps=0, epochs=0, images=0, images_per_step=0, steps_per_epoch=0)
        write_text(result / "status.json", json.dumps(asdict(outcome), indent=2) + "\n")
    return outcome, time.perf_counter() - started

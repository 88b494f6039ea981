"""The files that a training leaves: generator, curves, images and status."""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ganpipe.common.atomic import atomic_folder, write_text
from ganpipe.common.image_grid import save_grid
from ganpipe.data.batches import Batches, ValueRange
from ganpipe.data.dataset import Split
from ganpipe.methods.common.protocol import Model, ReconstructionMethod
from ganpipe.sampling.description import SNAPSHOTS
from ganpipe.sampling.generator import save_generator, to_pixels
from ganpipe.sampling.snapshots import find_snapshots
from ganpipe.training.health import Status
from ganpipe.training.history import STEP_POSITION
from ganpipe.training.log import TrainingLog
from ganpipe.training.sample_metrics import SAMPLE_METRICS
from ganpipe.training.table import write_csv
from ganpipe.training.workdir import RESULT

PROGRESS = "progress"
"""Folder of the images of every epoch, in the working folder and in the result."""
GRID_COLUMNS = 8
_RECONSTRUCTED = 32


@dataclass(frozen=True)
class Outcome:
    """How a training ended: `diverged` leaves no usable generator, the other failures leave one to be evaluated.

    images: processed in all steps. images_per_step, steps_per_epoch: the values in use, which are lower than the
    settings require if the dataset is small; 0 for a generator that is not trained.
    """

    status: Status
    reason: str
    steps: int
    epochs: int
    images: int
    images_per_step: int
    steps_per_epoch: int


def write_result(
    work: Path, outcome: Outcome, model: Model, log: TrainingLog, heldout: Split, device: torch.device
) -> None:
    """Write all files to `work/result`, replacing an earlier result."""
    with atomic_folder(work / RESULT) as result:
        if outcome.status != "diverged":
            save_generator(model.image_generator(), model.description(), result)
            for epoch, folder in find_snapshots(work).items():
                if epoch < outcome.epochs:  # the last one is the generator itself
                    shutil.copytree(folder, result / SNAPSHOTS / folder.name)
            if isinstance(model, ReconstructionMethod):
                images = reconstructions(model, heldout, model.description().range, device)
                save_grid(images, result / "reconstructions.png", GRID_COLUMNS)
        scalars = log.history.columns
        write_csv(result / "history.csv", (*STEP_POSITION, *scalars), log.history.records())
        write_csv(result / "epochs.csv", ("epoch", *scalars, *SAMPLE_METRICS), log.epochs.rows().records())
        write_text(result / "status.json", json.dumps(asdict(outcome), indent=2) + "\n")
        log.classes.write(result, outcome.status == "diverged")
        if (work / PROGRESS).exists():
            shutil.copytree(work / PROGRESS, result / PROGRESS)


def reconstructions(
    method: ReconstructionMethod, heldout: Split, value_range: ValueRange, device: torch.device
) -> NDArray[np.uint8]:
    """Return rows of held-out images, each followed by a row of their reconstructions; a short last row is padded.

    The images are spread over the split. N,C,H,W with N a multiple of 2 * GRID_COLUMNS.
    """
    batches = Batches(Split(heldout.images, None), _RECONSTRUCTED, 0, value_range, device=device, limit=_RECONSTRUCTED)
    real, _ = next(batches.epoch(0))
    rows = [_rows(to_pixels(images, value_range)) for images in (real, method.reconstruct(real))]
    return np.stack(rows, axis=1).reshape(-1, *real.shape[1:])


def _rows(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return images N,C,H,W as rows (rows, GRID_COLUMNS, C,H,W), padded with white."""
    missing = -len(images) % GRID_COLUMNS
    white = np.full((missing, *images.shape[1:]), 255, dtype=np.uint8)
    return np.concatenate([images, white]).reshape(-1, GRID_COLUMNS, *images.shape[1:])

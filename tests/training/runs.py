"""Small trainings and a callback that records them."""

import os
from pathlib import Path
from typing import Any

import torch

from ganpipe.common.instructions import VARIABLE
from ganpipe.config import Training
from ganpipe.training.table import NO_ROWS, Rows

CPU = torch.device("cpu")
NEVER = 1e9
"""A checkpoint interval that no test reaches: checkpoints are written only between epochs."""
NETWORKS: dict[str, dict[str, Any]] = {
    "dcgan": {"generator": {"width": 4}, "discriminator": {"width": 4}},
    "mlp": {"generator": {"hidden": (32,), "dropout": 0.3}, "discriminator": {"hidden": (32,), "dropout": 0.3}},
}


class RecordingCallback:
    """Records every event; interrupts the training at a step, counted from 1 since the start of this attempt."""

    def __init__(self, interrupt_at: int | None = None) -> None:
        self.interrupt_at = interrupt_at
        self.starts: list[tuple[int, int]] = []
        self.steps = 0
        self.history, self.epochs = NO_ROWS, NO_ROWS

    def on_start(self, done: int, total: int) -> None:
        self.starts.append((done, total))

    def on_step(self, images: int) -> None:
        assert images > 0
        self.steps += 1
        if self.steps == self.interrupt_at:
            raise KeyboardInterrupt

    def on_epoch(self, history: Rows, epochs: Rows) -> None:
        self.history += history
        self.epochs += epochs


def settings(network: str = "dcgan", **changes: Any) -> Training:
    """Settings of a GAN: 2 epochs of 6 steps, with the instructions of this process."""
    values: dict[str, Any] = {
        "dataset": "mnist",
        "network": network,
        "latent": 16,
        "lr": 1e-3,
        "batch_size": 50,
        "epochs": 2,
        "ema": 0.9,
        "seed": 3,
        "threads": 1,
        "images": 300,
        "instructions": os.environ.get(VARIABLE, "portable"),
        **NETWORKS[network],
    }
    return Training.model_validate(values | changes)


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder by its path there."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def folder(path: Path) -> Path:
    """Create a folder and return it."""
    path.mkdir(parents=True)
    return path

"""Which generator the samples of a run come from, as recorded beside them. Does not import torch."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganpipe.sampling.description import DESCRIPTION

CHOICE = "choice.json"


@dataclass(frozen=True)
class Choice:
    """Which of the generators kept during a training is sampled.

    epoch: of the chosen one. metric: by which it was chosen, from `samples` generated and `images` real images.
    epochs, values: of all kept generators, epochs ascending.
    """

    epoch: int
    metric: str
    samples: int
    images: int
    epochs: tuple[int, ...]
    values: tuple[float, ...]

    def __str__(self) -> str:
        """Return the choice as a phrase."""
        if len(self.epochs) == 1:
            return f"after epoch {self.epoch}, the only one kept"
        value = self.values[self.epochs.index(self.epoch)]
        return (
            f"after epoch {self.epoch} of {self.epochs[-1]}, chosen among {len(self.epochs)} by {self.metric} = "
            f"{value:.4g} on {self.images} training images set aside"
        )


def sampled_generator(model: Path, folder: Path) -> Path:
    """Return the folder of the generator that the samples in `folder` come from: the last one unless one was chosen."""
    return folder if (folder / DESCRIPTION).exists() else model


def load_choice(folder: Path) -> Choice | None:
    """Return how the generator of the samples in `folder` was chosen; None for the last one of a training."""
    if not (folder / CHOICE).exists():
        return None
    fields: dict[str, Any] = json.loads((folder / CHOICE).read_text(encoding="utf-8"))
    return Choice(**fields | {name: tuple(fields[name]) for name in ("epochs", "values")})

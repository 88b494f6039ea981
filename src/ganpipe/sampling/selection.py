"""Which generator the samples of a run come from, as recorded beside them. Does not import torch."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganpipe.sampling.description import DESCRIPTION

SELECTION = "selection.json"


@dataclass(frozen=True)
class GeneratorSelection:
    """Which of the generators kept during a training is sampled.

    epoch: of the selected one. metric: by which it was selected, from `samples` generated and `images` real images.
    epochs, values: of all kept generators, epochs ascending.
    """

    epoch: int
    metric: str
    samples: int
    images: int
    epochs: tuple[int, ...]
    values: tuple[float, ...]

    def __str__(self) -> str:
        """Return the selection as a phrase."""
        if len(self.epochs) == 1:
            return f"after epoch {self.epoch}, the only one kept"
        value = self.values[self.epochs.index(self.epoch)]
        return (
            f"after epoch {self.epoch} of {self.epochs[-1]}, selected among {len(self.epochs)} by {self.metric} = "
            f"{value:.4g} on {self.images} training images set aside"
        )


def sampled_generator(model: Path, folder: Path) -> Path:
    """Return the folder of the generator that made the samples in `folder`: the last one unless one was selected."""
    return folder if (folder / DESCRIPTION).exists() else model


def load_selection(folder: Path) -> GeneratorSelection | None:
    """Return how the generator of the samples in `folder` was selected; None for the last one of a training."""
    if not (folder / SELECTION).exists():
        return None
    fields: dict[str, Any] = json.loads((folder / SELECTION).read_text(encoding="utf-8"))
    return GeneratorSelection(**fields | {name: tuple(fields[name]) for name in ("epochs", "values")})

"""Shuffled batches of a data set, from one array in memory; no worker processes."""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganpipe.common.errors import UserError
from ganpipe.data.dataset import Split

IN_MEMORY_BYTES = 2 << 30

ValueRange = Literal["signed", "unit"]
Flip = Literal["horizontal", "vertical"]
_AXIS = {"horizontal": 3, "vertical": 2}  # of N,C,H,W


class Batches:
    """Batches of one split, in an order that depends on (seed, epoch) alone.

    value_range: "signed" gives pixels in [-1, 1], "unit" in [0, 1].
    flips: mirrorings that each image undergoes with probability one half, drawn anew each epoch.
    device: where the images are kept (as bytes) and the batches are made. Above `in_memory_bytes` the images
    stay on disk and are gathered batch by batch.
    share: of every batch the images from this place on, so many places apart: one process's part, the sum of all parts
    being the batch whatever is made of the order of its images.
    limit: use this many images only, spread evenly over the split; None uses all.
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        seed: int,
        value_range: ValueRange = "signed",
        flips: Sequence[Flip] = (),
        device: torch.device | str = "cpu",
        limit: int | None = None,
        share: tuple[int, int] = (0, 1),
        in_memory_bytes: int = IN_MEMORY_BYTES,
    ) -> None:
        available = len(split.images)
        self._size = available if limit is None else min(limit, available)
        # The rows of the split in use: all of them, or every n-th.
        self._rows = np.arange(self._size) * available // self._size
        self.batch_size = min(batch_size, self._size)
        self._share = share
        if self.batch_size % share[1]:
            raise UserError(
                f"{self._size} images make batches of {self.batch_size}, which {share[1]} processes cannot share "
                f"equally; choose a batch_size of at most {self._size} that is a multiple of the processes"
            )
        self._seed, self._value_range, self._flips = seed, value_range, tuple(flips)
        self._device = torch.device(device)
        self._on_disk: NDArray[np.uint8] | None = None
        self._images: Tensor | None = None
        if split.images[0].nbytes * self._size > in_memory_bytes:
            self._on_disk = split.images
        else:
            self._images = torch.from_numpy(split.images[self._rows]).to(self._device)
        labels = None if split.labels is None else torch.from_numpy(split.labels[self._rows])
        self._labels = None if labels is None else labels.to(self._device)

    def __len__(self) -> int:
        """Batches in an epoch; a last partial one is dropped, as statistics over few images are bad ones."""
        return self._size // self.batch_size

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Yield an epoch's batches from `start` on: images (float32 B,C,H,W) and labels (int64 B) or None."""
        random = np.random.default_rng([self._seed, epoch])
        order = self._order(random)
        mirrored = {flip: random.random(self._size) < 0.5 for flip in self._flips}
        for batch in range(start, len(self)):
            first, apart = self._share
            places = slice(batch * self.batch_size + first, (batch + 1) * self.batch_size, apart)
            chosen = torch.from_numpy(order[places]).to(self._device)
            images = self._to_range(self._gather(order[places], chosen))
            for flip, which in mirrored.items():
                mask = torch.from_numpy(which[places]).to(self._device).view(-1, 1, 1, 1)
                images = torch.where(mask, images.flip(_AXIS[flip]), images)
            yield images, None if self._labels is None else self._labels[chosen]

    def _order(self, random: np.random.Generator) -> NDArray[np.int64]:
        """Places of an epoch's images among those in use, batch after batch."""
        return random.permutation(self._size)

    def _gather(self, order: NDArray[np.int64], chosen: Tensor) -> Tensor:
        if self._images is not None:
            return self._images[chosen]
        assert self._on_disk is not None
        return torch.from_numpy(self._on_disk[self._rows[order]]).to(self._device)

    def _to_range(self, images: Tensor) -> Tensor:
        if self._value_range == "signed":
            return images.float().div_(127.5).sub_(1.0)
        return images.float().div_(255.0)

"""Shuffled batches of a dataset, taken from one array without worker processes."""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganpipe.common.errors import UserError
from ganpipe.common.fixed_sample import spread_indices
from ganpipe.common.random_streams import numpy_stream
from ganpipe.data.dataset import Split

IN_MEMORY_BYTES = 2 << 30

ValueRange = Literal["signed", "unit"]
Flip = Literal["horizontal", "vertical"]
_AXIS = {"horizontal": 3, "vertical": 2}  # of N,C,H,W


class Batches:
    """Batches of one split in an order that depends only on (seed, epoch).

    value_range: "signed" gives pixels in [-1, 1], "unit" in [0, 1].
    flips: axes along which each image is mirrored with probability 0.5, drawn again in every epoch.
    device: where the images (as bytes) and the batches are stored. Images of more than `in_memory_bytes` in total stay
    on disk and are read batch by batch.
    share: (rank, processes). Each process gets every `processes`-th image of a batch, starting from its rank.
    limit: number of images to use, spread evenly over the split; None uses all.
    Raises UserError if the processes cannot share a batch equally.
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
        self._rows = spread_indices(available, self._size)
        self.batch_size = min(batch_size, self._size)
        self._share = share
        if self.batch_size % share[1]:
            raise UserError(
                f"batch_size: {self._size} images give batches of {self.batch_size}, which {share[1]} processes cannot "
                f"share equally. Set it to a multiple of {share[1]} that is at most {self._size}."
            )
        self._seed, self._value_range, self._flips = seed, value_range, tuple(flips)
        self._device = torch.device(device)
        self._images_on_disk: NDArray[np.uint8] | None = None
        self._images: Tensor | None = None
        if split.images[0].nbytes * self._size > in_memory_bytes:
            self._images_on_disk = split.images
        else:
            self._images = torch.from_numpy(split.images[self._rows]).to(self._device)
        labels = None if split.labels is None else torch.from_numpy(split.labels[self._rows])
        self._labels = None if labels is None else labels.to(self._device)

    def __len__(self) -> int:
        """Return the number of batches in an epoch; an incomplete last batch is dropped."""
        return self._size // self.batch_size

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Yield the batches of an epoch, from batch `start` on: images (B,C,H,W float32), labels (B int64) or None."""
        random = numpy_stream(self._seed, "batches", epoch)
        order = self._order(random)
        mirrored = {flip: random.random(self._size) < 0.5 for flip in self._flips}
        rank, processes = self._share
        for batch in range(start, len(self)):
            positions = slice(batch * self.batch_size + rank, (batch + 1) * self.batch_size, processes)
            selected = torch.from_numpy(order[positions]).to(self._device)
            images = self._to_range(self._gather(order[positions], selected))
            for flip, mask in mirrored.items():
                flipped = torch.from_numpy(mask[positions]).to(self._device).view(-1, 1, 1, 1)
                images = torch.where(flipped, images.flip(_AXIS[flip]), images)
            yield images, None if self._labels is None else self._labels[selected]

    def _order(self, random: np.random.Generator) -> NDArray[np.int64]:
        """Return the image indices of an epoch, batch after batch, as positions in `self._rows`."""
        return random.permutation(self._size)

    def _gather(self, order: NDArray[np.int64], selected: Tensor) -> Tensor:
        if self._images is not None:
            return self._images[selected]
        assert self._images_on_disk is not None
        return torch.from_numpy(self._images_on_disk[self._rows[order]]).to(self._device)

    def _to_range(self, images: Tensor) -> Tensor:
        if self._value_range == "signed":
            return images.float().div_(127.5).sub_(1.0)
        return images.float().div_(255.0)

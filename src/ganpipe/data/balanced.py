"""Batches that hold as many images of one class as of any other."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganpipe.common.errors import UserError
from ganpipe.data.batches import Batches
from ganpipe.data.dataset import Split


class BalancedBatches(Batches):
    """Batches whose images stand class by class, equally many of each.

    An epoch is as long as the smallest class allows; of a larger class each epoch sees other images. The arguments
    are those of `Batches`; a batch size that the classes do not divide is rounded down.
    """

    def __init__(self, split: Split, batch_size: int, seed: int, classes: int, **options: Any) -> None:
        super().__init__(split, batch_size, seed, **options)
        assert split.labels is not None
        labels = split.labels[self._rows]
        self._places = [np.flatnonzero(labels == label) for label in range(classes)]
        smallest = min(map(len, self._places))
        if not smallest:
            missing = [label for label, places in enumerate(self._places) if not len(places)]
            raise UserError(f"no training images of class {missing[0]}: allow more images, or leave the class out")
        self._each = min(batch_size // classes, smallest)
        self._count = smallest // self._each
        self.batch_size = self._each * classes

    def __len__(self) -> int:
        """Batches in an epoch."""
        return self._count

    def _order(self, random: np.random.Generator) -> NDArray[np.int64]:
        used = self._count * self._each
        by_class = [random.permutation(places)[:used].reshape(self._count, self._each) for places in self._places]
        return np.concatenate(by_class, axis=1).ravel()

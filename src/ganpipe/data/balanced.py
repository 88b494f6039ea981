"""Batches with the same number of images of every class."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganpipe.common.errors import UserError
from ganpipe.data.batches import Batches
from ganpipe.data.dataset import Split


class BalancedBatches(Batches):
    """Batches ordered by class, with equally many images of each class.

    The smallest class determines the length of an epoch; of a larger class, each epoch uses another random subset.
    The arguments are those of `Batches`. `batch_size` is rounded down to a multiple of the number of classes.
    Raises UserError if a class has no image.
    """

    def __init__(self, split: Split, batch_size: int, seed: int, classes: int, **options: Any) -> None:
        super().__init__(split, batch_size, seed, **options)
        assert split.labels is not None
        labels = split.labels[self._rows]
        self._members = [np.flatnonzero(labels == label) for label in range(classes)]
        smallest = min(map(len, self._members))
        if not smallest:
            empty = next(label for label, members in enumerate(self._members) if not len(members))
            raise UserError(f"class {empty}: no training images. Raise budget.images, or exclude the class.")
        self._images_per_class = min(batch_size // classes, smallest)
        self._batches = smallest // self._images_per_class
        self.batch_size = self._images_per_class * classes

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return self._batches

    def _order(self, random: np.random.Generator) -> NDArray[np.int64]:
        used = self._batches * self._images_per_class
        by_class = [random.permutation(members)[:used].reshape(self._batches, -1) for members in self._members]
        return np.concatenate(by_class, axis=1).ravel()

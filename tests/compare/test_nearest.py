import numpy as np
from numpy.typing import NDArray

from ganpipe.compare.nearest import nearest


def test_disturbed_copy_finds_its_original_across_blocks(digits: NDArray[np.uint8]) -> None:
    training = np.concatenate([np.full((5000, 1, 28, 28), 90, dtype=np.uint8), digits])
    disturbed = np.clip(digits[[3, 150]].astype(int) + 9, 0, 255).astype(np.uint8)
    assert nearest(disturbed, training).tolist() == [5003, 5150]


def test_agrees_with_the_definition(digits: NDArray[np.uint8]) -> None:
    queries, training = digits[:20], digits[20:]
    distances = np.square(queries[:, None].astype(int) - training[None].astype(int)).sum(axis=(2, 3, 4))
    assert nearest(queries, training).tolist() == distances.argmin(1).tolist()


def test_first_of_equally_near_images_is_taken(digits: NDArray[np.uint8]) -> None:
    assert nearest(digits[:1], np.repeat(digits[:1], 5000, axis=0)).tolist() == [0]

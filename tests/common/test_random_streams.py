from itertools import product
from typing import get_args

import numpy as np
import torch

from ganpipe.common.random_streams import Purpose, numpy_stream, torch_seed, torch_stream
from ganpipe.common.types import MAX_SEED

PURPOSES = get_args(Purpose)
SEEDS = (*range(100), 20_000, 30_000, MAX_SEED - 1, MAX_SEED)


def test_no_two_streams_are_the_same() -> None:
    streams = list(product(SEEDS, PURPOSES))
    assert len({torch_seed(seed, purpose) for seed, purpose in streams}) == len(streams)
    assert len({numpy_stream(seed, purpose).bytes(16) for seed, purpose in streams}) == len(streams)


def test_indices_give_streams_of_their_own() -> None:
    seeds = {torch_seed(0, "batches", epoch, rank) for epoch in range(100) for rank in range(4)}
    assert len(seeds | {torch_seed(0, "batches")}) == 401


def test_streams_repeat_and_keep_their_values() -> None:
    """Fixed values: a change here would change every result without a change of any setting."""
    assert torch_seed(0, "initialisation") == 673228719
    first, second = (torch.randn(3, generator=torch_stream(7, "sampling")) for _ in range(2))
    assert torch.equal(first, second)
    assert numpy_stream(0, "split").integers(1000, size=3).tolist() == [802, 942, 5]


def test_torch_seeds_fit_into_the_generator_s_state() -> None:
    """PyTorch's CPU generator ignores all but 32 bits of its seed."""
    small, large = torch.Generator().manual_seed(5), torch.Generator().manual_seed(5 + 2**32)
    assert torch.equal(torch.rand(4, generator=small), torch.rand(4, generator=large))
    assert all(0 <= torch_seed(seed, purpose) < 2**32 for seed, purpose in product(SEEDS, PURPOSES))


def test_streams_are_uncorrelated() -> None:
    noise = np.array([torch.randn(4000, generator=torch_stream(0, purpose)).numpy() for purpose in PURPOSES])
    correlations = np.corrcoef(noise) - np.eye(len(PURPOSES))
    assert np.abs(correlations).max() < 0.08

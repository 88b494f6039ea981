"""Seeds are limited to the range in which torch and numpy draw a different stream for each seed."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from ganpipe.common.errors import UserError
from ganpipe.common.types import MAX_SEED
from ganpipe.plan.build import Plan
from tests.plan.conftest import put

SETTINGS = {
    "grid/seeds": "grid.seeds[0]",
    "sample/seed": "sample.seed",
    "evaluate/seed": "evaluate.seed",
    "datasets/mnist/judge": "datasets.mnist.judge.seed",
    "datasets/mnist/seed": "datasets.mnist.seed",
}


def value_at(path: str, seed: int) -> Any:
    return {"grid/seeds": [seed], "datasets/mnist/judge": {"seed": seed}}.get(path, seed)


@pytest.mark.parametrize("path", SETTINGS)
@pytest.mark.parametrize("seed", [-1, MAX_SEED + 1, 2**64])
def test_seed_outside_the_range_is_rejected(path: str, seed: int, plan_of: Callable[..., Plan]) -> None:
    with pytest.raises(UserError) as caught:
        plan_of(put(path, value_at(path, seed)))
    assert f"- {SETTINGS[path]} = {seed}: should be" in str(caught.value)


@pytest.mark.parametrize("path", SETTINGS)
@pytest.mark.parametrize("seed", [0, MAX_SEED])
def test_seed_inside_the_range_is_planned(path: str, seed: int, plan_of: Callable[..., Plan]) -> None:
    assert plan_of(put(path, value_at(path, seed)))


def test_streams_repeat_beyond_the_largest_seed_and_not_before() -> None:
    def torch_stream(seed: int) -> list[float]:
        numbers: list[float] = torch.rand(8, generator=torch.Generator().manual_seed(seed)).tolist()
        return numbers

    seeds = [0, 1, 2**31 - 1, 2**31, MAX_SEED - 1, MAX_SEED]
    assert len({tuple(torch_stream(seed)) for seed in seeds}) == len(seeds)
    assert len({tuple(np.random.default_rng(seed).random(8)) for seed in seeds}) == len(seeds)
    assert torch_stream(MAX_SEED + 1) == torch_stream(0)

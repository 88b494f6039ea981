"""Processes that train one model together, each on its share of every batch. Without a group: this process alone.

All begin with the same weights and take every step with the means of their gradients, so their weights stay equal to
the bit. What they do not share are the statistics of batch normalisation and the noise that they draw.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

_SEEDS = 1 << 32
"""As many seeds as torch's CPU generator tells apart."""


class PeerLostError(Exception):
    """Another process of the group has ended, which tells why itself."""


def rank() -> int:
    """Which of the processes this is; 0 is the first, which alone writes."""
    return dist.get_rank() if dist.is_initialized() else 0


def size() -> int:
    """How many there are."""
    return dist.get_world_size() if dist.is_initialized() else 1


def average_gradients(optimizer: torch.optim.Optimizer, processes: int) -> None:
    """Let every step of the optimiser take the means of all processes' gradients.

    Raises ValueError when there are more or fewer processes than the settings say.
    """
    if size() != processes:
        raise ValueError(f"a training of {processes} processes was begun by {size()}")
    if processes > 1:
        optimizer.register_step_pre_hook(_average_gradients)


def _average_gradients(optimizer: torch.optim.Optimizer, _arguments: Any, _options: Any) -> None:
    weights = (weight for group in optimizer.param_groups for weight in group["params"])
    _average([weight.grad for weight in weights if weight.grad is not None])


def all_reduce_mean(scalars: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The means of all processes' scalars, the same in each of them."""
    if size() == 1:
        return dict(scalars)
    means = torch.stack([value.float() for value in scalars.values()])
    _average([means])
    return dict(zip(scalars, means.unbind(), strict=True))


def _average(tensors: Sequence[Tensor]) -> None:
    """Put the means of all processes in the place of each tensor, in one message."""
    bucket = torch.cat([tensor.reshape(-1) for tensor in tensors])
    with _together():
        dist.all_reduce(bucket)
    bucket /= size()
    parts = torch.split(bucket, [tensor.numel() for tensor in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.copy_(part.view(tensor.shape))


def broadcast_decision(decision: bool, device: torch.device) -> bool:
    """What the first process has decided. What the others think does not count."""
    if size() == 1:
        return decision
    verdict = torch.tensor([decision], dtype=torch.uint8, device=device)
    with _together():
        dist.broadcast(verdict, src=0)
    return bool(verdict)


def seed_this_rank(seed: int, step: int) -> None:
    """Let each process draw numbers of its own in this step.

    They follow from the seed, the step and the rank alone, so a checkpoint of the first process is enough to go on. No
    two steps or processes of a training begin at the same seed. One process alone draws on as ever.
    """
    if size() > 1:
        first = int(np.random.default_rng(seed).integers(_SEEDS))
        torch.manual_seed((first + step * size() + rank()) % _SEEDS)


@contextmanager
def _together() -> Iterator[None]:
    """What is done here fails for nothing but a process that is lost."""
    try:
        yield
    except RuntimeError as error:
        raise PeerLostError(str(error)) from error

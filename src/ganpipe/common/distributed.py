"""Data-parallel training in several processes, each on its share of every batch; without a group, one process.

All processes start from the same weights and apply the averaged gradients in every step, so their weights stay equal to
the bit. Batch normalisation statistics and random noise are not shared.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ganpipe.common.random_streams import torch_seed

_SEEDS = 1 << 32
"""Number of different seeds of torch's CPU generator."""


class PeerLostError(Exception):
    """Another process of the group has exited; that process reports the reason."""


def rank() -> int:
    """Return the index of this process in the group; only rank 0 writes files."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    """Return the number of processes in the group."""
    return dist.get_world_size() if dist.is_initialized() else 1


def average_gradients(optimizer: torch.optim.Optimizer, processes: int) -> None:
    """Average the gradients of all processes before every step of the optimiser.

    Raises ValueError if the number of processes is not that of the settings.
    """
    if world_size() != processes:
        raise ValueError(f"the settings require {processes} processes, but the group has {world_size()}")
    if processes > 1:
        optimizer.register_step_pre_hook(_average_gradients)


def _average_gradients(optimizer: torch.optim.Optimizer, _arguments: Any, _options: Any) -> None:
    weights = (weight for group in optimizer.param_groups for weight in group["params"])
    _all_reduce_mean([weight.grad for weight in weights if weight.grad is not None])


def all_reduce_mean(scalars: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the mean of each scalar over all processes, equal in every process."""
    if world_size() == 1:
        return dict(scalars)
    means = torch.stack([value.float() for value in scalars.values()])
    _all_reduce_mean([means])
    return dict(zip(scalars, means.unbind(), strict=True))


def _all_reduce_mean(tensors: Sequence[Tensor]) -> None:
    """Replace each tensor by its mean over all processes, in a single message."""
    bucket = torch.cat([tensor.reshape(-1) for tensor in tensors])
    with _peer_errors():
        dist.all_reduce(bucket)
    bucket /= world_size()
    parts = torch.split(bucket, [tensor.numel() for tensor in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.copy_(part.view(tensor.shape))


def broadcast_decision(decision: bool, device: torch.device) -> bool:
    """Return the decision of rank 0; the argument of the other ranks is ignored."""
    if world_size() == 1:
        return decision
    message = torch.tensor([decision], dtype=torch.uint8, device=device)
    with _peer_errors():
        dist.broadcast(message, src=0)
    return bool(message)


def seed_this_rank(seed: int, step: int) -> None:
    """Seed this process for one step, so that every rank draws different noise; a single process is not reseeded.

    The seed depends only on the training seed, the step and the rank, so the checkpoint of rank 0 suffices to resume.
    It differs between all steps and ranks of a training.
    """
    if world_size() > 1:
        first = torch_seed(seed, "training")
        torch.manual_seed((first + step * world_size() + rank()) % _SEEDS)


@contextmanager
def _peer_errors() -> Iterator[None]:
    """Report a failed collective operation as PeerLostError: nothing else makes it fail."""
    try:
        yield
    except RuntimeError as error:
        raise PeerLostError(str(error)) from error

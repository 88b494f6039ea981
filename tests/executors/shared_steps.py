"""Training steps whose noise is drawn for the whole batch, of which each process takes its share.

torchrun starts this file as a module. Several processes must then reach the weights of a single one, except for the
rounding of sums. Argument: a folder, in which each process saves the weights of every case.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import torch
import torch.distributed as dist
from torch import Tensor

from ganpipe.common import distributed
from ganpipe.common.types import ImageShape
from ganpipe.data.batches import Batches
from ganpipe.data.dataset import Split
from ganpipe.methods.common.protocol import Method
from ganpipe.methods.registry import build_method
from tests.methods.families import training

DENSE = {"network": "mlp", "generator": {"hidden": (32,)}, "discriminator": {"hidden": (32,)}}
SGD = {"optimizer": "sgd", "lr": 0.05}
CASES: dict[str, dict[str, Any]] = {
    "gan": DENSE,
    "critic": DENSE
    | SGD
    | {
        "loss": "wasserstein",
        "penalty": "gradient_penalty",
        "critic_steps": 2,
        "augment": ["color", "translation", "cutout"],
    },
    "conditional, rmsprop and sgd": DENSE
    | {"conditional": True, "optimizer": "rmsprop", "optimizer_discriminator": "sgd"},
    "diffusion": {"method": "diffusion", "network": "unet", "generator": {"width": 4}} | SGD,
}
"""No batch normalisation, whose statistics differ between processes, and no dropout. Adam only if no gradient is zero
up to rounding, as before a normalisation: Adam would take full steps along such gradients."""


def trained_weights(case: str) -> dict[str, Tensor]:
    """Return all weights after some steps on this process's share of the batches."""
    run = training(
        "gan",
        batch_size=24,
        processes=distributed.world_size(),
        **({"generator": {}, "discriminator": {}} | CASES[case]),
    )
    torch.manual_seed(0)
    method = build_method(run, ImageShape(1, 28), 10, torch.device("cpu"))
    assert isinstance(method, Method)
    images = torch.randint(256, (96, 1, 28, 28), dtype=torch.uint8)
    split = Split(images.numpy(), torch.arange(96).remainder(10).numpy())
    share = (distributed.rank(), distributed.world_size())
    batches = Batches(split, run.batch_size * method.batches_per_step, seed=0, share=share)
    draws = {name: share_of(getattr(torch, name)) for name in ("randn", "rand", "randint")}
    with mock.patch.multiple(torch, **draws):
        for epoch in range(3):
            for batch, labels in batches.epoch(epoch):
                method.step(batch, labels)
    return {
        f"{player}.{name}": weight.detach().clone()
        for player, network in method.networks().items()
        for name, weight in network.named_parameters()
    }


def share_of(draw: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return a function that draws for the whole batch and returns this process's share."""

    def draw_share(*arguments: Any, **options: Any) -> Tensor:
        *bounds, shape = arguments if isinstance(arguments[-1], tuple) else (arguments,)
        whole = draw(*bounds, (shape[0] * distributed.world_size(), *shape[1:]), **options)
        return whole[distributed.rank() :: distributed.world_size()]

    return draw_share


if __name__ == "__main__":
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    torch.save({case: trained_weights(case) for case in CASES}, Path(sys.argv[1]) / f"{distributed.rank()}.pt")
    dist.destroy_process_group()

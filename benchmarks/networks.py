"""Images per second of one training, for each kind of network and family in the catalogue.

    python benchmarks/networks.py [--experiments e09-mlp cgan28] [--threads 1 2]

The experiments are those of params.yaml, with their own width and batch size, on random pixels in the shape of their
dataset. Each is measured in its own process.
"""

import argparse
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from loops import run_in_subprocess

from ganpipe.common.process import tune_allocator
from ganpipe.common.types import ImageShape
from ganpipe.config import Training
from ganpipe.data.batches import Batches
from ganpipe.data.dataset import Split
from ganpipe.methods.common.protocol import Method
from ganpipe.methods.registry import build_method
from ganpipe.plan.build import make_plan
from ganpipe.plan.layout import PARAMS, PINS

EXPERIMENTS = [
    "e09-mlp", "mlp-dropout", "e03-dcgan", "e05-dcgan-exact", "e06-dcgan-deep", "dense-dcgan", "sngan28", "wgan-gp",
    "cgan28", "style28", "bigan", "vae", "diffusion", "cifar64",
]  # fmt: skip
COLOUR_SOURCES = ("cifar10", "folder")
CLASSES, WARM_UP_STEPS, STEPS = 10, 3, 12


def images_per_second(training: Training, shape: ImageShape, threads: int) -> float:
    """Return the speed over STEPS steps, after a warm-up."""
    tune_allocator()
    torch.set_num_threads(threads)
    torch.manual_seed(training.seed)
    method = build_method(training, shape, CLASSES, torch.device("cpu"))
    assert isinstance(method, Method)
    size = training.batch_size * method.batches_per_step  # images per step
    random = np.random.default_rng(0)
    count = size * (WARM_UP_STEPS + STEPS)
    pixels = random.integers(0, 256, (count, shape.channels, shape.size, shape.size), dtype=np.uint8)
    labels = random.integers(0, CLASSES, count)
    steps = Batches(Split(pixels, labels), size, training.seed, value_range=method.description().range).epoch(0)
    for batch in islice(steps, WARM_UP_STEPS):
        method.step(*batch)
    started = time.perf_counter()
    for batch in steps:
        method.step(*batch)
    return size * STEPS / (time.perf_counter() - started)


def trainings(params: dict[str, Any], experiments: list[str]) -> dict[str, tuple[Training, ImageShape]]:
    """Return the settings of each experiment and the shape of its images."""
    used = {{**params["train"], **params["experiments"][name]}["dataset"] for name in experiments}
    grid = {"grid": {"datasets": sorted(used), "experiments": experiments, "seeds": [0]}}
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder, "params.yaml")
        own.write_text(yaml.safe_dump(params | grid), encoding="utf-8")
        plan = make_plan(own, PINS)
    found = {}
    for document in plan.runs.values():
        training = Training.model_validate(document["train"])
        prepared = plan.datasets[training.dataset]["prepare"]
        channels = 3 if prepared["source"] in COLOUR_SOURCES else 1
        found[document["experiment"]] = training, ImageShape(channels, prepared["size"])
    return found


def main() -> None:
    """Print one row per experiment."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    params = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))
    parser.add_argument("--experiments", nargs="+", default=EXPERIMENTS, choices=params["experiments"], metavar="NAME")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    chosen = parser.parse_args()
    heads = "".join(f"{f'{threads} threads':>12}" for threads in chosen.threads)
    print(f"{'images per second':18} {'batch':>6}{heads}")
    for name, (training, shape) in trainings(params, chosen.experiments).items():
        speeds = [run_in_subprocess(images_per_second, training, shape, threads) for threads in chosen.threads]
        print(f"{name:18} {training.batch_size:6}" + "".join(f"{found:12.0f}" for found in speeds), flush=True)


if __name__ == "__main__":
    main()

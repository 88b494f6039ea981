"""Bits and speed of trainings, judge and metrics under limits of the CPU instructions (`compute.instructions`).

    python benchmarks/instructions.py [--steps 60] [--rounds 3]    # after dvc repro prepare@mnist

For every environment and every experiment of the plan: the first eight digits of the SHA-256 of the weights after the
steps, and the median speed after a quarter of them, with one thread. The environments take turns, each round in new
processes, because the libraries read their limits when they are loaded. Digits that agree on two machines are equal
bits; docs/performance.md lists those of an Intel Xeon.
"""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

import torch
import yaml
from torch import Tensor

from ganpipe.common.determinism import make_deterministic
from ganpipe.common.instructions import PORTABLE
from ganpipe.common.process import tune_allocator
from ganpipe.config import Training
from ganpipe.data.batches import Batches
from ganpipe.data.dataset import Dataset, Split, load
from ganpipe.methods.registry import build_method
from ganpipe.metrics.extractors.classifier_training import classify
from ganpipe.metrics.extractors.features import extract
from ganpipe.metrics.extractors.judge import train_judge
from ganpipe.metrics.frechet import frechet_distance
from ganpipe.metrics.manifold import overlap
from ganpipe.metrics.settings import JudgeSettings
from ganpipe.metrics.statistics import fit
from ganpipe.plan.layout import PLAN, PREPARED, dataset_plan

ENVIRONMENTS = {
    "native": {"GANPIPE_INSTRUCTIONS": "native"},
    "AVX2 without MKL": {name: value for name, value in PORTABLE.items() if name != "MKL_CBWR"},
    "AVX2": PORTABLE | {"MKL_CBWR": "AVX2"},
    "portable": PORTABLE,
}
JUDGE_IMAGES, METRIC_IMAGES = 6400, 4000
Result = tuple[str, float]
"""Digits of a digest, and images per second."""


def train(training: Training, dataset: Dataset, steps: int) -> Result:
    """Train a few steps and return the digest of all weights."""
    torch.manual_seed(0)
    method = build_method(training, dataset.shape, len(dataset.classes), torch.device("cpu"))
    size, warm = training.batch_size * method.batches_per_step, max(steps // 4, 1)
    started = 0.0
    for number, (images, labels) in enumerate(islice(Batches(dataset.train, size, 0).epoch(0), steps)):
        if number == warm:
            started = time.perf_counter()
        method.step(images, labels)
    seconds = time.perf_counter() - started
    return _digits(_tensors(method.networks().values())), (steps - warm) * size / seconds


def judge_and_metrics(dataset: Dataset, settings: JudgeSettings) -> dict[str, Result]:
    """Train the judge for an epoch of few images, and compare real images with inverted ones on its features."""
    first = Split(*(None if part is None else part[:JUDGE_IMAGES] for part in dataset.train))
    started = time.perf_counter()
    judge = train_judge(replace(dataset, train=first), settings.model_copy(update={"epochs": 1}))
    results = {"judge": (_digits(_tensors([judge.network])), JUDGE_IMAGES / (time.perf_counter() - started))}
    real = dataset.heldout.images[:METRIC_IMAGES]
    started = time.perf_counter()
    features = [extract(lambda batch: classify(judge.network, batch), images)[0] for images in (real, 255 - real)]
    distance = frechet_distance(*(fit(rows) for rows in features))
    ratios = overlap(features[0], features[1] * 0.5 + features[0].flip(0) * 0.5, 5)
    values = torch.tensor([distance, *ratios], dtype=torch.float64)
    return results | {"metrics": (_digits([values]), METRIC_IMAGES / (time.perf_counter() - started))}


def measure(steps: int) -> dict[str, Result]:
    """Return digits and speed of every experiment of the plan, of the judge and of the metrics, in this process."""
    tune_allocator()
    make_deterministic(1)
    results: dict[str, Result] = {}
    for path in sorted((PLAN / "runs").glob("*.yaml")):
        training = Training.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))["train"])
        experiment = path.stem.rpartition("-")[0]
        if experiment not in results:
            results[experiment] = train(training, load(PREPARED / training.dataset), steps)
    settings = JudgeSettings.model_validate(dataset_plan(training.dataset)["judge"])
    return results | judge_and_metrics(load(PREPARED / training.dataset), settings)


def main() -> None:
    """Print the comparison of the environments, or with --here the results of this process as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.here:
        print(json.dumps(measure(chosen.steps)))
        return
    speeds: dict[tuple[str, str], list[float]] = defaultdict(list)
    digits: dict[tuple[str, str], str] = {}
    # Importing ganpipe has set the limits of this process.
    inherited = {name: value for name, value in os.environ.items() if name not in PORTABLE}
    for _ in range(chosen.rounds):
        for environment, variables in ENVIRONMENTS.items():
            command = [sys.executable, __file__, "--here", "--steps", str(chosen.steps)]
            done = subprocess.run(command, env=inherited | variables, stdout=subprocess.PIPE, check=True)
            for name, (digest, speed) in json.loads(done.stdout).items():
                speeds[environment, name].append(speed)
                if digits.setdefault((environment, name), digest) != digest:
                    sys.exit(f"{environment}, {name}: the bits differ from process to process")
    print("".join(f"{title:28}" for title in ("", *ENVIRONMENTS)))
    for name in dict.fromkeys(name for _, name in digits):
        cells = (f"{digits[x, name]}  {statistics.median(speeds[x, name]):7.0f} images/s" for x in ENVIRONMENTS)
        print(f"{name:28}" + "".join(f"{cell:28}" for cell in cells))


def _tensors(networks: Iterable[torch.nn.Module]) -> list[Tensor]:
    return [tensor for network in networks for tensor in network.state_dict().values()]


def _digits(tensors: Iterable[Tensor]) -> str:
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()[:8]


if __name__ == "__main__":
    main()

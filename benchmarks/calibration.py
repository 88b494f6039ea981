"""How often two equal experiments are called different, by real trainings.

    python benchmarks/calibration.py --prepared out/prepared/mnist --judge out/judge/mnist

Trains one experiment with many seeds and the functions of the stages: train, sample, evaluate, decide. Two entries of
equal settings are two sets of these seeds. Three rates of false differences are printed: of trials that share no
training, of random pairs of sets of the same trainings (they depend on each other, but their number is large), and of
200 trials simulated from the measured mean and deviation of the logarithm. The last row shifts one entry by twice that
deviation. The values are kept in `--values`, so that a repeated or longer call trains only what is missing.
"""

import argparse
import json
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ganpipe.common.process import tune_allocator
from ganpipe.compare.verdict import decide
from ganpipe.config import SelectSettings, Training
from ganpipe.data.dataset import Dataset, load
from ganpipe.executors.rank import NullCallback
from ganpipe.metrics.evaluate import evaluate
from ganpipe.metrics.extractors.judge import Judge, load_judge
from ganpipe.metrics.reference import build_reference
from ganpipe.metrics.settings import EvaluateSettings
from ganpipe.sampling.samples import load_samples, write_samples
from ganpipe.training.loop import train
from ganpipe.training.workdir import RESULT

METRIC, SAMPLES, RANDOM_TRIALS, SIMULATED = "fd_judge", 1000, 2000, 200
SEEDS = (3, 5)
SETTINGS = EvaluateSettings(metrics=(METRIC,))
Values = NDArray[np.float64]


def train_and_evaluate(dataset: Dataset, judge: Judge, reference: Path, seed: int) -> float:
    """Train a small DCGAN for three epochs of 2,560 images, and return the deciding metric of 1,000 samples."""
    training = Training(
        dataset=dataset.name, generator={"width": 6}, discriminator={"width": 6}, lr=0.004, batch_size=32, epochs=3,
        images=2560, ema=0.95, seed=seed, threads=1,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        work, samples = Path(folder) / "work", Path(folder) / "samples"
        work.mkdir()
        train(training, dataset, work, NullCallback(), torch.device("cpu"), math.inf)
        write_samples(work / RESULT, samples, SAMPLES, seed=0, threads=1, title="")
        loaded = load_samples(samples)
        if loaded is None:
            raise SystemExit(f"the training with seed {seed} diverged")
        record = evaluate(*loaded, dataset, judge, reference, SETTINGS, "")
    return float(record["metrics"][METRIC]["value"])


def is_called_different(first: Sequence[float], second: Sequence[float]) -> bool:
    """Return whether the pipeline's verdict distinguishes two entries with these values of their seeds."""
    entries = sorted({"a": tuple(first), "b": tuple(second)}.items(), key=lambda entry: math.fsum(entry[1]))
    return decide(dict(entries), "lower", SelectSettings()).verdict.kind == "established"


def disjoint_trials(values: Values, seeds: int) -> list[bool]:
    """Return the outcome of every trial of consecutive values; no value is used twice."""
    trials = values[: len(values) // (2 * seeds) * 2 * seeds].reshape(-1, 2, seeds)
    return [is_called_different(first.tolist(), second.tolist()) for first, second in trials]


def random_trials(values: Values, seeds: int, random: np.random.Generator) -> list[bool]:
    """Return the outcomes of trials of different values that are drawn at random."""
    draws = (random.permutation(values)[: 2 * seeds] for _ in range(RANDOM_TRIALS))
    return [is_called_different(draw[:seeds].tolist(), draw[seeds:].tolist()) for draw in draws]


def simulated_trials(values: Values, seeds: int, shift: float, trials: int, random: np.random.Generator) -> list[bool]:
    """Return the outcomes of log-normal trials; one entry is worse by `shift` deviations of the logarithm."""
    logs = np.log(values)
    mean, deviation = logs.mean(), logs.std(ddof=1)
    draws = (
        np.exp(random.normal([[mean], [mean + shift * deviation]], deviation, (2, seeds))).tolist()
        for _ in range(trials)
    )
    return [is_called_different(first, second) for first, second in draws]


def main() -> None:
    """Train what is missing, then print one row per number of seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prepared", type=Path, required=True, help="folder of a prepared dataset")
    parser.add_argument("--judge", type=Path, required=True, help="folder of its judge")
    parser.add_argument("--trainings", type=int, default=120)
    parser.add_argument("--values", type=Path, default=Path("calibration.json"))
    chosen = parser.parse_args()
    if chosen.trainings < 2 * max(SEEDS):
        parser.error(f"--trainings: {chosen.trainings} are too few for two entries. Set at least {2 * max(SEEDS)}.")
    values = np.array(_trained_values(chosen))
    logs = np.log(values)
    print(f"{len(values)} trainings: mean {values.mean():.4g}, deviation of the logarithm {logs.std(ddof=1):.3f}\n")
    print("| seeds | trials without a common training | random sets | simulated | shifted by two deviations |")
    print("|---:|---:|---:|---:|---:|")
    for seeds in SEEDS:
        random, separate = np.random.default_rng(0), disjoint_trials(values, seeds)
        rates = [
            np.mean(outcomes)
            for outcomes in (
                random_trials(values, seeds, random),
                simulated_trials(values, seeds, 0, SIMULATED, random),
                simulated_trials(values, seeds, 2, RANDOM_TRIALS, random),
            )
        ]
        cells = [f"{sum(separate)} of {len(separate)}", *(f"{100 * rate:.1f} %" for rate in rates)]
        print(f"| {seeds} | {' | '.join(cells)} |")


def _trained_values(chosen: argparse.Namespace) -> list[float]:
    values: list[float] = json.loads(chosen.values.read_text(encoding="utf-8")) if chosen.values.exists() else []
    if len(values) >= chosen.trainings:
        return values[: chosen.trainings]
    tune_allocator()
    dataset, judge = load(chosen.prepared), load_judge(chosen.judge)
    with tempfile.TemporaryDirectory() as folder:
        reference = Path(folder) / "reference"
        build_reference(dataset, judge, SETTINGS, SAMPLES, reference)
        for seed in range(len(values), chosen.trainings):
            values.append(train_and_evaluate(dataset, judge, reference, seed))
            chosen.values.write_text(json.dumps(values), encoding="utf-8")
    return values


if __name__ == "__main__":
    main()

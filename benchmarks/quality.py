"""Quality for time: `fd_judge` after equal wall time, the loop of the PyTorch example compared with the pipeline.

    python benchmarks/quality.py [--seconds 180] [--seeds 0 1 2]

The example's loop uses the settings of the source documents (width 32, learning rate 2e-4, batch size 128) and its last
weights. The pipeline uses EMA weights, and the width, learning rate and batch size that are best within minutes on a
CPU. Each runs in its own process with two threads; the time includes building networks and starting workers. The
pipeline's judge, reference and metric evaluate both; this time is not counted. Run it after `dvc repro`, on an idle
machine.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch
import yaml
from loops import LATENT, example_loop, pipeline_loop, run_in_subprocess

from ganpipe.data.dataset import load
from ganpipe.metrics.evaluate import evaluate
from ganpipe.metrics.extractors.judge import load_judge
from ganpipe.metrics.settings import EvaluateSettings
from ganpipe.sampling.generator import BATCH, to_pixels

METRIC, COUNT, THREADS = "fd_judge", 10_000, 2
EXAMPLE = {"width": 32, "lr": 2e-4, "batch": 128}


def train_and_evaluate(
    kind: str, settings: dict[str, float], seconds: float, seed: int, out: Path
) -> tuple[float, int]:
    """Train from scratch for some seconds; return the metric and the number of steps."""
    dataset = load(out / "prepared" / "mnist")
    pixels = np.asarray(dataset.train.images)
    started = time.perf_counter()
    if kind == "example":
        loop = example_loop(pixels, **settings, threads=THREADS, workers=2, seed=seed)
    else:
        loop = pipeline_loop(pixels, **settings, threads=THREADS, lowering=True, seed=seed)
    generator, steps = next(loop), 1
    while time.perf_counter() - started < seconds:
        generator, steps = next(loop), steps + 1

    noise = torch.randn(COUNT, LATENT, generator=torch.Generator().manual_seed(0))
    shape = (-1, LATENT, 1, 1) if kind == "example" else (-1, LATENT)
    with torch.no_grad():
        samples = [to_pixels(generator.eval()(part.view(shape)), "signed") for part in noise.split(BATCH)]
    plan = yaml.safe_load((out / "plan" / "datasets" / "mnist.yaml").read_text(encoding="utf-8"))
    evaluation = EvaluateSettings.model_validate(plan["evaluate"] | {"metrics": [METRIC]})
    judge, reference = load_judge(out / "judge" / "mnist"), out / "reference" / "mnist"
    record = evaluate(np.concatenate(samples), None, dataset, judge, reference, evaluation, plan["code"]["reference"])
    return record["metrics"][METRIC]["value"], steps


def main() -> None:
    """Print one row per seed and loop, then the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--width", type=int, default=32, help="of the pipeline's networks")
    parser.add_argument("--lr", type=float, default=2e-3, help="learning rate of the pipeline")
    parser.add_argument("--batch", type=int, default=64, help="batch size of the pipeline")
    parser.add_argument("--out", type=Path, default=Path("out"))
    chosen = parser.parse_args()
    settings = {"example": EXAMPLE, "pipeline": {"width": chosen.width, "lr": chosen.lr, "batch": chosen.batch}}
    found: dict[str, list[float]] = {kind: [] for kind in settings}
    print(f"{METRIC} after {chosen.seconds:.0f} s")
    for seed in chosen.seeds:
        for kind, values in settings.items():
            value, steps = run_in_subprocess(train_and_evaluate, kind, values, chosen.seconds, seed, chosen.out)
            found[kind].append(value)
            print(f"seed {seed}  {kind:8} {value:8.1f}  after {steps} steps", flush=True)
    medians = {kind: statistics.median(values) for kind, values in found.items()}
    example, pipeline = medians["example"], medians["pipeline"]
    print(f"medians: example {example:.1f}, pipeline {pipeline:.1f}, ratio {pipeline / example:.2f}")


if __name__ == "__main__":
    main()

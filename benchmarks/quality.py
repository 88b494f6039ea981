"""Quality for time: the Fréchet distance of the judge's features after equal wall time, plain loop against ours.

    python benchmarks/quality.py [--seconds 180] [--seeds 0 1 2]

The plain loop trains as the documents do: width 32, learning rate 2e-4, batch 128, the last weights. Ours trains with
averaged weights, and with the width, learning rate and batch that are best in minutes on a CPU. Each has two threads
and a process of its own; building networks and starting workers counts. The samples are measured by the pipeline's own
judge, reference and metric, on which no time is counted. Run it after `dvc repro`, on a machine that does nothing else.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch
import yaml
from loops import LATENT, in_its_own_process, our_loop, users_loop

from ganpipe.data.dataset import load
from ganpipe.metrics.evaluate import evaluate
from ganpipe.metrics.extractors.judge import load_judge
from ganpipe.metrics.settings import EvaluateSettings
from ganpipe.sampling.generator import BATCH, to_pixels

METRIC, COUNT, THREADS = "fd_judge", 10_000, 2
PLAIN = {"width": 32, "lr": 2e-4, "batch": 128}


def distance(kind: str, settings: dict[str, float], seconds: float, seed: int, out: Path) -> tuple[float, int]:
    """The metric after so many seconds of training from scratch, and the steps they were enough for."""
    dataset = load(out / "prepared" / "mnist")
    pixels = np.asarray(dataset.train.images)
    started = time.perf_counter()
    if kind == "plain":
        loop = users_loop(pixels, **settings, threads=THREADS, workers=2, seed=seed)
    else:
        loop = our_loop(pixels, **settings, threads=THREADS, lowering=True, seed=seed)
    generator, steps = next(loop), 1
    while time.perf_counter() - started < seconds:
        generator, steps = next(loop), steps + 1

    noise = torch.randn(COUNT, LATENT, generator=torch.Generator().manual_seed(0))
    shape = (-1, LATENT, 1, 1) if kind == "plain" else (-1, LATENT)
    with torch.no_grad():
        drawn = [to_pixels(generator.eval()(part.view(shape)), "signed") for part in noise.split(BATCH)]
    plan = yaml.safe_load((out / "plan" / "datasets" / "mnist.yaml").read_text(encoding="utf-8"))
    measured = EvaluateSettings.model_validate(plan["evaluate"] | {"metrics": [METRIC]})
    judge, reference = load_judge(out / "judge" / "mnist"), out / "reference" / "mnist"
    record = evaluate(np.concatenate(drawn), None, dataset, judge, reference, measured, plan["code"]["reference"])
    return record["metrics"][METRIC]["value"], steps


def main() -> None:
    """Print a row for each seed, then the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--width", type=int, default=32, help="of ours")
    parser.add_argument("--lr", type=float, default=2e-3, help="of ours")
    parser.add_argument("--batch", type=int, default=64, help="of ours")
    parser.add_argument("--out", type=Path, default=Path("out"))
    chosen = parser.parse_args()
    settings = {"plain": PLAIN, "ours": {"width": chosen.width, "lr": chosen.lr, "batch": chosen.batch}}
    found: dict[str, list[float]] = {kind: [] for kind in settings}
    print(f"{METRIC} after {chosen.seconds:.0f} s")
    for seed in chosen.seeds:
        for kind, values in settings.items():
            value, steps = in_its_own_process(distance, kind, values, chosen.seconds, seed, chosen.out)
            found[kind].append(value)
            print(f"seed {seed}  {kind:6} {value:8.1f}  after {steps} steps", flush=True)
    medians = {kind: statistics.median(values) for kind, values in found.items()}
    print(
        f"medians: plain {medians['plain']:.1f}, ours {medians['ours']:.1f}: {medians['ours'] / medians['plain']:.2f}"
    )


if __name__ == "__main__":
    main()

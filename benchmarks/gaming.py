"""Which metrics improve if samples are selected by their class, although no image gets better.

    python benchmarks/gaming.py --prepared out/prepared/mnist --judge out/judge/mnist --model out/models/e03-dcgan-0

Class-histogram matching (Kynkäänniemi et al., The role of ImageNet classes in Fréchet inception distance, 2023, section
4): from `--candidates` samples of a generator, selects those whose predicted classes have the shares of the training
images. The images of a class are chosen at random, so none is better than its neighbours. Prints every metric of
samples chosen at random (mean and standard deviation of five draws) and of samples chosen by class (likewise), and the
change in standard deviations; an asterisk marks a change by more than three that counts as an improvement.
"""

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from references import add_dataset_arguments, reference_of

from ganpipe.common.formatting import number
from ganpipe.common.types import Direction
from ganpipe.metrics.evaluation import Evaluation
from ganpipe.metrics.extractors.features import extract
from ganpipe.metrics.measure import measure, missing_requirement
from ganpipe.metrics.registry import lookup
from ganpipe.sampling.generator import load_generator

METRICS = (
    "fd_judge", "kid", "mind", "mmd_rbf", "kid_imagenet", "precision", "recall", "density", "coverage", "vendi",
    "sharpness", "contrast", "diversity", "class_coverage", "class_balance", "judge_confidence", "authenticity", "c_t",
)  # fmt: skip
DRAWS, CLEAR = 5, 3

Rows = NDArray[np.int64]


def select_by_class(predicted: Rows, shares: Sequence[float], count: int, random: np.random.Generator) -> Rows:
    """Return `count` rows, ascending, whose predicted classes have these shares, as far as there are candidates.

    A class with too few candidates gives all of them; the rest is drawn from all other rows.
    """
    chosen = [
        random.permutation(np.flatnonzero(predicted == number))[: round(share * count)]
        for number, share in enumerate(shares)
    ]
    rows = np.concatenate(chosen)[:count]
    others = random.permutation(np.setdiff1d(np.arange(len(predicted)), rows))
    return np.sort(np.concatenate([rows, others[: count - len(rows)]]))


def improves(before: float, after: float, direction: Direction, real: float | None) -> bool:
    """Return whether the metric counts the change as an improvement; `real` is its value for held-out images."""
    if direction == "real":
        return real is not None and abs(after - real) < abs(before - real)
    return after < before if direction == "lower" else after > before


def main() -> None:
    """Print one row per metric."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_dataset_arguments(parser)
    parser.add_argument("--model", type=Path, required=True, help="folder of a trained, unconditional generator")
    parser.add_argument("--candidates", type=int, default=20_000)
    parser.add_argument("--samples", type=int, default=5_000)
    chosen = parser.parse_args()
    context, reference = reference_of(chosen.prepared, chosen.judge, METRICS, chosen.samples)
    images = load_generator(chosen.model).sample(chosen.candidates)
    outputs = extract(context.judge, images)
    everything = Evaluation(context, images, judge_outputs=outputs)
    predicted, shares = outputs[1].argmax(1).numpy(), reference.real.shares.tolist()
    print("shares of the classes in percent, real and predicted: " + ", ".join(
        f"{100 * real:.1f} and {100 * np.mean(predicted == number):.1f}" for number, real in enumerate(shares)
    ) + "\n")  # fmt: skip
    random = np.random.default_rng(0)
    draws = {
        "random": [np.sort(random.permutation(len(images))[: chosen.samples]) for _ in range(DRAWS)],
        "by class": [select_by_class(predicted, shares, chosen.samples, random) for _ in range(DRAWS)],
    }
    evaluations = {how: [everything.subset(rows) for rows in sets] for how, sets in draws.items()}
    print("| metric | real | at random | by class | change in deviations |")
    print("|---|---:|---:|---:|---:|")
    for name in METRICS:
        _print_row(name, evaluations["random"], evaluations["by class"], reference.floor[name])


def _print_row(name: str, plain: Sequence[Evaluation], selected: Sequence[Evaluation], real: float | None) -> None:
    metric = lookup(name)
    if missing_requirement(metric, plain[0]):
        return
    before, after = ([measure(metric, evaluation) for evaluation in sets] for sets in (plain, selected))
    means = [statistics.mean(values) for values in (before, after)]
    deviation = statistics.mean((statistics.stdev(before), statistics.stdev(after)))
    change = (means[1] - means[0]) / deviation if deviation else 0.0
    clear = abs(change) > CLEAR and improves(means[0], means[1], metric.direction, real)
    cells = [f"{number(mean)} ± {number(statistics.stdev(values), 1)}" for mean, values in
             zip(means, (before, after), strict=True)]  # fmt: skip
    print(f"| `{name}` | {number(real)} | {' | '.join(cells)} | {change:+.1f}{' *' if clear else ''} |", flush=True)


if __name__ == "__main__":
    main()

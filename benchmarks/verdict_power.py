"""Print how often the verdict is right: the tables of docs/verdict.md, by simulation with known means.

    python benchmarks/verdict_power.py

Values are log-normal over seeds with a coefficient of variation of 10 %; differences are in standard deviations of the
logarithm. Takes two minutes of one core.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from ganpipe.compare.significance import compare_all_pairs

SEEDS = (2, 3, 4, 5, 6, 8, 10)
DIFFERENCES = (0.0, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
TRIALS = 4000
OTHERS = {"c": 20.0, "d": 40.0, "e": 60.0}
"""Means of further experiments in standard deviations: clearly different from the pair and from each other."""


def detection_rate(means: Mapping[str, float], seeds: int, confidence: float = 0.95, trials: int = TRIALS) -> float:
    """Return the share of trials in which `a` and `b` differ significantly."""
    random = np.random.default_rng(0)
    found = 0
    for _ in range(trials):
        values = {name: list(random.normal(mean, 1, seeds)) for name, mean in means.items()}
        found += compare_all_pairs(values, confidence)["a", "b"].significant
    return found / trials


def print_table(title: str, others: Mapping[str, float], confidence: float, numbers: Sequence[int] = SEEDS) -> None:
    """Print one Markdown table: a row per number of seeds, a column per difference."""
    print(f"\n{title}\n\n| seeds | {' | '.join(f'{difference:g}' for difference in DIFFERENCES)} |")
    print("|---:|" + "---:|" * len(DIFFERENCES))
    for seeds in numbers:
        rates = (detection_rate({"a": 0.0, "b": d, **others}, seeds, confidence) for d in DIFFERENCES)
        print(f"| {seeds} | {' | '.join(f'{100 * rate:.1f} %' for rate in rates)} |")


if __name__ == "__main__":
    print_table("Two experiments, confidence 0.95", {}, 0.95)
    print_table("Two experiments, confidence 0.9", {}, 0.90)
    print_table("The same pair among three clearly different experiments, confidence 0.95", OTHERS, 0.95, (2, 3, 4, 5))

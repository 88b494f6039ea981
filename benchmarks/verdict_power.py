"""Print how often the verdict is right: the tables of docs/verdict.md, by simulation with known means.

    python benchmarks/verdict_power.py

Values are log-normal over seeds with a coefficient of variation of 10 %; differences are in standard deviations of the
logarithm. Takes three minutes of one core. The last two tables compare Welch's test with tests that share the
variance between experiments, and state the highest power that is possible.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

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


Values = NDArray[np.float64]
"""Values of one trial, (experiments, seeds)."""


def welch(values: Values) -> bool:
    """Return whether the pipeline's method finds any difference."""
    groups = {str(number): group.tolist() for number, group in enumerate(values)}
    return any(pair.significant for pair in compare_all_pairs(groups, 0.95).values())


def pooled(values: Values) -> bool:
    """Return whether t-tests with one variance for all experiments find any difference (Holm's correction)."""
    experiments, seeds = values.shape
    variances = np.full(experiments, values.var(1, ddof=1).mean())
    return _any_difference(values, variances, experiments * (seeds - 1))


def shrunk(values: Values) -> bool:
    """Return the same for variances halfway to their mean, with twice the degrees of freedom of one experiment."""
    own = values.var(1, ddof=1)
    return _any_difference(values, (own + own.mean()) / 2, 4 * (values.shape[1] - 1))


def _any_difference(values: Values, variances: Values, freedom: int) -> bool:
    """Holm's first step decides whether anything is found: the smallest p-value, times the number of pairs."""
    means, pairs = values.mean(1), list(combinations(range(len(values)), 2))
    scores = [abs(means[a] - means[b]) / np.sqrt((variances[a] + variances[b]) / values.shape[1]) for a, b in pairs]
    return bool(2 * stats.t.sf(max(scores), freedom) * len(pairs) <= 0.05)


METHODS: dict[str, Callable[[Values], bool]] = {"Welch": welch, "pooled": pooled, "shrunk": shrunk}


def false_difference_rate(method: Callable[[Values], bool], seeds: int, trials: int = TRIALS) -> float:
    """Return how often anything differs among five equal experiments, one with nine times the standard deviation."""
    random = np.random.default_rng(0)
    deviations = np.array([9, 1, 1, 1, 1])[:, None]
    return sum(method(random.normal(0, deviations, (5, seeds))) for _ in range(trials)) / trials


def best_power(seeds: int, difference: float) -> float:
    """Return the power of Student's t-test of two experiments with equal variances, confidence 0.95."""
    freedom, shift = 2 * (seeds - 1), difference * np.sqrt(seeds / 2)
    limit = stats.t.ppf(0.975, freedom)
    return float(stats.nct.sf(limit, freedom, shift) + stats.nct.cdf(-limit, freedom, shift))


if __name__ == "__main__":
    print_table("Two experiments, confidence 0.95", {}, 0.95)
    print_table("Two experiments, confidence 0.9", {}, 0.90)
    print_table("The same pair among three clearly different experiments, confidence 0.95", OTHERS, 0.95, (2, 3, 4, 5))
    print("\nAny false difference among five equal experiments, one with nine times the standard deviation\n")
    print("| seeds | " + " | ".join(METHODS) + " |\n|---:|" + "---:|" * len(METHODS))
    for number in (3, 5):
        rates = (false_difference_rate(method, number) for method in METHODS.values())
        print(f"| {number} | {' | '.join(f'{100 * rate:.1f} %' for rate in rates)} |")
    print(f"\nHighest power with 5 seeds at two standard deviations: {100 * best_power(5, 2):.1f} %")

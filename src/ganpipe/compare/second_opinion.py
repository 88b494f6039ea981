"""Whether a metric on other features orders the experiments as the deciding one does."""

import math
from collections.abc import Mapping, Sequence

from scipy.stats import kendalltau

from ganpipe.compare.costs import as_cost, ranked_value
from ganpipe.compare.leaderboard import Leaderboard, SecondOpinion
from ganpipe.compare.runs import Score


def second_opinion(board: Leaderboard, scores: Sequence[Score], metrics: Sequence[str]) -> SecondOpinion | None:
    """Compare the order of the ranked experiments with that by the first of `metrics` that can give one.

    The means over the seeds are compared. A distance can improve although no image does, for instance by selecting
    samples by their class (arXiv 2203.06026), so differences that the other metric does not confirm are listed. None if
    fewer than two experiments are ranked, and if no metric besides the deciding one exists for all of them.
    """
    names = [place.experiment for place in board.places]
    if len(names) < 2:
        return None
    for metric in metrics:
        means = _means(names, scores, metric) if metric != board.metric else {}
        if means:
            tau = float(kendalltau(range(len(names)), [means[name] for name in names]).statistic)
            first = min(names, key=means.__getitem__)
            unconfirmed = tuple(
                (pair.better, pair.worse)
                for pair in board.comparisons
                if pair.distinct and means[pair.better] >= means[pair.worse]
            )
            return SecondOpinion(metric, 0.0 if math.isnan(tau) else tau, first, unconfirmed)
    return None


def _means(names: Sequence[str], scores: Sequence[Score], metric: str) -> Mapping[str, float]:
    """Return the mean cost of each experiment; empty if one has no value."""
    means = {}
    for name in names:
        seeds = [score.metrics.get(metric) for score in scores if score.experiment == name]
        values = [as_cost(ranked_value(seed, seed.direction), seed.direction) for seed in seeds if seed]
        if len(values) < len(seeds):
            return {}
        means[name] = math.fsum(values) / len(values)
    return means

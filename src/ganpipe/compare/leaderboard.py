"""The result of a ranking: one leaderboard per dataset."""

from dataclasses import dataclass
from typing import Literal

from ganpipe.common.types import Direction
from ganpipe.compare.significance import Interval

Scale = Literal["ratio", "difference"]
"""How two means are compared: by the ratio of geometric means, or by the difference of means."""


@dataclass(frozen=True)
class RankedExperiment:
    """An experiment with a rank.

    rank: the best one that it may have, 1 + the number of distinctly better experiments. last_rank: the worst one, the
    number of experiments that are not distinctly worse, itself included. If no difference could be tested, both are the
    position in the order of the means. runs, values: one per seed, in the order of the seeds.
    mean, spread: over the seeds; spread is the sample standard deviation, None for a single seed. interval: confidence
    interval of the mean (of the geometric mean on a logarithmic scale), None for a single seed. standard_error: of the
    mean, over draws of samples from the same networks; None if unknown. best_run: the seed with the best value.
    """

    rank: int
    last_rank: int
    experiment: str
    runs: tuple[str, ...]
    values: tuple[float, ...]
    mean: float
    spread: float | None
    interval: Interval | None
    standard_error: float | None
    best_run: str


@dataclass(frozen=True)
class UnrankedExperiment:
    """An experiment without a rank, and the reason."""

    experiment: str
    runs: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Lead:
    """Difference between the first and the second place.

    absolute: difference of the means, positive if the first is better. relative: the same divided by the second's mean,
    None if that is zero. decided_by: the metric that decided their order, or `name`.
    """

    absolute: float
    relative: float | None
    decided_by: str


@dataclass(frozen=True)
class Comparison:
    """Two experiments, the one with the better mean first, and how much worse the other is.

    effect: on the scale `ratio`, the geometric mean of `worse` divided by that of `better`; on the scale `difference`,
    by how much the mean of `worse` is worse. interval: its confidence interval. adjusted_p_value: adjusted for all
    comparisons of the leaderboard. distinct: whether `better` is distinctly better (see `verdict.decide`).
    """

    better: str
    worse: str
    effect: float
    interval: Interval
    p_value: float
    adjusted_p_value: float
    distinct: bool


@dataclass(frozen=True)
class Verdict:
    """Which experiment is best, as far as the training seeds can tell.

    kind: `established`: one experiment is distinctly better than every other; `tie`: the candidates cannot be
    distinguished; `one seed`: fewer than two experiments have several seeds, so nothing can be tested; `unopposed`:
    only one experiment is ranked; `none`: none is. candidates: those that may be the best, the best mean first. label:
    the verdict in words, such as `A`, `A or B` or `not established from one seed`.
    """

    kind: Literal["established", "tie", "one seed", "unopposed", "none"]
    candidates: tuple[str, ...]
    label: str


@dataclass(frozen=True)
class SecondOpinion:
    """What a metric on other features says. tau: Kendall's rank correlation with the ranking, from -1 to 1.

    first: the experiment with the best mean by that metric. unconfirmed: pairs (better, worse) that the ranking
    distinguishes, while the mean of `better` is not better by that metric.
    """

    metric: str
    tau: float
    first: str
    unconfirmed: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Leaderboard:
    """The ranking of one dataset's experiments.

    Values, floor and ceiling are the metric itself, or |ln ratio| if `direction` is `real`. direction and protocol are
    None if no run has a value; lead is None for fewer than two places. comparisons: of all pairs that could be tested,
    on the given scale. replaced: why `select.metric` could not decide, if `metric` is one of `select.fallback`.
    """

    dataset: str
    metric: str
    direction: Direction | None
    protocol: str | None
    floor: float | None
    ceiling: float | None
    places: tuple[RankedExperiment, ...]
    unranked: tuple[UnrankedExperiment, ...]
    lead: Lead | None
    verdict: Verdict
    scale: Scale | None = None
    comparisons: tuple[Comparison, ...] = ()
    replaced: str = ""
    second_opinion: SecondOpinion | None = None

    @property
    def winner(self) -> RankedExperiment | None:
        """The first place, whether or not the verdict is established; None if no experiment is ranked."""
        return self.places[0] if self.places else None


@dataclass(frozen=True)
class Ranking:
    """One leaderboard per dataset, sorted by the datasets' names: values of two datasets are never ranked together."""

    boards: tuple[Leaderboard, ...]

    @property
    def winners(self) -> tuple[RankedExperiment, ...]:
        """The winner of each dataset that has one."""
        return tuple(board.places[0] for board in self.boards if board.places)

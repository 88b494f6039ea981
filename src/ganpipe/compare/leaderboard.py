"""The result of a ranking: one leaderboard per dataset."""

from dataclasses import dataclass

from ganpipe.common.types import Direction


@dataclass(frozen=True)
class RankedExperiment:
    """An experiment with a rank.

    runs, values: one per seed, in the order of the seeds. mean, spread: over the seeds; spread is the sample standard
    deviation, None for a single seed. standard_error: of the mean, over draws of samples from the same networks; None
    if unknown. best_run: the seed with the best value.
    """

    rank: int
    experiment: str
    runs: tuple[str, ...]
    values: tuple[float, ...]
    mean: float
    spread: float | None
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
class Leaderboard:
    """The ranking of one dataset's experiments.

    Values, floor and ceiling are the metric itself, or |ln ratio| if `direction` is `real`. direction and protocol are
    None if no run has a value; lead is None for fewer than two places.
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

    @property
    def winner(self) -> RankedExperiment | None:
        """The first place; None if no experiment is ranked."""
        return self.places[0] if self.places else None


@dataclass(frozen=True)
class Ranking:
    """One leaderboard per dataset, sorted by the datasets' names: values of two datasets are never ranked together."""

    boards: tuple[Leaderboard, ...]

    @property
    def winners(self) -> tuple[RankedExperiment, ...]:
        """The winner of each dataset that has one."""
        return tuple(board.places[0] for board in self.boards if board.places)

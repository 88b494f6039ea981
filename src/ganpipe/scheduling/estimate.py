"""How long the rest of a grid takes, from the measured seconds of equal stages."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ganpipe.common.atomic import write_text


class Durations:
    """Seconds of stages by kind and settings, of earlier runs and of this one, in a file."""

    def __init__(self, path: Path) -> None:
        """Read the file; a missing or damaged one counts as empty."""
        self._path = path
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            self._seconds = {str(key): float(seconds) for key, seconds in content.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            self._seconds = {}
        self._saved = dict(self._seconds)

    def get(self, key: str) -> float | None:
        """Return the seconds of the last measured stage with this key, or None."""
        return self._seconds.get(key)

    def add(self, key: str, seconds: float) -> None:
        """Keep a measurement."""
        self._seconds[key] = round(seconds, 1)

    def save(self) -> None:
        """Write the file if anything was measured."""
        if self._seconds != self._saved:
            write_text(self._path, json.dumps(self._seconds, indent=0))


@dataclass(frozen=True)
class TimeLeft:
    """Seconds until the last stage ends.

    at_least: if only the stages run that must. at_most: if all run; None if some were never measured. unmeasured: the
    number of these.
    """

    at_least: float
    at_most: float | None
    unmeasured: int

    def __str__(self) -> str:
        low = _duration(self.at_least)
        if self.at_most is None:
            if not self.at_least:
                return "time left unknown"
            stages = "1 stage" if self.unmeasured == 1 else f"{self.unmeasured} stages"
            return f"at least {low} left ({stages} not measured yet)"
        high = _duration(self.at_most)
        return f"about {high} left" if low == high else f"{low} to {high} left"


def seconds_left(last_lines: Sequence[str], quiet: float, elapsed: float, measured: float | None) -> float | None:
    """Return the seconds that a running stage still needs, or None if that is not known.

    last_lines: of its log, where a training prints the time left. quiet: seconds since that line. elapsed: seconds
    since the start. measured: seconds that an equal stage took; None if none was measured.
    """
    if printed := re.search(r"\b(\d+) s left$", "".join(last_lines)):
        return max(0.0, float(printed[1]) - quiet)
    return None if measured is None else max(0.0, measured - elapsed)


def time_left(
    upstream: Mapping[str, Sequence[str]], seconds: Mapping[str, float | None], certain: Iterable[str], jobs: int
) -> TimeLeft:
    """Return the time until the last stage ends if `jobs` run at once and stages take as long as measured.

    upstream: dependencies of each stage, in topological order. seconds: what is left of each unfinished stage, None if
    no equal one was measured. certain: the unfinished stages that will run; of the others some may be up to date.

    Both limits are lower bounds of the makespan: the larger of total work divided by jobs, and critical path.
    """
    unmeasured = sum(value is None for value in seconds.values())
    certain = {stage for stage in certain if seconds.get(stage) is not None}
    at_least = _makespan(upstream, {stage: seconds[stage] or 0.0 for stage in certain}, jobs)
    if unmeasured:
        return TimeLeft(at_least, None, unmeasured)
    return TimeLeft(at_least, _makespan(upstream, {stage: left or 0.0 for stage, left in seconds.items()}, jobs), 0)


def _makespan(upstream: Mapping[str, Sequence[str]], seconds: Mapping[str, float], jobs: int) -> float:
    ends = dict[str, float]()
    for stage, dependencies in upstream.items():
        ends[stage] = max((ends[name] for name in dependencies), default=0.0) + seconds.get(stage, 0.0)
    return max(sum(seconds.values()) / jobs, max(ends.values(), default=0.0))


def _duration(seconds: float) -> str:
    """Return seconds below a minute and a half, else minutes, else hours with minutes."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02} min"

"""All that the report shows about one dataset, gathered before any page is laid out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganpipe.compare import provenance
from ganpipe.compare.history import History
from ganpipe.compare.provenance import Provenance
from ganpipe.compare.ranking import Leaderboard
from ganpipe.compare.runs import Run
from ganpipe.report import image_panels, style, tables, text
from ganpipe.report.curves import curves
from ganpipe.report.figures import Figure, axis_label, ranking_chart
from ganpipe.report.metric_tables import metric_tables
from ganpipe.report.per_class import Study, study
from ganpipe.report.tables import Table


@dataclass(frozen=True)
class Failure:
    """A run that ended badly, with the last pictures it made."""

    run: str
    status: str
    reason: str
    picture: Figure | None


@dataclass(frozen=True)
class MissingMetric:
    """A metric that was not computed, and why; `experiments` is empty when that is so for all sound ones."""

    metric: str
    reason: str
    experiments: Sequence[str]


@dataclass(frozen=True)
class DatasetSection:
    """Board, pictures and tables of one dataset.

    titles: experiment -> its title in the catalogue. colours: experiment -> index of its colour in the charts,
    empty when there are too many for colours. real, winner: sample grids, None where there are no images.
    """

    board: Leaderboard
    headline: str
    verdict: Sequence[str]
    metric: str
    titles: Mapping[str, str]
    colours: Mapping[str, int]
    runs: Sequence[Run]
    failures: Sequence[Failure]
    real: Figure | None
    winner: Figure | None
    samples: Sequence[Figure]
    strip: Sequence[Figure]
    animation: Figure | None
    nearest: Figure | None
    studies: Sequence[Study]
    ranking: Figure | None
    curves: Sequence[Figure]
    tables: Sequence[Table]
    absent: Sequence[MissingMetric]
    settings: Table | None
    chains: Sequence[Provenance]
    protocols: Mapping[str, Mapping[str, Any]]

    @property
    def statuses(self) -> Mapping[str, str]:
        """Run -> how its training ended."""
        return {run.name: run.score.status for run in self.runs}


def chapter(
    board: Leaderboard, runs: Sequence[Run], histories: Mapping[str, History], prepared: Path, figures: Path
) -> DatasetSection:
    """Draw the figures of one dataset into the folder `figures` and gather the rest.

    runs: those of the board's dataset. prepared: the folder that holds the prepared datasets.
    """
    order = [place.experiment for place in board.places] + [entry.experiment for entry in board.unranked]
    experiments = {name: [run for run in runs if run.experiment == name] for name in order}
    ordered = [run for name in order for run in experiments[name]]
    winner = next((run for run in runs if board.winner and run.name == board.winner.best_run), None)
    sheets = {run.name: image_panels.sample_sheet(run, figures) for run in ordered}
    found = [
        *metric_tables(experiments),
        tables.loss_table(experiments, histories),
        tables.cost_table(experiments),
    ]
    return DatasetSection(
        board=board,
        headline=text.headline(board),
        verdict=text.verdict(board),
        metric=axis_label(board),
        titles={name: str(experiments[name][0].plan.get("title", "")) for name in order},
        colours=style.by_place(order),
        runs=ordered,
        failures=[_failure(run, figures) for run in ordered if run.score.status != "ok"],
        real=image_panels.real_sheet(prepared, board.dataset, figures),
        winner=sheets[winner.name] if winner else None,
        samples=[sheet for sheet in sheets.values() if sheet],
        strip=image_panels.progress_strip(winner, figures) if winner else [],
        animation=image_panels.progress_animation(winner, figures) if winner else None,
        nearest=image_panels.nearest_sheet(winner, prepared, figures) if winner else None,
        studies=[made for run in ordered if (made := study(run, figures))],
        ranking=ranking_chart(board, figures) if board.places else None,
        curves=curves(board, ordered, histories, order, figures),
        tables=[table for table in found if table is not None],
        absent=_gaps(experiments),
        settings=tables.settings_table(experiments),
        chains=[provenance.chain(run) for run in ordered],
        protocols=provenance.protocols(ordered),
    )


def _failure(run: Run, figures: Path) -> Failure:
    return Failure(run.name, run.score.status, run.score.reason, image_panels.last_progress(run, figures))


def _gaps(experiments: Mapping[str, Sequence[Run]]) -> list[MissingMetric]:
    sound = {name: runs for name, runs in experiments.items() if tables.kind(runs) == "run"}
    holders: dict[tuple[str, str], list[str]] = {}
    for name, runs in sound.items():
        for gap in dict.fromkeys(item for run in runs for item in sorted(run.score.absent.items())):
            holders.setdefault(gap, []).append(name)
    return [
        MissingMetric(metric, reason, names if len(names) < len(sound) else [])
        for (metric, reason), names in holders.items()
    ]

"""Everything the report shows about one dataset, collected before a page is rendered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganpipe.common.formatting import number, ranks
from ganpipe.compare import provenance
from ganpipe.compare.effects import GridEffects
from ganpipe.compare.history import History
from ganpipe.compare.leaderboard import Leaderboard
from ganpipe.compare.provenance import Provenance
from ganpipe.compare.runs import Run
from ganpipe.report import image_panels, style, tables, text
from ganpipe.report.curves import curves
from ganpipe.report.effects import EffectsPanel, effects_panel
from ganpipe.report.figures import Figure, axis_label, ranking_chart
from ganpipe.report.glossary import DEFINITIONS
from ganpipe.report.metric_tables import metric_tables
from ganpipe.report.per_class import PerClassSection, per_class_section
from ganpipe.report.quality import quality_chart
from ganpipe.report.ranking_table import RankingRow, comparison_label, ranking_rows
from ganpipe.report.tables import Table


@dataclass(frozen=True)
class FailedRun:
    """A run that diverged, collapsed or saturated, with the last images that it generated."""

    run: str
    status: str
    reason: str
    images: Figure | None


@dataclass(frozen=True)
class MissingMetric:
    """A metric that was not computed, and why; `experiments` is empty if that applies to all successful ones."""

    metric: str
    reason: str
    experiments: Sequence[str]


@dataclass(frozen=True)
class RunSamples:
    """The sample grid of one run; rank and value (formatted) are None for a run without a rank."""

    run: str
    status: str
    rank: str | None
    value: str | None
    grid: Figure


@dataclass(frozen=True)
class DatasetSection:
    """Leaderboard, figures and tables of one dataset.

    metric: axis label of the ranked quantity; definition: what it measures, None if unknown. titles: experiment -> its
    title in params.yaml, if it has one. colours: experiment -> index into style.COLOURS, for the experiments that have
    one. effects: of the varied settings, by catalogue entry. real, winner: image grids, None without images. samples:
    the first seed of every experiment; other_seeds: the rest. ranking_rows: the ranking table; comparison: heading of
    its last column. quality: over the epochs of the trainings, None if it was not measured.
    """

    board: Leaderboard
    headline: str
    verdict: Sequence[str]
    metric: str
    definition: str | None
    titles: Mapping[str, str]
    colours: Mapping[str, int]
    runs: Sequence[Run]
    failed: Sequence[FailedRun]
    real: Figure | None
    winner: Figure | None
    samples: Sequence[RunSamples]
    other_seeds: Sequence[RunSamples]
    progress: Sequence[Figure]
    animation: Figure | None
    nearest: Figure | None
    per_class: Sequence[PerClassSection]
    ranking: Figure | None
    ranking_rows: Sequence[RankingRow]
    comparison: str
    quality: Figure | None
    effects: Sequence[EffectsPanel]
    curves: Sequence[Figure]
    metric_tables: Sequence[Table]
    training_tables: Sequence[Table]
    missing: Sequence[MissingMetric]
    settings: Table | None
    provenance: Sequence[Provenance]
    protocols: Mapping[str, Mapping[str, Any]]


def dataset_section(
    board: Leaderboard,
    effects: Sequence[GridEffects],
    confidence: float,
    runs: Sequence[Run],
    histories: Mapping[str, History],
    prepared: Path,
    figures: Path,
) -> DatasetSection:
    """Draw the figures of one dataset into the folder `figures` and collect the rest.

    effects: of the settings that were varied on it. confidence: as in `select.confidence`. runs: all runs on that
    dataset. prepared: folder of the prepared datasets.
    """
    order = [ranked.experiment for ranked in board.places] + [unranked.experiment for unranked in board.unranked]
    experiments = {name: [run for run in runs if run.experiment == name] for name in order}
    ordered = [run for name in order for run in experiments[name]]
    winner = next((run for run in runs if board.winner and run.name == board.winner.best_run), None)
    samples = {run.name: grid for run in ordered if (grid := _run_samples(run, board, figures))}
    first_seeds = [samples[runs[0].name] for runs in experiments.values() if runs[0].name in samples]
    per_class = [per_class_section(run, figures) for run in ordered]
    losses = tables.loss_table(experiments, histories)
    return DatasetSection(
        board=board,
        headline=text.headline(board),
        verdict=[*text.verdict(board, confidence), *text.remarks(board, runs)],
        metric=axis_label(board),
        definition=DEFINITIONS.get(board.metric),
        titles={name: title for name in order if (title := experiments[name][0].plan.get("title", "")) != name},
        colours=style.colour_indices(order),
        runs=ordered,
        failed=[_failed_run(run, figures) for run in ordered if run.score.status != "ok"],
        real=image_panels.real_images(prepared, board.dataset, figures),
        winner=samples[winner.name].grid if winner and winner.name in samples else None,
        samples=first_seeds,
        other_seeds=[grid for grid in samples.values() if grid not in first_seeds],
        progress=image_panels.progress_grids(winner, figures) if winner else [],
        animation=image_panels.progress_animation(winner, figures) if winner else None,
        nearest=image_panels.nearest_training_images(winner, prepared, figures) if winner else None,
        per_class=[section for section in per_class if section],
        ranking=ranking_chart(board, figures, confidence) if board.places else None,
        ranking_rows=ranking_rows(board),
        comparison=comparison_label(board),
        quality=quality_chart(board, ordered, order, figures),
        effects=[effects_panel(board, found, confidence, figures) for found in effects],
        curves=curves(board, ordered, histories, order, figures),
        metric_tables=metric_tables(experiments),
        training_tables=[*([losses] if losses else []), tables.cost_table(experiments)],
        missing=_missing_metrics(experiments),
        settings=tables.settings_table(experiments),
        provenance=[provenance.provenance_of(run) for run in ordered],
        protocols=provenance.protocols(ordered),
    )


def _run_samples(run: Run, board: Leaderboard, figures: Path) -> RunSamples | None:
    grid = image_panels.sample_grid(run, figures)
    if grid is None:
        return None
    values = {
        name: (ranks(ranked.rank, ranked.last_rank), value)
        for ranked in board.places
        for name, value in zip(ranked.runs, ranked.values, strict=True)
    }
    rank, value = values.get(run.name, (None, None))
    return RunSamples(run.name, run.score.status, rank, None if value is None else number(value), grid)


def _failed_run(run: Run, figures: Path) -> FailedRun:
    return FailedRun(run.name, run.score.status, run.score.reason, image_panels.last_progress(run, figures))


def _missing_metrics(experiments: Mapping[str, Sequence[Run]]) -> list[MissingMetric]:
    successful = {name: runs for name, runs in experiments.items() if not tables.has_failed_run(runs)}
    affected: dict[tuple[str, str], list[str]] = {}
    for name, runs in successful.items():
        for missing in dict.fromkeys(item for run in runs for item in sorted(run.score.absent.items())):
            affected.setdefault(missing, []).append(name)
    return [
        MissingMetric(metric, reason, names if len(names) < len(successful) else [])
        for (metric, reason), names in affected.items()
    ]

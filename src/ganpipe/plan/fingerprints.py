"""Fingerprint roots: the definitions from which the code of each stage is followed.

A name in a setting (a network, a loss, a method) is resolved at run time, so the source does not show which definition
it leads to. Each is therefore a root of its own.
"""

from functools import cache

from ganpipe.common.hashing import digest, file_digest
from ganpipe.config import Training
from ganpipe.plan.introspection import (
    method_names,
    network_classes,
    sampler_name,
    settings_read,
    takes_images,
    training_roots,
)
from ganpipe.plan.metric_names import definitions_of
from ganpipe.plan.weights import describe_weights
from ganpipe.source.fingerprint import fingerprint
from ganpipe.source.index import Index

_FUNCTION_SETTINGS = {"loss": "objectives.losses", "penalty": "objectives.penalties", "augment": "objectives.augment"}
"""Settings that name functions, and the module that defines these."""

_SELECTION = ("metrics.selection.select_generator", "metrics.extractors.judge.load_judge", "data.dataset.load")

GRID_ROOTS = {
    "inputs": ["data.dataset.load", "common.hashing.digest", "common.atomic.atomic_folder"],
    "protocol": ["common.hashing.file_digest", "common.atomic.atomic_folder"],
    "compare": ["report.report.report"],
}
"""Roots of the stages that run once per grid. All three depend on the whole plan, so any change reruns them."""


def run_fingerprints(
    index: Index, training: Training, metrics: tuple[str, ...], selecting: tuple[str, ...]
) -> dict[str, str]:
    """Return the fingerprints of a run's stages `train`, `sample` and `evaluate`, and of its `metrics`.

    selecting: metrics by which its generator is selected; none for `keep: last`.
    `metrics` is part of the protocol of every score: it leaves out the generator, so that runs with different networks
    remain comparable.
    """
    roots = run_roots(index, training, metrics, selecting)
    return {name: _fingerprint(index, tuple(names)) for name, names in roots.items()}


def run_roots(
    index: Index, training: Training, metrics: tuple[str, ...], selecting: tuple[str, ...] = ()
) -> dict[str, list[str]]:
    """Return the roots of each fingerprint of a run."""
    classes = network_classes(index, training.method, training.network).values()
    networks = [f"nets.{module}.{name}" for module, name in classes]
    generator = _generator_roots(index, training)
    return {
        "train": [
            *training_roots(index, training.method),
            "data.dataset.load",
            *_objectives(index, training),
            *networks,
            *(generator if training.weights else ()),
        ],
        "sample": [
            f"sampling.samples.{'write_samples' if generator else 'draw_samples'}",
            *generator,
            *(_SELECTION if selecting else ()),
            *definitions_of(selecting),
        ],
        "evaluate": [
            "metrics.scores.score_run",
            "metrics.scores.write_scores",
            *definitions_of(metrics),
            *generator,
        ],
        "metrics": [
            "metrics.evaluate.evaluate",
            "metrics.extractors.judge.load_judge",
            "data.dataset.load",
            *definitions_of(metrics),
        ],
    }


@cache
def _fingerprint(index: Index, roots: tuple[str, ...]) -> str:
    """Return the fingerprint of `roots`; cached, since runs share most of their code."""
    return fingerprint(index, roots)


def _objectives(index: Index, training: Training) -> list[str]:
    """Return the functions that a run's objective settings name."""
    read = settings_read(index, training.method)
    names = {"loss": (training.loss,), "penalty": (training.penalty,), "augment": training.augment}
    return [
        f"{_FUNCTION_SETTINGS[setting]}.{name}"
        for setting, chosen in names.items()
        if setting in read
        for name in chosen
        if name != "none"
    ]


def _generator_roots(index: Index, training: Training) -> list[str]:
    """Return what a stage needs to load a run's generator: its sampler and its network; nothing if it has none."""
    if takes_images(index, training.method):
        return []
    if training.weights:
        description = describe_weights(training.weights)
        sampler, network = description.sampler, description.network
        method = next(name for name in method_names(index) if sampler_name(index, name) == sampler)
    else:
        sampler, network, method = sampler_name(index, training.method), training.network, training.method
    module, name = network_classes(index, method, network)["generator"]
    return [f"sampling.samplers.{sampler}.build", f"nets.{module}.{name}"]


def dataset_fingerprints(index: Index, metrics: tuple[str, ...], stacked: bool) -> dict[str, str]:
    """Return the fingerprints of a dataset's stages: `fetch`, `prepare`, `judge` and `reference`."""
    return {stage: _fingerprint(index, tuple(roots)) for stage, roots in dataset_roots(metrics, stacked).items()}


def dataset_roots(metrics: tuple[str, ...], stacked: bool) -> dict[str, list[str]]:
    """Return the roots of each fingerprint of a dataset, whose images may be stacked."""
    return {
        "fetch": ["data.fetch.fetch_dataset", "data.download.main"],
        "prepare": ["data.stacked.prepare_stacked" if stacked else "data.prepare.prepare"],
        "judge": [
            f"metrics.extractors.{'stacked_judge.train_stacked_judge' if stacked else 'judge.train_judge'}",
            "metrics.extractors.judge.save_judge",
            "data.dataset.load",
        ],
        "reference": [
            "metrics.reference.build_reference",
            "metrics.extractors.judge.load_judge",
            "data.dataset.load",
            *definitions_of(metrics),
        ],
    }


def grid_fingerprints(index: Index) -> dict[str, str]:
    """Return the fingerprints of the stages that run once per grid, and a digest of the report's page templates."""
    templates = sorted((index.folder / "report" / "templates").iterdir())
    return {
        **{stage: fingerprint(index, roots) for stage, roots in GRID_ROOTS.items()},
        "templates": digest({path.name: file_digest(path) for path in templates}),
    }

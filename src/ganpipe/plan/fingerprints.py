"""Where each piece of work begins in the code: the roots of its fingerprint.

What a stage finds by the name in a setting (a network, a loss, a method) cannot be followed in the source, so it is a
root of its own.
"""

from functools import cache

from ganpipe.common.hashing import digest, file_digest
from ganpipe.config import Training
from ganpipe.plan.introspection import methods, parts, sampler, settings_read
from ganpipe.plan.metric_names import definitions_of
from ganpipe.plan.weights import describe_weights
from ganpipe.source.fingerprint import fingerprint
from ganpipe.source.index import Index

_NAMED = {"loss": "objectives.losses", "penalty": "objectives.penalties", "augment": "objectives.augment"}
"""Settings that name functions, and the module that holds these."""


def run_code(index: Index, training: Training, metrics: tuple[str, ...]) -> dict[str, str]:
    """Fingerprints of what one run's `train`, `sample` and `evaluate` stages execute."""
    networks = [f"nets.{module}.{name}" for module, name in parts(index, training.method, training.network).values()]
    rebuilt = _rebuilt(index, training)
    roots = {
        "train": ["training.loop.train", f"methods.{training.method}.build", *_objectives(index, training), *networks],
        "sample": ["sampling.generator.load_generator", "sampling.generator.draw", *rebuilt],
        "evaluate": ["metrics.evaluate.evaluate", *definitions_of(metrics)],
    }
    if training.weights:
        roots["train"] += rebuilt
    return {stage: _fingerprint(index, tuple(names)) for stage, names in roots.items()}


@cache
def _fingerprint(index: Index, roots: tuple[str, ...]) -> str:
    """Runs of one family share most of their code."""
    return fingerprint(index, roots)


def _objectives(index: Index, training: Training) -> list[str]:
    read = settings_read(index, training.method)
    chosen = {"loss": (training.loss,), "penalty": (training.penalty,), "augment": training.augment}
    return [f"{_NAMED[key]}.{name}" for key, names in chosen.items() if key in read for name in names if name != "none"]


def _rebuilt(index: Index, training: Training) -> list[str]:
    """What a generator is rebuilt with: its sampler and its network."""
    if training.weights:
        described = describe_weights(training.weights)
        sampling, network = described.sampler, described.network
        method = next(name for name in methods(index) if sampler(index, name) == sampling)
    else:
        sampling, network, method = sampler(index, training.method), training.network, training.method
    module, name = parts(index, method, network)["generator"]
    return [f"sampling.samplers.{sampling}.build", f"nets.{module}.{name}"]


def dataset_code(index: Index, metrics: tuple[str, ...]) -> dict[str, str]:
    """Fingerprints of what the stages of a dataset execute."""
    roots = {
        "fetch": ["data.fetch.fetch_dataset"],
        "prepare": ["data.prepare.prepare"],
        "judge": ["metrics.extractors.judge.train_judge"],
        "reference": ["metrics.reference.build_reference", *definitions_of(metrics)],
    }
    return {stage: fingerprint(index, names) for stage, names in roots.items()}


def report_code(index: Index) -> dict[str, str]:
    """Fingerprint of what the `compare` stage executes, its page templates included."""
    templates = sorted((index.folder / "report" / "templates").iterdir())
    return {
        "compare": fingerprint(index, ["report.report.report"]),
        "templates": digest({path.name: file_digest(path) for path in templates}),
    }

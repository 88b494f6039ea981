"""Where each piece of work begins in the code: the roots of its fingerprint.

What a stage finds by the name in a setting (a network, a loss, a method) cannot be followed in the source, so it is a
root of its own.
"""

from ganpipe.codebase.fingerprint import fingerprint
from ganpipe.codebase.index import Index
from ganpipe.config import Training
from ganpipe.hashing import digest, file_digest
from ganpipe.metrics.names import definitions_of
from ganpipe.planning.resolve import NETWORK_PARTS


def run_code(index: Index, training: Training, metrics: tuple[str, ...]) -> dict[str, str]:
    """Fingerprints of what one run's `train`, `sample` and `evaluate` stages execute."""
    network = [f"nets.{training.network}.{name}" for name in NETWORK_PARTS.values()]
    roots = {
        "train": [
            "training.run.train",
            f"methods.{training.method}.build",
            f"objectives.losses.{training.loss}",
            *network,
        ],
        "sample": ["generator.load_generator", "generator.draw", network[0]],
        "evaluate": ["metrics.suite.evaluate", *definitions_of(metrics)],
    }
    return {stage: fingerprint(index, names) for stage, names in roots.items()}


def dataset_code(index: Index, metrics: tuple[str, ...]) -> dict[str, str]:
    """Fingerprints of what the stages of a dataset execute."""
    roots = {
        "fetch": ["data.fetch.fetch_dataset"],
        "prepare": ["data.prepare.prepare"],
        "judge": ["metrics.judge.train_judge"],
        "reference": ["metrics.reference.build_reference", *definitions_of(metrics)],
    }
    return {stage: fingerprint(index, names) for stage, names in roots.items()}


def report_code(index: Index) -> dict[str, str]:
    """Fingerprint of what the `compare` stage executes, its page templates included."""
    templates = sorted((index.folder / "compare" / "templates").iterdir())
    return {
        "compare": fingerprint(index, ["compare.report.report"]),
        "templates": digest({path.name: file_digest(path) for path in templates}),
    }

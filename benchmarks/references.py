"""The reference that the benchmarks of the metrics compare with."""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from ganpipe.common.process import tune_allocator
from ganpipe.data.dataset import load
from ganpipe.metrics.evaluation import EvaluationContext
from ganpipe.metrics.extractors.judge import load_judge
from ganpipe.metrics.reference import Reference, build_reference, load_reference
from ganpipe.metrics.settings import EvaluateSettings


def add_dataset_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a prepared dataset and its judge."""
    parser.add_argument("--prepared", type=Path, required=True, help="folder of a prepared dataset")
    parser.add_argument("--judge", type=Path, required=True, help="folder of its judge")


def reference_of(
    prepared: Path, judge: Path, metrics: Sequence[str], count: int
) -> tuple[EvaluationContext, Reference]:
    """Build the reference of a dataset for these metrics and `count` samples, on one thread, as a stage does."""
    tune_allocator()
    torch.set_num_threads(1)
    dataset, loaded, settings = load(prepared), load_judge(judge), EvaluateSettings(metrics=tuple(metrics))
    with tempfile.TemporaryDirectory() as folder:
        build_reference(dataset, loaded, settings, count, Path(folder) / "reference")
        reference = load_reference(Path(folder) / "reference")
    return EvaluationContext(dataset, loaded, None, reference.real, settings), reference

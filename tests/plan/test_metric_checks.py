"""Metrics that cannot be computed are rejected by the plan, before anything is trained."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganpipe.common.errors import UserError
from ganpipe.plan.build import Plan
from tests.plan.conftest import Edit, put

METRICS = ["fid", "fd_judge", "kid", "precision", "contrast", "class_coverage", "label_accuracy"]
UNLABELLED = [
    put("datasets/plain", {"source": "folder", "path": "pictures", "size": 28}),
    put("experiments/m", {"document": "x", "title": "trial", "dataset": "plain"}),
    put("grid", {"datasets": ["plain"], "experiments": ["m"], "seeds": [0]}),
]


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ([put("sample/count", 64)], "sample.count = 64: select.metric = fd_judge needs at least 129. Raise it"),
        (
            [put("select/metric", "kid"), put("evaluate/real", 60)],
            "evaluate.real = 60: select.metric = kid needs at least 100. Raise it",
        ),
        (
            [put("select/tie", ["kid"]), put("evaluate/real", 60)],
            "evaluate.real = 60: select.tie = kid needs at least 100. Raise it",
        ),
        ([put("select/fallback", ["kidd"])], "select.fallback = 'kidd': no such metric. Did you mean kid"),
        ([put("select/tie", ["recall"])], "select.tie = 'recall': not computed. Add it to evaluate.metrics"),
        ([put("select/metric", "fid")], "select.metric = 'fid': needs the standard Inception weights"),
        ([put("select/metric", "label_accuracy")], "'label_accuracy': needs generators that are conditioned on class"),
        ([put("evaluate/neighbours", 10_000)], "evaluate.neighbours = 10000: precision need more images"),
        (
            [put("evaluate/curve", {"samples": 100})],
            "evaluate.curve.samples = 100: too few for a curve: fd_judge needs 129. Raise it, or set it to 0",
        ),
        ([put("evaluate/inception", "/nowhere/weights.pth")], "'/nowhere/weights.pth': /nowhere/weights.pth is not a"),
    ],
)
def test_impossible_metric_is_rejected(edits: list[Edit], expected: str, plan_of: Callable[..., Plan]) -> None:
    with pytest.raises(UserError) as error:
        plan_of(put("evaluate/metrics", METRICS), *edits)
    assert expected in str(error.value)


def test_class_metric_is_rejected_for_a_dataset_without_classes(plan_of: Callable[..., Plan]) -> None:
    edits = [*UNLABELLED, put("select/metric", "class_coverage"), put("evaluate/metrics", METRICS)]
    with pytest.raises(UserError, match="'class_coverage': needs class labels, but plain has no classes"):
        plan_of(*edits)


def test_metrics_that_are_not_selected_may_be_impossible(plan_of: Callable[..., Plan]) -> None:
    plan_of(put("evaluate/metrics", METRICS), put("select/metric", "contrast"), put("sample/count", 64))


def test_conditional_experiments_can_be_ranked_by_label_accuracy(plan_of: Callable[..., Plan]) -> None:
    grid: dict[str, Any] = {"datasets": ["mnist"], "experiments": ["cgan28"], "seeds": [0]}
    plan_of(put("evaluate/metrics", METRICS), put("select/metric", "label_accuracy"), put("grid", grid))


def test_expected_inception_weights_are_accepted_and_others_rejected(
    plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(b"weights")
    sha256 = hashlib.sha256(b"weights").hexdigest()
    edits = [put("select/metric", "fid"), put("evaluate/inception", str(path))]

    plan_of(*edits, put("evaluate/inception_sha256", sha256[:8]))
    with pytest.raises(UserError, match=f"SHA-256 of .* is {sha256}, which does not start with 6726825d"):
        plan_of(*edits)

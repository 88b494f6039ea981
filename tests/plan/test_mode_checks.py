"""Stacked datasets and the metrics of modes: what cannot work is rejected by the plan."""

from collections.abc import Callable

import pytest

from ganpipe.common.errors import UserError
from ganpipe.plan.build import Plan
from tests.plan.conftest import Edit, put

STACKED = [
    put("grid", {"datasets": ["stacked-mnist"], "experiments": ["e03-dcgan+dataset=stacked-mnist"], "seeds": [0]}),
    put("evaluate/metrics", ["fd_judge", "modes", "mode_kl"]),
]


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        (
            [put("evaluate/metrics", ["fd_judge", "modes"])],
            "evaluate.metrics = 'modes': needs a dataset with known modes, but mnist is not stacked.",
        ),
        (
            [put("evaluate/metrics", ["fd_judge", "mode_kl"])],
            "evaluate.metrics = 'mode_kl': needs a dataset with known modes",
        ),
        (
            [put("datasets/coloured", {"source": "cifar10", "stacked": True})],
            "datasets.coloured.stacked = True: needs grey images, but CIFAR-10, tiny colour photographs has colours.",
        ),
        (
            [put("datasets/letters", {"source": "emnist-letters", "stacked": True})],
            "datasets.letters.stacked = True: needs 2 to 10 classes, but there are 26. Choose them with",
        ),
        (
            [put("datasets/one", {"source": "mnist", "stacked": True, "labels": [3]})],
            "datasets.one.stacked = True: needs 2 to 10 classes, but there are 1.",
        ),
        (
            [put("datasets/own", {"source": "folder", "path": "x", "size": 28, "stacked": True})],
            ": stacked: only for published datasets; remove it",
        ),
        ([put("datasets/x", {"source": "mnist", "channels": 3, "stacked": True})], "channels: 3, but stacked images"),
        ([put("datasets/x", {"source": "mnisd", "stacked": True})], "datasets.x.source = 'mnisd'"),
        (
            [put("experiments/e", {"document": "x", "title": "x", "method": "per_class", "dataset": "stacked-mnist"})],
            "train.batch_size = 128: trains one model per class, and a batch needs 2 images of each of the 1000",
        ),
        (
            [put("experiments/e", {"document": "x", "title": "x", "method": "per_class", "batch_size": 19})],
            "experiments.e.batch_size = 19: trains one model per class, and a batch needs 2 images of each of the 10",
        ),
    ],
)
def test_impossible_modes_are_rejected(edits: list[Edit], expected: str, plan_of: Callable[..., Plan]) -> None:
    with pytest.raises(UserError) as error:
        plan_of(*edits)
    assert expected in str(error.value)


def test_few_letters_can_be_stacked(plan_of: Callable[..., Plan]) -> None:
    plan_of(put("datasets/letters", {"source": "emnist-letters", "stacked": True, "labels": [0, 1, 2]}))


def test_stacked_dataset_has_its_own_code_and_shares_the_other(plan_of: Callable[..., Plan]) -> None:
    metrics = put("evaluate/metrics", ["fd_judge"])
    (stacked,) = plan_of(*STACKED, metrics).datasets.values()
    (plain,) = plan_of(metrics).datasets.values()
    differing = {stage for stage, code in stacked["code"].items() if code != plain["code"][stage]}
    assert differing == {"prepare", "judge"}
    assert stacked["prepare"] == plain["prepare"] | {"stacked": True}


def test_adding_stacked_datasets_does_not_change_the_plan_of_others(plan_of: Callable[..., Plan]) -> None:
    assert "stacked" not in plan_of().datasets["mnist"]["prepare"]

"""The plan: what a change of params.yaml changes, and every mistake at once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganpipe.common.errors import UserError
from ganpipe.plan.build import Plan, make_plan
from tests.conftest import REPOSITORY
from tests.plan.conftest import Edit, put


def changed(before: Plan, after: Plan, *keys: str) -> set[str]:
    """Runs of which the part under `keys` differs."""

    def part(document: Any) -> Any:
        for key in keys:
            document = document[key]
        return document

    return {run for run in before.runs if part(before.runs[run]) != part(after.runs[run])}


def test_one_run_per_experiment_and_seed(plan_of: Callable[..., Plan]) -> None:
    plan = plan_of(put("grid/seeds", [0, 7]), put("grid/experiments", ["e03-dcgan", "e09-mlp"]))
    assert list(plan.runs) == ["e03-dcgan-0", "e03-dcgan-7", "e09-mlp-0", "e09-mlp-7"]
    assert plan.runs["e09-mlp-7"]["train"]["seed"] == 7


def test_a_shared_setting_reaches_those_that_do_not_set_it(plan_of: Callable[..., Plan]) -> None:
    assert changed(plan_of(), plan_of(put("train/lr", 0.001)), "train") == {
        "mlp-dropout-0",
        "e09-mlp-0",
        "e01-lsgan-0",
        "e03-dcgan-0",
    }


def test_shared_network_options_reach_only_that_network(plan_of: Callable[..., Plan]) -> None:
    assert changed(plan_of(), plan_of(put("train/generator/width", 8)), "train") == {
        "e01-lsgan-0",
        "e02-dcgan-lr1e-3-0",
        "e03-dcgan-0",
    }


def test_sampling_is_no_matter_of_training(plan_of: Callable[..., Plan]) -> None:
    before, after = plan_of(), plan_of(put("sample/count", 500))
    assert not changed(before, after, "train") and not changed(before, after, "code")
    assert changed(before, after, "sample") == set(before.runs)


def test_where_to_compute_is_no_matter_of_training(plan_of: Callable[..., Plan]) -> None:
    assert not changed(plan_of(), plan_of(put("compute/device", "cpu")), "train")
    assert not changed(plan_of(), plan_of(put("compute/executor", "ray"), put("compute/ray", {"cpus": 2})), "train")


@pytest.mark.parametrize(("key", "value"), [("threads", 2), ("lowering", False), ("precision", "bfloat16")])
def test_how_to_compute_is_a_matter_of_training(key: str, value: Any, plan_of: Callable[..., Plan]) -> None:
    before, after = plan_of(), plan_of(put(f"compute/{key}", value))
    assert changed(before, after, "train") == set(before.runs)
    assert {document["train"][key] for document in after.runs.values()} == {value}


def test_several_processes_are_another_training_and_their_executor_is_not(plan_of: Callable[..., Plan]) -> None:
    before, one = plan_of(), plan_of(put("compute/executor", "torchrun"))
    assert not changed(before, one, "train") and not changed(before, one, "code")
    two = plan_of(put("compute/executor", "torchrun"), put("compute/processes", 2))
    assert changed(before, two, "train") == set(before.runs)
    assert {document["train"]["processes"] for document in two.runs.values()} == {2}


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ([put("compute/executor", "local")], "compute.processes = 3: the executor local trains in one; set"),
        ([put("compute/executor", "ray")], "compute.processes = 3: the executor ray trains in one; set"),
        ([put("train/batch_size", 128)], "train.batch_size = 128: cannot be shared equally by compute.processes = 3"),
        ([put("train/batch_size", 3)], "choose a multiple of 3 from 6 on"),
        ([put("compute/processes", 0)], "compute.processes = 0: should be greater than or equal to 1"),
        (
            [put("experiments/e03-dcgan/method", "per_class"), put("experiments/e03-dcgan/batch_size", 120)],
            "experiments.e03-dcgan.method = 'per_class': its networks cannot be trained by compute.processes = 3",
        ),
    ],
)
def test_what_several_processes_cannot_do_is_told(
    edits: list[Edit], expected: str, plan_of: Callable[..., Plan]
) -> None:
    sound = [
        put("grid/experiments", ["e03-dcgan"]),
        put("compute/executor", "torchrun"),
        put("compute/processes", 3),
        put("train/batch_size", 120),
    ]
    plan_of(*sound)
    with pytest.raises(UserError) as caught:
        plan_of(*sound, *edits)
    (line,) = str(caught.value).splitlines()[1:]
    assert expected in line


def test_a_budget_caps_but_never_raises(plan_of: Callable[..., Plan]) -> None:
    plan = plan_of(put("budget/epochs", 20))
    assert plan.runs["e01-lsgan-0"]["train"]["epochs"] == 15
    assert plan.runs["e03-dcgan-0"]["train"]["epochs"] == 20
    assert plan_of(put("budget/epochs", None)).runs["e03-dcgan-0"]["train"]["epochs"] == 100


def test_losses_and_networks_have_fingerprints_of_their_own(plan_of: Callable[..., Plan]) -> None:
    code = {run: document["code"]["train"] for run, document in plan_of().runs.items()}
    assert code["e02-dcgan-lr1e-3-0"] == code["e03-dcgan-0"]
    assert len({code["e03-dcgan-0"], code["e01-lsgan-0"], code["e09-mlp-0"]}) == 3


def test_all_mistakes_at_once(plan_of: Callable[..., Plan]) -> None:
    with pytest.raises(UserError) as caught:
        plan_of(
            put("train/lrr", 0.1),
            put("train/batch_size", "many"),
            put("experiments/e01-lsgan/loss", "least_sqares"),
            put("experiments/e09-mlp/generator/hiden", [3]),
            put("budget/epochs", 0),
            put("evaluate/metrics", ["fd_jugde", "sharpness"]),
        )
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("params.yaml: 6 mistakes")
    text = "\n".join(lines)
    for expected in (
        "train.lrr: unknown key; did you mean lr?",
        "train.batch_size = 'many': should be a valid integer",
        "experiments.e01-lsgan.loss = 'least_sqares': no such loss; did you mean least_squares?",
        "experiments.e09-mlp.generator.hiden: unknown key; did you mean hidden?",
        "budget.epochs = 0: should be greater than or equal to 1",
        "'fd_jugde': no such metric; did you mean fd_judge",
    ):
        assert expected in text, text


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (put("grid/experiments", ["e03-dcgna"]), "no such experiment; did you mean e03-dcgan or"),
        (put("grid/experiments", ["e03-dcgan", "e03-dcgan"]), "stands there 2 times"),
        (put("grid/datasets", ["minst"]), "no such dataset; did you mean mnist or"),
        (put("experiments/e03-dcgan/dataset", "mnits"), "experiments.e03-dcgan.dataset = 'mnits'"),
        (put("datasets/mnist/size", 30), "datasets.mnist.size is 30; change the size or the network"),
        (put("datasets/mnist/source", "mnits"), "no such source; did you mean mnist or kmnist?"),
        (put("experiments/e03-dcgan/network", "dcgn"), "no such network; did you mean dcgan"),
        (put("experiments/e03-dcgan/method", "gna"), "no such method; did you mean gan?"),
        (put("select/metric", "diversiti"), "add it to evaluate.metrics, or did you mean diversity?"),
        (put("budget/images", 100), "is more than budget.images = 100"),
        (put("experiments/e03-dcgan/init", "xavier"), "choose one of: dcgan, default"),
        (put("experiments/e03-dcgan/generator", {"width": -1}), "experiments.e03-dcgan.generator.width = -1"),
        (put("experiments/e03-dcgan", 3), "must be a mapping of settings"),
        (put("experiments/e03-dcgan", {"document": "002"}), "experiments.e03-dcgan.title: is missing"),
        (put("experiments/bad name", {}), "experiments.bad name"),
        (put("grid", {}), "grid.datasets: is missing"),
        (put("sample/cuont", 3), "sample.cuont: unknown key; did you mean count?"),
        (put("grdi", {}), "grdi: unknown key; did you mean grid?"),
    ],
)
def test_each_mistake_is_named(edit: Edit, expected: str, plan_of: Callable[..., Plan]) -> None:
    with pytest.raises(UserError) as caught:
        plan_of(edit)
    assert expected in str(caught.value)


@pytest.mark.parametrize("text", ["- a list", "a: [unclosed", "\x00", ""])
def test_a_file_that_is_no_params_file(text: str, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(UserError, match=r"params\.yaml"):
        make_plan(tmp_path / "params.yaml", REPOSITORY / "data")

"""The plan: what a change of params.yaml affects, and how problems are reported."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import PIL
import pytest
import yaml

from ganpipe.common.errors import UserError
from ganpipe.plan import build
from ganpipe.plan.build import Plan, make_plan
from tests.conftest import REPOSITORY
from tests.plan.conftest import Edit, put

ADAPTIVE_WASSERSTEIN = {
    "document": "",
    "title": "",
    "loss": "wasserstein",
    "clip": 0.1,
    "augment": ["color"],
    "augment_probability": {"target": 0.6},
}


def changed(before: Plan, after: Plan, *keys: str) -> set[str]:
    """The runs whose documents differ at the nested `keys`."""

    def part(document: Any) -> Any:
        for key in keys:
            document = document[key]
        return document

    return {run for run in before.runs if part(before.runs[run]) != part(after.runs[run])}


def test_one_run_per_experiment_and_seed(plan_of: Callable[..., Plan]) -> None:
    plan = plan_of(put("grid/seeds", [0, 7]), put("grid/experiments", ["e03-dcgan", "e09-mlp"]))
    assert list(plan.runs) == ["e03-dcgan-0", "e03-dcgan-7", "e09-mlp-0", "e09-mlp-7"]
    assert plan.runs["e09-mlp-7"]["train"]["seed"] == 7


def test_prepared_data_depends_on_the_version_of_pillow(
    plan_of: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"]
    assert "decoders" in next(iter(stages["prepare"]["params"][0].values()))
    before = plan_of().datasets["mnist"]
    monkeypatch.setattr(build, "_package_versions", lambda names: dict.fromkeys(names, "0"))
    after = plan_of().datasets["mnist"]
    assert before["decoders"] == {"pillow": PIL.__version__} and after["decoders"] == {"pillow": "0"}
    assert before["prepare"] == after["prepare"]


def test_shared_setting_applies_to_experiments_that_do_not_override_it(plan_of: Callable[..., Plan]) -> None:
    assert changed(plan_of(), plan_of(put("train/lr", 0.001)), "train") == {
        "mlp-dropout-0",
        "e09-mlp-0",
        "e01-lsgan-0",
        "e03-dcgan-0",
    }


def test_shared_network_options_apply_only_to_that_network(plan_of: Callable[..., Plan]) -> None:
    assert changed(plan_of(), plan_of(put("train/generator/width", 8)), "train") == {
        "e01-lsgan-0",
        "e02-dcgan-lr1e-3-0",
        "e03-dcgan-0",
    }


def test_sample_settings_do_not_affect_training(plan_of: Callable[..., Plan]) -> None:
    before, after = plan_of(), plan_of(put("sample/count", 500))
    assert not changed(before, after, "train") and not changed(before, after, "code")
    assert changed(before, after, "sample") == set(before.runs)


def test_device_and_executor_do_not_affect_training(plan_of: Callable[..., Plan]) -> None:
    assert not changed(plan_of(), plan_of(put("compute/device", "cpu")), "train")
    assert not changed(plan_of(), plan_of(put("compute/executor", "ray"), put("compute/ray", {"cpus": 2})), "train")


@pytest.mark.parametrize(("key", "value"), [("threads", 2), ("lowering", False), ("precision", "bfloat16")])
def test_settings_that_change_rounding_affect_training(key: str, value: Any, plan_of: Callable[..., Plan]) -> None:
    before, after = plan_of(), plan_of(put(f"compute/{key}", value))
    assert changed(before, after, "train") == set(before.runs)
    assert {document["train"][key] for document in after.runs.values()} == {value}


def test_number_of_processes_affects_training_but_the_executor_does_not(plan_of: Callable[..., Plan]) -> None:
    before, one = plan_of(), plan_of(put("compute/executor", "torchrun"))
    assert not changed(before, one, "train") and not changed(before, one, "code")
    two = plan_of(put("compute/executor", "torchrun"), put("compute/processes", 2))
    assert changed(before, two, "train") == set(before.runs)
    assert {document["train"]["processes"] for document in two.runs.values()} == {2}


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ([put("compute/executor", "local")], "compute.processes = 3: the executor local trains in one process. Set"),
        ([put("compute/executor", "ray")], "compute.processes = 3: the executor ray trains in one process. Set"),
        ([put("compute/device", "mps")], "compute.device = 'mps': trains in one process"),
        ([put("train/batch_size", 128)], "train.batch_size = 128: not divisible among compute.processes = 3"),
        ([put("train/batch_size", 3)], "Choose a multiple of 3 of at least 6."),
        ([put("compute/processes", 0)], "compute.processes = 0: should be greater than or equal to 1."),
        (
            [put("experiments/e03-dcgan/method", "per_class"), put("experiments/e03-dcgan/batch_size", 120)],
            "experiments.e03-dcgan.method = 'per_class': does not support compute.processes = 3",
        ),
    ],
)
def test_unsupported_use_of_several_processes_is_rejected(
    edits: list[Edit], expected: str, plan_of: Callable[..., Plan]
) -> None:
    valid = [
        put("grid/experiments", ["e03-dcgan"]),
        put("compute/executor", "torchrun"),
        put("compute/processes", 3),
        put("train/batch_size", 120),
    ]
    plan_of(*valid)
    with pytest.raises(UserError) as caught:
        plan_of(*valid, *edits)
    (line,) = str(caught.value).splitlines()[1:]
    assert expected in line


def test_budget_lowers_but_never_raises_epochs(plan_of: Callable[..., Plan]) -> None:
    plan = plan_of(put("budget/epochs", 20))
    assert plan.runs["e01-lsgan-0"]["train"]["epochs"] == 15
    assert plan.runs["e03-dcgan-0"]["train"]["epochs"] == 20
    assert plan_of(put("budget/epochs", None)).runs["e03-dcgan-0"]["train"]["epochs"] == 100


def test_fingerprint_depends_on_loss_and_network(plan_of: Callable[..., Plan]) -> None:
    code = {run: document["code"]["train"] for run, document in plan_of().runs.items()}
    assert code["e02-dcgan-lr1e-3-0"] == code["e03-dcgan-0"]
    assert len({code["e03-dcgan-0"], code["e01-lsgan-0"], code["e09-mlp-0"]}) == 3


def test_protocol_code_is_the_same_for_all_runs_and_evaluation_code_is_not(plan_of: Callable[..., Plan]) -> None:
    """Scores with different protocols are never ranked together, but a changed network must be evaluated again."""
    runs = plan_of().runs.values()
    assert len({run["code"]["metrics"] for run in runs}) == 1
    assert len({(run["train"]["network"], run["code"]["evaluate"]) for run in runs}) == 2


def test_curve_is_no_setting_of_the_reference(plan_of: Callable[..., Plan]) -> None:
    plan, without = plan_of(), plan_of(put("evaluate/curve", {"samples": 0}))
    assert plan.datasets == without.datasets
    assert plan.runs != without.runs


def test_all_problems_are_reported_together(plan_of: Callable[..., Plan]) -> None:
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
    assert lines[0].startswith("params.yaml: 6 problems. Nothing was run.")
    text = "\n".join(lines)
    for expected in (
        "train.lrr: unknown key. Did you mean lr?",
        "train.batch_size = 'many': should be a valid integer",
        "experiments.e01-lsgan.loss = 'least_sqares': no such loss. Did you mean least_squares?",
        "experiments.e09-mlp.generator.hiden: unknown key. Did you mean hidden?",
        "budget.epochs = 0: should be greater than or equal to 1",
        "'fd_jugde': no such metric. Did you mean fd_judge",
    ):
        assert expected in text, text


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (put("grid/experiments", ["e03-dcgna"]), "no such experiment. Did you mean e03-dcgan or"),
        (put("grid/experiments", ["e03-dcgan", "e03-dcgan"]), "listed 2 times"),
        (put("grid/datasets", ["minst"]), "no such dataset. Did you mean mnist or"),
        (put("experiments/e03-dcgan/dataset", "mnits"), "experiments.e03-dcgan.dataset = 'mnits'"),
        (put("datasets/mnist/size", 30), "datasets.mnist.size is 30. Change the size or the network."),
        (put("datasets/mnist/source", "mnits"), "no such source. Did you mean mnist or kmnist?"),
        (put("experiments/e03-dcgan/network", "dcgn"), "no such network. Did you mean dcgan"),
        (put("experiments/e03-dcgan/method", "gna"), "no such method. Did you mean gan?"),
        (
            put("select/metric", "diversiti"),
            "Add it to evaluate.metrics or choose a computed one. Did",
        ),
        (
            put("evaluate/curve", {"metrics": ["fd_jugde"]}),
            "evaluate.curve.metrics = 'fd_jugde': no such metric. Did you",
        ),
        (put("budget/images", 100), "takes 128 images, but budget.images = 100"),
        (put("experiments/e03-dcgan/init", "xavier"), "Choose one of: dcgan, default."),
        (put("experiments/e03-dcgan/generator", {"width": -1}), "experiments.e03-dcgan.generator.width = -1"),
        (put("experiments/e03-dcgan", 3), "not a mapping"),
        (put("experiments/e03-dcgan", {"document": "002"}), "experiments.e03-dcgan.title: missing"),
        (put("experiments/bad name", {}), "experiments.bad name"),
        (put("grid", {}), "grid.datasets: missing. Add it."),
        (put("sample/cuont", 3), "sample.cuont: unknown key. Did you mean count?"),
        (put("grdi", {}), "grdi: unknown key. Did you mean grid?"),
        (put("train/lr", 0), "train.lr = 0: should be greater than 0."),
        (put("train/lr", {"strat": 1}), "train.lr.strat: unknown key. Did you mean start?"),
        (put("train/lr", {"end": 0}), "train.lr.start: missing. Add it."),
        (
            put("train/lr", {"start": 1, "shape": "cosin"}),
            "train.lr.shape = 'cosin': no such value. Did you mean cosine?",
        ),
        (put("train/betas", [0, {"start": 0.9, "end": 1}]), "a decay rate is less than 1"),
        (
            put("experiments/e03-dcgan/penalty_every", 4),
            "no effect without a penalty. Set penalty, or remove penalty_every",
        ),
        (put("experiments/e03-dcgan/augment_probability", 0.5), "no effect without augmentations. Set augment"),
        (
            put("experiments/e03-dcgan/augment_probability", {"target": 2}),
            "augment_probability.target = 2: should be less",
        ),
        (
            put("experiments/e03-dcgan", ADAPTIVE_WASSERSTEIN),
            "experiments.e03-dcgan.augment_probability: adapts to the sign of the discriminator's logits",
        ),
    ],
)
def test_problem_is_reported_with_key_and_advice(edit: Edit, expected: str, plan_of: Callable[..., Plan]) -> None:
    with pytest.raises(UserError) as caught:
        plan_of(edit)
    assert expected in str(caught.value)


@pytest.mark.parametrize("text", ["- a list", "a: [unclosed", "\x00", ""])
def test_malformed_params_file_is_rejected(text: str, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(UserError, match=r"params\.yaml"):
        make_plan(tmp_path / "params.yaml", REPOSITORY / "data")

"""Variations of experiments in `grid.experiments`."""

from collections.abc import Callable

import pytest

from ganpipe.common.errors import UserError
from ganpipe.common.variation import base_name, grid_of, overrides_of
from ganpipe.plan.build import Plan
from ganpipe.plan.variations import parse_value
from tests.plan.conftest import put


def grid(*names: str) -> Callable[..., object]:
    return put("grid/experiments", list(names))


@pytest.mark.parametrize(
    ("variation", "setting", "expected"),
    [
        ("e03-dcgan+lr=0.001", "lr", 0.001),
        ("e03-dcgan+lr=1e-3", "lr", 0.001),
        ("e03-dcgan+betas.0=0.9", "betas", [0.9, 0.999]),
        ("e03-dcgan+generator.width=32", "generator", {"width": 32, "norm": "batch"}),
        ("e09-mlp+generator.hidden.1=64", "generator", {"hidden": [256, 64], "activation": "relu", "dropout": 0.0}),
        ("e03-dcgan+ema=null", "ema", None),
        ("e03-dcgan+conditional=true", "conditional", True),
    ],
)
def test_a_variation_changes_one_setting(
    plan_of: Callable[..., Plan], variation: str, setting: str, expected: object
) -> None:
    base = base_name(variation)
    runs = plan_of(grid(base, variation)).runs
    plain, varied = runs[f"{base}-0"], runs[f"{variation}-0"]
    assert varied["train"][setting] == expected != plain["train"][setting]
    assert {key for key in plain["train"] if plain["train"][key] != varied["train"][key]} == {setting}
    assert varied["experiment"] == variation
    assert varied["document"] == plain["document"]
    assert varied["title"].startswith(plain["title"])


def test_a_variation_leaves_the_plan_of_its_base_unchanged(plan_of: Callable[..., Plan]) -> None:
    alone = plan_of(grid("e03-dcgan")).runs["e03-dcgan-0"]
    assert plan_of(grid("e03-dcgan", "e03-dcgan+lr=0.001")).runs["e03-dcgan-0"] == alone


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["e03-dcgn+lr=1"], "grid.experiments = 'e03-dcgn': no such experiment. Did you mean e03-dcgan"),
        (["e03-dcgan+lrr=1"], "'e03-dcgan+lrr=1': lrr is no setting of train. Did you mean lr?"),
        (["e03-dcgan+title=x"], "title is no setting of train"),
        (["e03-dcgan+betas.2=1"], "betas has no element 2. Correct the path."),
        (["e03-dcgan+lr.end=0.x"], "lr has no element end. Correct the path."),
        (["e03-dcgan+generator.widht=3"], "grid.experiments.e03-dcgan+generator.widht=3.generator.widht: unknown key"),
        (["e03-dcgan+lr=abc"], "grid.experiments.e03-dcgan+lr=abc.lr = 'abc': should be a valid number"),
        (["e03-dcgan+lr=-1"], "grid.experiments.e03-dcgan+lr=-1.lr = -1: should be greater than 0"),
        (["e03-dcgan+noise_steps=9"], "noise_steps = 9: not used by the method gan"),
        (["e03-dcgan+lr=0.001", "e03-dcgan+lr=1e-3"], "has the same settings as e03-dcgan+lr=0.001. Remove one."),
        (["e03-dcgan", "e03-dcgan+lr=0.0002"], "'e03-dcgan+lr=0.0002': has the same settings as e03-dcgan."),
        (["e03-dcgan+dataset=fashion-mnist"], "missing from grid.datasets"),
        (["e03-dcgan+batch_size=0"], "batch_size = 0: should be greater than or equal to 2"),
    ],
)
def test_invalid_variations_are_rejected_with_axis_and_value(
    plan_of: Callable[..., Plan], names: list[str], problem: str
) -> None:
    with pytest.raises(UserError) as error:
        plan_of(grid(*names))
    assert problem in str(error.value)


@pytest.mark.parametrize("name", ["e03-dcgan+lr=1;rm", "e03-dcgan+lr=$(x)", "e03-dcgan+lr=../x", "e03-dcgan+LR=1"])
def test_names_that_a_shell_or_file_system_could_misread_are_rejected(plan_of: Callable[..., Plan], name: str) -> None:
    with pytest.raises(UserError, match=r"grid\.experiments\[0\]"):
        plan_of(grid(name))


def test_a_product_has_every_combination() -> None:
    names = grid_of(["a", "b"], {"lr": ["1", "2"], "generator.width": ["8", "16"]})
    assert names[:2] == ["a+lr=1+generator.width=8", "a+lr=1+generator.width=16"]
    assert len(set(names)) == 8
    assert overrides_of(names[-1]) == {"lr": "2", "generator.width": "16"}


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("null", None), ("-3", -3), ("1e-3", 0.001), ("hinge", "hinge"), ("0.5", 0.5)],
)
def test_values_have_the_type_that_they_look_like(text: str, value: object) -> None:
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)

from pathlib import Path
from typing import Any

import pytest
import yaml

from ganpipe.common.errors import UserError
from ganpipe.plan.build import make_plan
from tests.conftest import REPOSITORY


def problems(tmp_path: Path, **search: Any) -> str:
    """Plan the repository's params.yaml with another section `search`, and return the error message, or ""."""
    content = yaml.safe_load((REPOSITORY / "params.yaml").read_text(encoding="utf-8"))
    content["search"] = {"bases": ["e03-dcgan", "vae"], "space": {"lr": [0.1, 0.2]}} | search
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(content))
    try:
        make_plan(path, REPOSITORY / "data")
    except UserError as error:
        return str(error)
    return ""


def test_a_valid_search_has_no_problem(tmp_path: Path) -> None:
    space = {"lr": {"low": 0.001, "high": 0.1, "log": True}, "generator.width": {"low": 8, "high": 32, "step": 8}}
    assert problems(tmp_path, space=space) == ""


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ({"bases": ["e03-dcgna"]}, "search.bases = 'e03-dcgna': no such experiment. Did you mean"),
        ({"space": {"lrr": [1, 2]}}, "search.space.lrr: no setting that can be searched. Did you mean lr"),
        ({"space": {"epochs": [1, 2]}}, "search.space.epochs: no setting that can be searched"),
        ({"space": {"lr.width": [1, 2]}}, "search.space.lr.width: no setting that can be searched"),
        ({"space": {"lr": {"low": -1, "high": 1}}}, "search.space.lr = -1: not valid for e03-dcgan"),
        ({"space": {"batch_size": [64, "many"]}}, "search.space.batch_size = 'many': not valid for e03-dcgan"),
        ({"space": {"critic_steps": [1, 2]}}, "search.space.critic_steps = 1: not valid for vae: not used by"),
        ({"space": {"generator.wdith": [8, 16]}}, "search.space.generator.wdith = 8: not valid for e03-dcgan"),
        ({"space": {"lr": {"low": 2, "high": 1}}}, "low is not below high"),
        ({"space": {"lr": {"low": 0, "high": 1, "log": True}}}, "log needs a positive low"),
        ({"space": {"lr": {"low": 0.1, "high": 1}}, "sampler": "grid"}, "the sampler grid needs a list of values"),
        ({"rungs": [3, 2]}, "search.rungs"),
        ({"seeds": 9}, "search.seeds = 9"),
    ],
)
def test_problems_name_setting_and_value(tmp_path: Path, search: dict[str, Any], message: str) -> None:
    assert message in problems(tmp_path, **search)

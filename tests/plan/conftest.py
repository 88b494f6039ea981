"""Plans of the project's params.yaml with some edits."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ganpipe.plan.build import Plan, make_plan
from tests.conftest import REPOSITORY

GRID = {
    "datasets": ["mnist"],
    "experiments": ["mlp-dropout", "e09-mlp", "e01-lsgan", "e02-dcgan-lr1e-3", "e03-dcgan"],
    "seeds": [0],
}
"""A fixed grid, so that the tests do not depend on the default one."""

Params = dict[str, Any]
Edit = Callable[[Params], object]


@pytest.fixture
def plan_of(tmp_path: Path) -> Callable[..., Plan]:
    """A function that plans the project's params.yaml with the grid GRID and some edits."""

    def make(*edits: Edit) -> Plan:
        params = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
        params["grid"] = copy.deepcopy(GRID)
        for edit in edits:
            edit(params)
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump(params))
        return make_plan(path, REPOSITORY / "data")

    return make


def put(path: str, value: Any) -> Edit:
    """Return an edit that sets the key at a slash-separated path."""

    def edit(params: Params) -> None:
        *parents, last = path.split("/")
        for parent in parents:
            params = params[parent]
        params[last] = value

    return edit

"""Plans of the project's params.yaml with some edits."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ganpipe.plan.build import Plan, make_plan
from tests.conftest import REPOSITORY

Params = dict[str, Any]
Edit = Callable[[Params], object]


@pytest.fixture
def plan_of(tmp_path: Path) -> Callable[..., Plan]:
    """A function that plans the project's params.yaml with some edits."""

    def make(*edits: Edit) -> Plan:
        params = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
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

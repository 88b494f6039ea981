"""Plan files that were truncated or edited by hand: each error is reported with its location."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from ganpipe.common.errors import UserError
from ganpipe.plan.build import Plan, make_plan
from ganpipe.plan.files import DatasetPlan, ReportPlan, RunInputs, RunPlan, read_plan_file
from tests.conftest import REPOSITORY

RUN = "e03-dcgan-0"


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(REPOSITORY / "params.yaml", REPOSITORY / "data")


@pytest.fixture
def folder(plan: Plan, tmp_path: Path) -> Path:
    plan.write(tmp_path)
    inputs = {"data": {"dataset": "mnist", "fingerprint": "f"}, "key": "0123456789abcdef"}
    (tmp_path / "inputs.yaml").write_text(yaml.safe_dump(inputs))
    return tmp_path


FORMS = {
    f"runs/{RUN}.yaml": RunPlan,
    "datasets/mnist.yaml": DatasetPlan,
    "report.yaml": ReportPlan,
    "inputs.yaml": RunInputs,
}


@pytest.mark.parametrize("name", FORMS)
def test_plan_files_can_be_read_back(name: str, folder: Path) -> None:
    assert read_plan_file(folder / name, "there", FORMS[name]) == yaml.safe_load((folder / name).read_text())


@pytest.mark.parametrize("name", FORMS)
def test_a_truncated_file_is_reported(name: str, folder: Path) -> None:
    whole = (folder / name).read_bytes()
    for length in {0, 1, *range(0, len(whole) - 40, 37)}:
        (folder / name).write_bytes(whole[:length])
        with pytest.raises(UserError, match=r"(?s)(damaged|invalid).*Remove the file"):
            read_plan_file(folder / name, "there", FORMS[name])


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        (f"runs/{RUN}.yaml", "train/lr", "fast"),
        (f"runs/{RUN}.yaml", "train/lr", -1),
        (f"runs/{RUN}.yaml", "train/dataset", "../../elsewhere"),
        (f"runs/{RUN}.yaml", "train/new", 1),
        (f"runs/{RUN}.yaml", "train", []),
        (f"runs/{RUN}.yaml", "sample/count", 0),
        (f"runs/{RUN}.yaml", "run", "../up"),
        (f"runs/{RUN}.yaml", "code", None),
        ("datasets/mnist.yaml", "judge/epochs", None),
        ("datasets/mnist.yaml", "prepare/size", 10**9),
        ("report.yaml", "select/direction", "sideways"),
        ("inputs.yaml", "key", "../../.."),
        ("inputs.yaml", "key", "0123456789ABCDEF"),
        ("inputs.yaml", "data", None),
    ],
)
def test_an_invalid_edit_is_reported_with_its_location(name: str, place: str, value: Any, folder: Path) -> None:
    content = yaml.safe_load((folder / name).read_text())
    *parents, last = place.split("/")
    branch = content
    for parent in parents:
        branch = branch[parent]
    branch[last] = value
    (folder / name).write_text(yaml.safe_dump(content))
    with pytest.raises(UserError, match=place.replace("/", r"\.")):
        read_plan_file(folder / name, "there", FORMS[name])


def test_a_key_that_is_a_path_is_rejected(folder: Path) -> None:
    """Sampling removes the checkpoint folder of this name."""
    (folder / "inputs.yaml").write_text(json.dumps({"data": {"dataset": "m", "fingerprint": "f"}, "key": "../../x"}))
    with pytest.raises(UserError, match="key: String should match pattern"):
        read_plan_file(folder / "inputs.yaml", "there", RunInputs)

"""Any content of params.yaml is planned or rejected with a reason; the planner raises no other exception."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganpipe.common.errors import UserError
from ganpipe.config import Training
from ganpipe.plan.build import make_plan
from tests.conftest import REPOSITORY
from tests.fire.conftest import LONG

PARAMS = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
PARAMS["experiments"] = {name: PARAMS["experiments"][name] for name in PARAMS["grid"]["experiments"]}
WORDS = [
    *(
        "dcgan",
        "mlp",
        "gan",
        "vae",
        "diffusion",
        "pretrained",
        "images",
        "os",
        "mnist",
        "folder",
        "fd_judge",
        "bce",
        "hinge",
        "r1",
    ),
    *("", "none", "null", "../../etc/passwd", "__import__('os')", "a.b", "x" * 300, "\x00", "größer", "!!python/none"),
]
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.integers(-2, 300), st.floats(), st.text(max_size=8),
    st.sampled_from(WORDS), st.dates(), st.binary(max_size=4),
)  # fmt: skip
KEYS = st.one_of(st.sampled_from([*Training.model_fields, "width", "depth", "judge", *WORDS]), SCALARS)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)


@st.composite
def edited_params(draw: st.DrawFn) -> dict[str, Any]:
    """Return the project's settings with one to four values changed, added or removed at any depth."""
    params = copy.deepcopy(PARAMS)
    for _ in range(draw(st.integers(1, 4))):
        branch: Any = params
        while True:
            key = draw(st.sampled_from(sorted(branch, key=str)) if isinstance(branch, dict) and branch else KEYS)
            if isinstance(branch, dict) and isinstance(branch.get(key), dict) and draw(st.integers(0, 3)):
                branch = branch[key]
                continue
            break
        if not isinstance(branch, dict):
            continue
        match draw(st.sampled_from(["change", "change", "add", "remove"])):
            case "change":
                branch[key] = draw(VALUES)
            case "add":
                branch[draw(KEYS)] = draw(VALUES)
            case "remove":
                branch.pop(key, None)
    return params


def is_planned(path: Path) -> bool:
    """Return whether the settings in the file are planned; otherwise check that they are rejected with a reason."""
    try:
        plan = make_plan(path, REPOSITORY / "data")
    except UserError as error:
        assert str(error).strip()
        return False
    for document in plan.runs.values():
        Training.model_validate(document["train"])  # as the stage reads it
    return True


@settings(
    max_examples=10_000 if LONG else 200,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
@given(params=edited_params())
def test_any_settings_are_planned_or_rejected(tmp_path: Path, params: dict[str, Any]) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(yaml.dump(params), encoding="utf-8")
    is_planned(path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["params.yaml"]


@pytest.mark.parametrize("name", [None, 3, 1.5, True])
def test_the_name_of_an_experiment_must_be_text(name: object, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(yaml.dump(PARAMS | {"experiments": PARAMS["experiments"] | {name: {}}}), encoding="utf-8")
    with pytest.raises(UserError, match=r"experiments.*should be a valid string"):
        make_plan(path, REPOSITORY / "data")


def test_the_settings_of_the_project_are_planned() -> None:
    assert is_planned(REPOSITORY / "params.yaml")


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\x00", b"a: [", b"a: !!python/object/apply:os.system [touch pwned]", b"[" * 5000, b"&a [*a]",
     b"- 1", b"1", b"{1: 2}", b"a: &a {b: *a}", b"\x00", b"? [a]\n: b", b"grid: 2001-99-99"],
)  # fmt: skip
def test_arbitrary_bytes_are_rejected(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_bytes(content)
    assert not is_planned(tmp_path / "params.yaml")
    assert not (tmp_path / "pwned").exists()

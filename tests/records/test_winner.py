from pathlib import Path
from typing import Any

import pytest
import yaml

from ganpipe.records.outputs import _winner

KEY = "0123456789abcdef"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout with the plan and the inputs of one run."""
    monkeypatch.chdir(tmp_path)
    Path("out/inputs").mkdir(parents=True)
    Path("out/plan/runs").mkdir(parents=True)
    Path("out/plan/runs/a-0.yaml").touch()
    inputs = {"data": {"dataset": "mnist", "fingerprint": "f"}, "key": KEY}
    Path("out/inputs/a-0.yaml").write_text(yaml.safe_dump(inputs))


def board(kind: str, direction: str = "lower") -> dict[str, Any]:
    place = {"experiment": "a", "runs": ["a-0"], "values": [3.0], "best_run": "a-0"}
    return {
        "metric": "fd_judge", "direction": direction, "protocol": "p", "places": [place], "verdict": {"kind": kind},
    }  # fmt: skip


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize(
    ("kind", "wins"), [("established", True), ("unopposed", True), ("tie", False), ("one seed", False), ("none", False)]
)
def test_only_a_decisive_verdict_has_a_winner(kind: str, wins: bool) -> None:
    winner = _winner({"boards": [board(kind)]})
    assert (winner is not None and winner.key == KEY) == wins


@pytest.mark.usefixtures("workspace")
def test_the_next_dataset_may_have_a_winner_where_the_first_has_none() -> None:
    winner = _winner({"boards": [board("tie"), board("established")]})
    assert winner is not None and winner.run == "a-0"


@pytest.mark.usefixtures("workspace")
def test_a_distance_from_the_real_value_has_another_protocol_than_the_value() -> None:
    raw, distance = (_winner({"boards": [board("established", direction)]}) for direction in ("lower", "real"))
    assert raw is not None and distance is not None
    assert raw.direction == distance.direction == "lower"
    assert raw.protocol != distance.protocol

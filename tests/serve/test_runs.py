from pathlib import Path

import pytest

from ganpipe.common.errors import UserError
from ganpipe.serve.runs import select_run, trained_runs
from tests.serve.conftest import CONDITIONAL, DIVERGED, UNCONDITIONAL, UNTRAINED


def test_winner_is_first_and_the_default(workspace: Path) -> None:
    assert trained_runs() == [CONDITIONAL, UNCONDITIONAL]
    assert select_run(None) == CONDITIONAL
    assert select_run(UNCONDITIONAL) == UNCONDITIONAL


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ("plain", f"Did you mean {UNCONDITIONAL}"),
        (
            UNTRAINED,
            f"not trained yet. Run `dvc repro train@{UNTRAINED}`, or choose one of: {CONDITIONAL}, {UNCONDITIONAL}",
        ),
        (DIVERGED, f"diverged: loss_d is nan.*Choose one of: {CONDITIONAL}, {UNCONDITIONAL}"),
    ],
)
def test_run_without_a_generator_is_reported_with_alternatives(workspace: Path, run: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        select_run(run)


@pytest.mark.parametrize("removed", ["report/ranking.json", f"plan/runs/{CONDITIONAL}.yaml"])
def test_without_a_winner_a_run_must_be_named(workspace: Path, removed: str) -> None:
    (workspace / "out" / removed).unlink()
    with pytest.raises(UserError, match=f"no winner yet.*name a trained run: .*{UNCONDITIONAL}"):
        select_run(None)


def test_empty_plan_is_reported_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="Run `dvc repro` first"):
        select_run(None)

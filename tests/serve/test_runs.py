from pathlib import Path

import pytest

from ganpipe.common.errors import UserError
from ganpipe.serve.runs import chosen_run, trained_runs
from tests.serve.conftest import DIVERGED, NEW, TOLD, UNTOLD


def test_the_winner_comes_first_and_by_default(workplace: Path) -> None:
    assert trained_runs() == [TOLD, UNTOLD]
    assert chosen_run(None) == TOLD
    assert chosen_run(UNTOLD) == UNTOLD


@pytest.mark.parametrize(
    ("run", "told"),
    [
        ("plain", f"did you mean {UNTOLD}"),
        (NEW, f"not trained yet: run `dvc repro train@{NEW}`, or take one of: {TOLD}, {UNTOLD}"),
        (DIVERGED, f"diverged loss_d is nan.*take one of: {TOLD}, {UNTOLD}"),
    ],
)
def test_a_run_without_a_generator_is_told_with_the_cure(workplace: Path, run: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        chosen_run(run)


@pytest.mark.parametrize("gone", ["report/ranking.json", f"plan/runs/{TOLD}.yaml"])
def test_without_a_current_winner_a_name_is_asked_for(workplace: Path, gone: str) -> None:
    (workplace / "out" / gone).unlink()
    with pytest.raises(UserError, match=f"no winner yet.*name a run that is trained: .*{UNTOLD}"):
        chosen_run(None)


def test_before_the_first_run_the_way_to_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="run `dvc repro` first"):
        chosen_run(None)

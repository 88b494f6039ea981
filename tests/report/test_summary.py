import pytest

from ganpipe.common.errors import UserError
from ganpipe.config import SelectSettings
from ganpipe.records.store import Part, write_part
from ganpipe.report.report import report
from ganpipe.report.summary import summary
from tests.output_tree import Tree


def test_summary_shows_the_ranking_the_winner_and_training_times(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tree.out.parent))
    tree.run("fast", 20.0)
    tree.run("slow", 10.0)
    tree.run("failed", None, status="diverged", reason="loss_d is not finite")
    part = Part(name="train", kind="run", started_ms=0, costs={"seconds": 61.7})
    write_part(tree.out.parent, "key-slow-0", part, {})
    report(tree.out, SelectSettings(metric="fd_judge"))
    lines = summary(tree.out).splitlines()
    assert lines[2].split() == ["1", "slow", "10.0", "–", "1", "62"]
    assert lines[3].split() == ["2", "fast", "20.0", "–", "1", "–"]
    assert "failed is not ranked: diverged: loss_d is not finite" in lines
    assert any(line.startswith("slow leads on mnist, not established from one seed.") for line in lines)
    assert lines[-1] == f"Report: {tree.out / 'report' / 'report.html'}"


def test_summary_follows_the_verdict_on_several_seeds(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tree.out.parent))
    for seed in range(3):
        tree.run("a", 20.0 + seed, seed=seed)
        tree.run("b", 20.5 + seed, seed=seed)
    report(tree.out, SelectSettings(metric="fd_judge", confidence=0.9))
    lines = summary(tree.out).splitlines()
    assert "90 % interval" in lines[0]
    assert [line.split()[:2] for line in lines[2:4]] == [["1–2", "a"], ["1–2", "b"]]
    assert any(line.startswith("a or b makes the best images of mnist. With 90 % confidence") for line in lines)


def test_missing_report_is_reported_with_the_command(tree: Tree) -> None:
    tree.run("a", 1.0)
    with pytest.raises(UserError, match="Run `dvc repro`"):
        summary(tree.out)

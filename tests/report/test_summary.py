import pytest

from ganpipe.common.errors import UserError
from ganpipe.config import SelectSettings
from ganpipe.records.store import Part, file_part
from ganpipe.report.report import report
from ganpipe.report.summary import summary
from tests.output_tree import Tree


def test_the_summary_ranks_names_the_winner_and_tells_measured_seconds(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tree.out.parent))
    tree.run("fast", 20.0)
    tree.run("slow", 10.0)
    tree.run("lost", None, status="diverged", reason="loss_d is not finite")
    part = Part(name="train", kind="run", started_ms=0, costs={"seconds": 61.7})
    file_part(tree.out.parent, "key-slow-0", part, {})
    report(tree.out, SelectSettings(metric="fd_judge"))
    lines = summary(tree.out).splitlines()
    assert lines[2].split() == ["1", "slow", "10.0", "1", "62"]
    assert lines[3].split() == ["2", "fast", "20.0", "1", "–"]
    assert "lost is not ranked: diverged: loss_d is not finite" in lines
    assert any(line.startswith("slow makes the best images of mnist.") for line in lines)
    assert lines[-1] == f"Report: {tree.out / 'report' / 'report.html'}"


def test_before_the_first_report_there_is_a_cure(tree: Tree) -> None:
    tree.run("a", 1.0)
    with pytest.raises(UserError, match="run `dvc repro`"):
        summary(tree.out)

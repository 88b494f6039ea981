import subprocess
from pathlib import Path

import pytest

from ganpipe.records.run_environment import Stopwatch, labels, machine


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], cwd=folder, check=True, capture_output=True
    )


def test_labels_tell_the_commit_and_whether_it_was_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setenv("DVC_EXP_NAME", "bold-name")
    assert "git_commit" not in labels({})
    git(tmp_path, "init")
    git(tmp_path, "commit", "--allow-empty", "-m", "first")
    clean = labels(machine(threads=1))
    assert len(clean["git_commit"]) == 40
    assert (clean["git_dirty"], clean["threads"], clean["dvc_experiment"]) == ("false", "1", "bold-name")
    (tmp_path / "new").touch()
    assert labels({})["git_dirty"] == "true"


def test_determinism_depends_on_the_device() -> None:
    assert machine("cpu")["determinism"] != machine("cuda")["determinism"]


def test_costs_are_positive_and_rates_need_images() -> None:
    watch = Stopwatch()
    assert set(watch.costs()) == {"seconds", "peak_memory_mib"}
    costs = watch.costs(100)
    assert costs["images_per_second"] == pytest.approx(100 / costs["seconds"])
    assert 10 < costs["peak_memory_mib"] < 1e6

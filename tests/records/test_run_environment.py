import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from ganpipe.records.run_environment import Stopwatch, code_labels, machine_labels


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], cwd=folder, check=True, capture_output=True
    )


def test_code_labels_name_the_commit_and_whether_it_is_modified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setenv("DVC_EXP_NAME", "bold-name")
    assert "git_commit" not in code_labels()
    git(tmp_path, "init")
    git(tmp_path, "commit", "--allow-empty", "-m", "first")
    clean = code_labels()
    assert len(clean["git_commit"]) == 40
    assert (clean["git_dirty"], clean["dvc_experiment"]) == ("false", "bold-name")
    (tmp_path / "new").touch()
    assert code_labels()["git_dirty"] == "true"


def test_a_commit_that_cannot_be_read_is_reported_with_a_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init")
    git(tmp_path, "commit", "--allow-empty", "-m", "first")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # as in a container with a mounted checkout
    assert "git_commit" not in code_labels()
    (warning,) = capsys.readouterr().err.splitlines()
    assert "the Git commit of this run is not recorded" in warning
    assert f"git config --global --add safe.directory {tmp_path}" in warning


def test_machine_labels_contain_the_number_of_threads() -> None:
    assert machine_labels(threads=1)["threads"] == "1"
    assert "threads" not in machine_labels()


def test_determinism_depends_on_the_device() -> None:
    assert machine_labels("cpu")["determinism"] != machine_labels("cuda")["determinism"]


def test_costs_are_positive_and_rates_need_images() -> None:
    watch = Stopwatch()
    assert set(watch.costs()) == {"seconds", "peak_memory_mib"}
    costs = watch.costs(100)
    assert costs["images_per_second"] == pytest.approx(100 / costs["seconds"])
    assert 10 < costs["peak_memory_mib"] < 1e6


def test_peak_memory_is_in_mebibytes_on_every_system(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = SimpleNamespace(ru_maxrss=3 * 2**20)  # bytes on macOS, KiB elsewhere
    monkeypatch.setattr("resource.getrusage", lambda _: usage)
    for system, expected in (("darwin", 3), ("linux", 3 * 2**10)):
        monkeypatch.setattr("sys.platform", system)
        assert Stopwatch().costs()["peak_memory_mib"] == expected

import subprocess
from pathlib import Path

import pytest

from ganpipe.common.git import ForeignCheckoutError, GitError, git, is_shallow


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    monkeypatch.chdir(folder)
    run("init", "--quiet")
    for message in ("first", "second"):
        run("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--allow-empty", "--message", message)
    return folder


def run(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True, capture_output=True)


def test_the_output_of_a_command_is_returned(repository: Path) -> None:
    assert git("log", "-1", "--format=%s") == "second"
    assert git("log", "-1", "--format=%s", folder=repository) == "second"


def test_a_checkout_of_another_user_is_an_error_with_the_command_that_allows_it(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(GitError, match="belongs to another user") as error:
        git("status")
    assert error.value.fix == f"`git config --global --add safe.directory {repository}`"


def test_the_command_names_the_repository_that_contains_the_folder(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("LANGUAGE", "de")
    (repository / "project" / "deep").mkdir(parents=True)
    with pytest.raises(ForeignCheckoutError) as error:
        git("status", folder=repository / "project" / "deep")
    assert error.value.fix == f"`git config --global --add safe.directory {repository}`"


def test_a_folder_without_a_repository_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(GitError, match="not a git repository") as error:
        git("status", folder=tmp_path)
    assert "git init" in error.value.fix


def test_a_missing_git_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitError, match="not installed"):
        git("status")


def test_a_shallow_clone_is_recognised(repository: Path, tmp_path: Path) -> None:
    shallow = tmp_path / "shallow"
    run("clone", "--quiet", "--depth", "1", repository.as_uri(), str(shallow))
    assert is_shallow(shallow)
    assert not is_shallow(repository)

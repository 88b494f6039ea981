from pathlib import Path

import pytest

from ganpipe.__main__ import main
from ganpipe.common.checkout import private_folder, root
from ganpipe.common.errors import UserError


@pytest.fixture
def subfolder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("DVC_ROOT", raising=False)
    folder = tmp_path / "checkout" / "src" / "deep"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def test_the_checkout_is_found_from_below(subfolder: Path) -> None:
    checkout = subfolder.parents[1]
    (checkout / "params.yaml").touch()
    assert root() == checkout
    assert private_folder() == checkout / ".ganpipe"


def test_a_folder_outside_of_a_checkout_is_a_user_error(subfolder: Path) -> None:
    with pytest.raises(UserError, match=r"not in a checkout.*no params\.yaml"):
        root()


def test_dvc_names_the_checkout_of_a_temporary_workspace(subfolder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (subfolder / "params.yaml").touch()
    monkeypatch.setenv("DVC_ROOT", str(subfolder.parents[1]))
    assert root() == subfolder.parents[1]


@pytest.mark.parametrize("command", [["sync"], ["ui"], ["pull", "pulled"]])
def test_commands_create_no_store_outside_of_a_checkout(
    subfolder: Path, command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert main(command) == 1
    assert "not in a checkout" in capsys.readouterr().err
    assert not list(subfolder.iterdir())


@pytest.mark.parametrize(
    "command",
    [
        ["plan"],
        ["repro"],
        ["race"],
        ["search"],
        ["preset", "study"],
        ["vary", "e03-dcgan", "lr=1"],
        ["compare"],
        ["sample", "-o", "x.png"],
        ["demo"],
        ["doctor"],
        ["weights", "inception"],
    ],
    ids=lambda command: command[0],
)
def test_other_commands_in_a_subfolder_name_the_checkout(
    subfolder: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (subfolder.parents[1] / "params.yaml").touch()
    assert main(command) == 1
    assert capsys.readouterr().err == f"error: params.yaml: no such file. Run this command in {subfolder.parents[1]}.\n"
    assert not list(subfolder.iterdir())


def test_sync_in_a_subfolder_uses_the_store_of_the_checkout(subfolder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (subfolder.parents[1] / "params.yaml").touch()
    assert main(["sync"]) == 0
    assert not list(subfolder.iterdir())
    assert (subfolder.parents[1] / "mlflow.db").exists()

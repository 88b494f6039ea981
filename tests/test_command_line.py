"""The command line: what it says, and how it ends."""

import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ganpipe.__main__ import COMMANDS, main
from ganpipe.tracking.store import EXPERIMENT, STAGE, open_store
from tests.conftest import REPOSITORY


@pytest.fixture(autouse=True)
def in_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert all(name in told for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([name, "--help"])
    _, _, examples = capsys.readouterr().out.partition("examples:\n")
    assert name in examples


def test_plan_lists_the_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan"]) == 0
    assert "e03-dcgan-0" in capsys.readouterr().out


def test_a_mistake_ends_with_1_and_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = subprocess.run([sys.executable, "-m", "ganpipe", "plan"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: params.yaml is not there")
    assert "Traceback" not in done.stderr


def test_an_unknown_preset_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preset", "stdy"]) == 1
    assert "did you mean study?" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["study", "full"])
def test_a_preset_is_a_dvc_experiment(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preset", name, "--show"]) == 0
    assert capsys.readouterr().out.startswith("dvc exp run -S ")


@pytest.mark.parametrize("address", ["http://user:hunter2@mlflow.example", "postgresql://user:hunter2@db.example/x"])
def test_the_page_shows_no_password(
    address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: list[Any] = []
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.setattr("os.execve", lambda _, command, environment: started.append((command, environment)))
    assert main(["ui", "--port", str(free_port())]) == 0
    assert "hunter2" not in capsys.readouterr().out
    for command, environment in started:  # every user of the machine can read commands, not environments
        assert "hunter2" not in " ".join(command)
        assert environment["MLFLOW_BACKEND_STORE_URI"] == address
    assert len(started) == (not address.startswith("http"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_page_opens_on_the_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("DVC_ROOT", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.execve", lambda *_: None)
    assert main(["ui", "--port", str(free_port())]) == 0
    told = re.search(r"/#/experiments/(\d+)/runs\?viewStateShareKey=(\w+)&", capsys.readouterr().out)
    assert told is not None
    experiment = open_store(tmp_path, STAGE).client.get_experiment(told[1])
    assert experiment.name == EXPERIMENT and f"mlflow.sharedViewState.{told[2]}" in experiment.tags


def test_a_taken_port_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["ui", "--port", str(port)]) == 1
    assert f"port {port} is taken" in capsys.readouterr().err


def test_a_reader_that_has_seen_enough_is_no_trouble() -> None:
    command = [sys.executable, "-m", "ganpipe", "preset", "study", "--show"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0

"""The command line: its output and its exit codes."""

import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ganpipe import __version__
from ganpipe.__main__ import COMMANDS, main
from ganpipe.common.process import environment_with_venv_programs
from ganpipe.tracking.experiments import RUNS
from ganpipe.tracking.store import open_store
from ganpipe.tracking.timeouts import STAGE
from tests.conftest import REPOSITORY


@pytest.fixture(autouse=True)
def in_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert all(name in text for name in COMMANDS)


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"ganpipe {__version__}\n"


def test_console_command_is_installed_next_to_the_interpreter() -> None:
    command = ["ganpipe", "preset", "stdy"]
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment_with_venv_programs(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: stdy: no such preset. Did you mean study?\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command_has_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([name, "--help"])
    _, _, examples = capsys.readouterr().out.partition("examples:\n")
    assert f"ganpipe {name}" in examples


def test_plan_prints_the_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan"]) == 0
    assert "e03-dcgan-0" in capsys.readouterr().out


def test_user_error_exits_with_code_1_and_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = subprocess.run([sys.executable, "-m", "ganpipe", "plan"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: params.yaml: no such file.")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["study", "full"])
def test_preset_is_shown_as_a_dvc_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preset", name, "--show"]) == 0
    assert capsys.readouterr().out.startswith("dvc exp run -S ")


@pytest.mark.parametrize("command", [["preset", "study"], ["vary", "e03-dcgan", "lr=1"]], ids=lambda words: words[0])
@pytest.mark.parametrize("problem", ["belongs to another user", "not a git repository"])
def test_experiments_without_git_are_rejected_before_dvc_starts(
    problem: str,
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for name in ("params.yaml", "presets"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    if "user" in problem:
        subprocess.run(["git", "init", "--quiet"], check=True)
        monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert main(command) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert f"{command[0]} " in line or f"{command[0]}:" in line
    assert problem in line and ("safe.directory" in line or "git init" in line)


def test_vary_shows_the_product_of_its_axes(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["vary", "e03-dcgan", "fashion-dcgan28", "lr=0.001,0.002", "ema=null", "--seeds", "0,1", "--with-base"]
    assert main([*words, "--show"]) == 0
    assert shlex.split(capsys.readouterr().out)[4::2] == [
        "++grid.datasets=[mnist,fashion-mnist]",
        '++grid.experiments=[e03-dcgan,fashion-dcgan28,"e03-dcgan+lr=0.001+ema=null","e03-dcgan+lr=0.002+ema=null",'
        '"fashion-dcgan28+lr=0.001+ema=null","fashion-dcgan28+lr=0.002+ema=null"]',
        "++grid.seeds=[0,1]",
    ]


def test_vary_needs_no_shared_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "params.yaml").write_text("experiments: {a: {dataset: mnist}}\n")
    monkeypatch.chdir(tmp_path)
    assert main(["vary", "a", "lr=0.001", "--show"]) == 0
    assert "grid.datasets=[mnist]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["e03-dcgan"], "needs an experiment and an axis"),
        (["lr=0.001"], "needs an experiment and an axis"),
        (["e03-dcgan", "lr="], "lr=: not an axis"),
        (["e03-dcgan", "lr=1;rm"], "not an axis"),
        (["e03-dcgan", "lr=1", "--seeds", "a"], "--seeds a: not a seed"),
    ],
)
def test_vary_rejects_what_is_no_grid(words: list[str], problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["vary", *words, "--show"]) == 1
    assert problem in capsys.readouterr().err


@pytest.mark.parametrize("address", ["http://user:hunter2@mlflow.example", "postgresql://user:hunter2@db.example/x"])
def test_ui_shows_no_password(
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


def test_ui_opens_on_the_list_of_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "params.yaml").touch()
    monkeypatch.chdir(tmp_path)
    for name in ("DVC_ROOT", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.execve", lambda *_: None)
    (tmp_path / "params.yaml").touch()
    assert main(["ui", "--port", str(free_port())]) == 0
    link = re.search(r"/#/experiments/(\d+)/runs\?viewStateShareKey=(\w+)&", capsys.readouterr().out)
    assert link is not None
    experiment = open_store(tmp_path, STAGE).client.get_experiment(link[1])
    assert experiment.name == RUNS.name and f"mlflow.sharedViewState.{link[2]}" in experiment.tags


def test_port_in_use_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["ui", "--port", str(port)]) == 1
    assert f"port {port}: cannot be used" in capsys.readouterr().err


def test_closed_output_pipe_is_not_an_error() -> None:
    command = [sys.executable, "-m", "ganpipe", "preset", "study", "--show"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0

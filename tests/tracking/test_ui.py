import json
import socket
from fnmatch import fnmatch
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ganpipe.__main__ import main
from ganpipe.tracking.ui import allowed_hosts
from tests.test_command_line import free_port
from tests.tracking.conftest import Checkout
from tests.tracking.servers import mlflow_server
from tests.tracking.test_migration import Legacy


@pytest.fixture
def started(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], dict[str, str]]]:
    """Command and environment with which MLflow's server was started."""
    calls: list[Any] = []
    (checkout.root / "params.yaml").touch()
    monkeypatch.chdir(checkout.root)
    for name in ("DVC_ROOT", "MLFLOW_SERVER_ALLOWED_HOSTS", "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.execve", lambda _, command, environment: calls.append((command, environment)))
    return calls


def test_the_page_is_local_and_the_printed_lines_show_an_ssh_tunnel(
    started: list[tuple[list[str], dict[str, str]]], capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    assert main(["ui", "--port", str(port)]) == 0
    ((command, environment),) = started
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert "MLFLOW_SERVER_ALLOWED_HOSTS" not in environment
    assert f"ssh -L {port}:127.0.0.1:{port} {socket.gethostname()}" in capsys.readouterr().out


def test_a_page_for_other_machines_comes_with_a_warning_and_accepts_their_requests(
    started: list[tuple[list[str], dict[str, str]]], capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    assert main(["ui", "--host", "0.0.0.0", "--port", str(port)]) == 0
    ((command, environment),) = started
    assert command[command.index("--host") + 1] == "0.0.0.0"
    assert environment.items() >= allowed_hosts("0.0.0.0", port).items()
    assert "without a password" in capsys.readouterr().err


@pytest.mark.parametrize("name", [socket.gethostname(), "10.1.2.3", "172.31.0.9", "192.168.1.1", "localhost"])
def test_names_of_this_machine_and_private_addresses_are_allowed(name: str) -> None:
    settings = allowed_hosts("0.0.0.0", 5000)
    hosts = settings["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")
    assert any(fnmatch(f"{name}:5000", host) for host in hosts)
    assert not any(fnmatch("attacker.example:5000", host) for host in hosts)
    assert any(
        fnmatch(f"http://{name}:5000", origin) for origin in settings["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"].split(",")
    )


def test_runs_of_the_earlier_layout_are_announced(
    checkout: Checkout, started: list[tuple[list[str], dict[str, str]]], capsys: pytest.CaptureFixture[str]
) -> None:
    checkout.train("e01-0")
    Legacy(checkout).run("key-e01-0", "run", ("train",))
    assert main(["ui", "--port", str(free_port())]) == 0
    assert "1 runs were logged in an earlier layout: `ganpipe sync`" in capsys.readouterr().out


@pytest.fixture
def grid(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys of the runs of the current grid, which are in MLflow with another run; a further run is only planned."""
    for run in ("e01-0", "e02-0", "elsewhere-0"):
        checkout.train(run)
    checkout.sync()
    for folder in ("plan/runs", "inputs"):
        (checkout.root / "out" / folder).mkdir(parents=True)
    for run in ("e01-0", "e02-0", "planned-0"):
        (checkout.root / "out" / "plan" / "runs" / f"{run}.yaml").touch()
    for run in ("e01-0", "e02-0"):
        (checkout.root / "out" / "inputs" / f"{run}.yaml").touch()
    monkeypatch.setattr("ganpipe.plan.layout.run_inputs", lambda run: {"key": f"key-{run}"})
    return ["key-e01-0", "key-e02-0"]


def comparison(output: str) -> tuple[str, list[str]]:
    """Return host and port of the printed address of the comparison, and the runs that it compares."""
    (line,) = (line for line in output.splitlines() if "side by side" in line)
    address = urlsplit(line.partition("side by side: ")[2])
    assert address.fragment.startswith("/compare-runs?")
    return address.netloc, json.loads(parse_qs(urlsplit(address.fragment).query)["runs"][0])


def test_the_runs_of_the_grid_can_be_compared(
    checkout: Checkout,
    grid: list[str],
    started: list[tuple[list[str], dict[str, str]]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    port = free_port()
    assert main(["ui", "--port", str(port)]) == 0
    expected = [checkout.runs()[key].info.run_id for key in grid]
    assert comparison(capsys.readouterr().out) == (f"127.0.0.1:{port}", expected)


def test_on_a_tracking_server_its_own_pages_are_printed(
    checkout: Checkout,
    grid: list[str],
    started: list[tuple[list[str], dict[str, str]]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = [checkout.runs()[key].info.run_id for key in grid]
    with mlflow_server(checkout, monkeypatch) as server:
        assert main(["ui"]) == 0
    output = capsys.readouterr().out
    assert comparison(output) == (f"127.0.0.1:{server.port}", expected)
    assert f"open http://127.0.0.1:{server.port}/#/experiments/" in output
    assert "hunter2" not in output
    assert started == []


@pytest.mark.parametrize("content", [b"not a database" * 99, b"SQLite format 3\0" + bytes(99)])
def test_a_damaged_database_is_a_user_error(
    checkout: Checkout, content: bytes, started: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout.root / "mlflow.db").write_bytes(content)
    assert main(["ui", "--port", str(free_port())]) == 1
    error = capsys.readouterr().err
    assert "mlflow.db: cannot be opened (" in error and "Run `ganpipe doctor`" in error
    assert started == []


def test_the_address_of_a_server_that_does_not_answer_is_printed(
    started: list[tuple[list[str], dict[str, str]]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    assert main(["ui"]) == 0
    assert "/#/experiments\n" in capsys.readouterr().out

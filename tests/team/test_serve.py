"""A team setup with PostgreSQL, S3, MLflow and two clones, the second of which recomputes nothing.

PostgreSQL and MLflow are real; S3 is the server of moto.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.conftest import REPOSITORY
from tests.workspace import Workspace

pytestmark = pytest.mark.chain
for package in ("moto", "psycopg2", "dvc_s3"):
    pytest.importorskip(package, reason="the packages of the team server are not installed (make team)")
if not (shutil.which("initdb") or [*Path("/usr/lib/postgresql").glob("*/bin/initdb")]):
    pytest.skip("PostgreSQL is not installed (apt-get install postgresql)", allow_module_level=True)

SCRIPT = REPOSITORY / "scripts" / "team" / "serve.py"
PASSWORD = "known-only-to-mlflow"
SECRETS = {
    "PGPASSWORD": "known-only-to-postgresql",
    "AWS_ACCESS_KEY_ID": "known-only-to-s3-id",
    "AWS_SECRET_ACCESS_KEY": "known-only-to-s3-key",
}
KEYS = {name: text for name, text in SECRETS.items() if name.startswith("AWS")}
PORTS = ("--mlflow-port", "--postgres-port", "--s3-port")


class Server:
    """The server and its address, which contains a password as behind a proxy."""

    def __init__(self, folder: Path, ports: dict[str, int], output: str) -> None:
        self.folder, self.output = folder, output
        self.mlflow = f"http://127.0.0.1:{ports['--mlflow-port']}"
        self.environment = {**KEYS, "MLFLOW_TRACKING_URI": self.mlflow.replace("//", f"//team:{PASSWORD}@")}

    def runs(self) -> list[Any]:
        """Return all runs of both experiments, sorted by their random ids."""
        query = json.dumps({"experiment_ids": ["1", "2"], "max_results": 1000}).encode()
        path = f"{self.mlflow}/api/2.0/mlflow/runs/search"
        with urlopen(Request(path, query, {"Content-Type": "application/json"})) as answer:
            runs = json.load(answer)["runs"]
        return sorted(runs, key=lambda run: str(run["info"]["run_id"]))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    # Not in pytest's folder, which only root can read: if root starts it, PostgreSQL runs under its own account.
    with tempfile.TemporaryDirectory() as name, Path(name, "output").open("wb") as output:
        folder = Path(name)
        folder.chmod(0o755)
        ports = {option: free_port() for option in PORTS}
        options = [text for option, port in ports.items() for text in (option, str(port))]
        environment = {**os.environ, **SECRETS, "PYTHONPATH": str(REPOSITORY / "src")}
        command = [sys.executable, str(SCRIPT), str(folder / "folder"), *options]
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        try:
            while process.poll() is None and "ready" not in (folder / "output").read_text():
                time.sleep(0.5)
            assert process.poll() is None, (folder / "output").read_text()
            yield Server(folder, ports, (folder / "output").read_text())
        finally:
            process.terminate()
            process.wait(60)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def first(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The clone that ran the pipeline and pushed, with the commands that the server printed."""
    clone = Workspace(tmp_path_factory.mktemp("first"))
    clone.params(
        grid__experiments=["e09-mlp"],
        budget={"epochs": 1, "images": 300},
        sample__count=150,
        datasets__mnist__judge={"epochs": 4, "batch_size": 32, "depth": 0, "width": 8},  # learns enough to decide
    )
    for command in re.findall(r"^dvc .*$", server.output, re.M):
        clone.run(*command.split())
    assert "train@e09-mlp-0" in clone.repro(**server.environment)
    clone.run("python", "-m", "ganpipe", "sync", **server.environment)  # adds what the stages did not wait for
    clone.run("dvc", "push", **server.environment)
    clone.commit()
    return clone


@pytest.fixture(scope="module")
def second(first: Workspace, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A colleague's clone, with the data of the remote."""
    folder = tmp_path_factory.mktemp("second")
    first.run("git", "clone", "--quiet", str(first.folder), str(folder))
    clone = Workspace.__new__(Workspace)
    clone.folder = folder
    clone.run("dvc", "pull", **server.environment)
    return clone


def test_the_second_clone_recomputes_nothing(second: Workspace, server: Server) -> None:
    assert second.repro(**server.environment) == set()
    assert second.run("git", "status", "--porcelain").stdout == ""


def test_both_clones_share_one_set_of_runs(first: Workspace, second: Workspace, server: Server) -> None:
    before = server.runs()
    names = {run["info"]["run_name"] for run in before}
    assert {"e09-mlp-0", "fetch@mnist", "judge@mnist"} < names and len(names) == len(before)
    for clone in (second, first, second):
        clone.run("python", "-m", "ganpipe", "sync", **server.environment)
        assert server.runs() == before


def test_secrets_are_stored_nowhere(first: Workspace, second: Workspace, server: Server) -> None:
    secrets = [text.encode() for text in (*SECRETS.values(), PASSWORD)]
    files = [
        path for root in (first.folder, second.folder, server.folder) for path in root.rglob("*") if path.is_file()
    ]
    assert len(files) > 200
    assert [path for path in files for secret in secrets if secret in path.read_bytes()] == []
    assert not [secret for secret in secrets if secret in json.dumps(server.runs()).encode()]
    commands = subprocess.run(["ps", "-eo", "args"], capture_output=True, check=True).stdout
    assert not [secret for secret in secrets if secret in commands]

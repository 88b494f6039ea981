"""A team's server on this machine: MLflow with its records in PostgreSQL, and S3 for its files and for DVC.

    PGPASSWORD=... AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=... python scripts/team/serve.py FOLDER

Secrets come from the environment alone: they stand in no command line and in no file but PostgreSQL's own, hashed.
AWS_ENDPOINT_URL names the S3 store in use. Without it a stand-in is started, which checks no keys and keeps everything
in memory: good for trying all this out, not for keeping results. Ctrl-C ends all of it; the database stays in FOLDER.
"""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from pwd import getpwnam
from typing import Any

from ganpipe.common.errors import UserError
from ganpipe.common.process import die_with_parent, environment_with_venv_programs, exit_code_of

BUCKETS = ("ganpipe-mlflow", "ganpipe-dvc")
SECRETS = ("PGPASSWORD", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
POSTGRES = "postgres"
"""The account that Debian's package makes, which must be able to reach the folder where root starts this."""
USER = "ganpipe"
DATABASE = "postgres"
"""The one that PostgreSQL makes itself; MLflow has this PostgreSQL to itself."""
LOCAL = "127.0.0.1"
START_S = 300.0
"""Seconds that one of the servers may take to answer; MLflow writes its schema the first time."""


def main() -> None:
    """Start everything, say how to use it, and stay until one of the servers or the user ends it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the database and the logs are kept")
    parser.add_argument(
        "--host", default=LOCAL, help="address of this machine that MLflow and the stand-in for S3 listen on"
    )
    parser.add_argument("--mlflow-port", type=int, default=5000)
    parser.add_argument("--postgres-port", type=int, default=5432)
    parser.add_argument("--s3-port", type=int, default=9000)
    chosen = parser.parse_args()
    if missing := [name for name in SECRETS if not os.environ.get(name)]:
        raise UserError(f"set {', '.join(missing)} in the environment: they are given in no other way")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    chosen.folder.mkdir(parents=True, exist_ok=True)
    with suppress(KeyboardInterrupt), ExitStack() as servers:
        team = Team(chosen.folder.resolve(), servers)
        team.start_postgres(chosen.postgres_port)
        endpoint = os.environ.get("AWS_ENDPOINT_URL") or team.start_s3(chosen.host, chosen.s3_port)
        make_buckets(endpoint)
        team.start_mlflow(chosen.host, chosen.mlflow_port, chosen.postgres_port, endpoint)
        print(
            f"export MLFLOW_TRACKING_URI=http://{chosen.host}:{chosen.mlflow_port}\n"
            f"dvc remote add --force --default team s3://{BUCKETS[1]}\n"
            f"dvc remote modify team endpointurl {endpoint}\n"
            "ready",
            flush=True,
        )
        team.stay()


class Team:
    """The servers, as children of this process, each with a log of its own in `folder`."""

    def __init__(self, folder: Path, servers: ExitStack) -> None:
        self.folder, self._servers = folder, servers
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start_postgres(self, port: int) -> None:
        """Start the database on this machine's own address, made anew where the folder has none."""
        data = self.folder / "postgres"
        account: dict[str, Any] = {}
        if os.geteuid() == 0:  # as which it refuses to run
            account = {"user": POSTGRES, "group": POSTGRES, "extra_groups": ()}
        plain = {"PATH": postgres_path(), "LC_ALL": "C.UTF-8"}
        if not (data / "PG_VERSION").exists():
            data.mkdir(mode=0o700, exist_ok=True)
            if account:
                shutil.chown(data, POSTGRES, POSTGRES)
            made = ["initdb", "-D", str(data), "-U", USER, "--auth=scram-sha-256", "--pwfile=/dev/stdin", "-E", "UTF8"]
            initialise(made, plain, account)
        command = ["postgres", "-D", str(data), "-h", LOCAL, "-p", str(port), "-c", "unix_socket_directories="]
        self._start("postgres", command, plain, port, **account)

    def start_s3(self, host: str, port: int) -> str:
        """Start the stand-in for S3 and return its address."""
        self._start("s3", ["moto_server", "-H", host, "-p", str(port)], environment_with_venv_programs(), port, host)
        return f"http://{host}:{port}"

    def start_mlflow(self, host: str, port: int, postgres_port: int, endpoint: str) -> None:
        """Start MLflow, which hands out the files of the store itself: its users need no keys."""
        command = [
            *(sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port), "--workers", "2"),
            *("--backend-store-uri", f"postgresql+psycopg2://{USER}@{LOCAL}:{postgres_port}/{DATABASE}"),
            *("--artifacts-destination", f"s3://{BUCKETS[0]}"),
        ]
        settings = {"MLFLOW_S3_ENDPOINT_URL": endpoint, "MLFLOW_DISABLE_TELEMETRY": "true"}
        self._start("mlflow", command, environment_with_venv_programs() | settings, port, host)

    def stay(self) -> None:
        """Wait until a server ends by itself. Raises UserError when one does."""
        while True:
            for name, server in self._running.items():
                if server.poll() is not None:
                    raise UserError(f"{name} has ended: see {self.folder / name}.log")
            time.sleep(1)

    def _start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        port: int,
        host: str = LOCAL,
        **account: Any,
    ) -> None:
        if answers(host, port):
            raise UserError(f"port {port} is taken: end what listens there, or choose another port for {name}")
        log = self._servers.enter_context((self.folder / f"{name}.log").open("ab"))
        server = subprocess.Popen(
            command,
            env=dict(environment),
            stdout=log,
            stderr=log,
            cwd=self.folder,
            start_new_session=True,
            preexec_fn=die_with_parent,
            **account,
        )
        self._servers.callback(end, server)
        self._running[name] = server
        deadline = time.monotonic() + START_S
        while not answers(host, port):
            if server.poll() is not None or time.monotonic() > deadline:
                raise UserError(f"{name} did not start: see {self.folder / name}.log")
            time.sleep(0.2)


def make_buckets(endpoint: str) -> None:
    """Make the two buckets where they are missing."""
    import boto3

    store = boto3.client("s3", endpoint_url=endpoint)
    present = {bucket["Name"] for bucket in store.list_buckets()["Buckets"]}
    for bucket in BUCKETS:
        if bucket not in present:
            store.create_bucket(Bucket=bucket)


def postgres_path() -> str:
    """A PATH that holds PostgreSQL's programs, which Debian keeps apart. Raises UserError when there are none."""
    folders = [*sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True), os.environ["PATH"]]
    path = os.pathsep.join(folders)
    if shutil.which("initdb", path=path) is None:
        raise UserError("PostgreSQL is not installed: apt-get install postgresql")
    return path


def initialise(command: Sequence[str], environment: Mapping[str, str], account: Mapping[str, Any]) -> None:
    """Make a new database, with the password on standard input. Raises UserError when it fails."""
    reading, writing = os.pipe()
    with open(reading, "rb") as stdin:  # noqa: PTH123 - not a path
        if account:
            os.fchown(reading, getpwnam(POSTGRES).pw_uid, -1)  # initdb opens it by its name
        with open(writing, "wb") as password:  # noqa: PTH123
            password.write(os.environ["PGPASSWORD"].encode())
        done = subprocess.run(
            command, env=dict(environment), stdin=stdin, capture_output=True, text=True, check=False, cwd="/", **account
        )
    if done.returncode:
        raise UserError(f"{command[0]} failed: {done.stderr.strip()}")


def answers(host: str, port: int) -> bool:
    """Whether something listens there."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def end(server: "subprocess.Popen[bytes]") -> None:
    """Have a server end in its own time, at most ten seconds, and then all that it has started."""
    server.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        server.wait(10)
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


if __name__ == "__main__":
    sys.exit(exit_code_of(main))

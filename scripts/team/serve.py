"""A team server on this machine: MLflow with PostgreSQL as its database, and S3 for artifacts and for DVC.

    PGPASSWORD=... AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=... python scripts/team/serve.py FOLDER

Secrets are read from the environment only: they appear in no command line, and in no file except hashed in PostgreSQL's
own. AWS_ENDPOINT_URL names an existing S3 store. Without it a mock server is started, which checks no keys and keeps
everything in memory: for trying this out, not for keeping results. Ctrl-C stops everything; the database stays in
FOLDER.
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
from ganpipe.tracking.ui import allowed_hosts

BUCKETS = ("ganpipe-mlflow", "ganpipe-dvc")
SECRETS = ("PGPASSWORD", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
POSTGRES = "postgres"
"""The account that Debian's package creates; it must have access to the folder if root starts this script."""
USER = "ganpipe"
DATABASE = "postgres"
"""The database that PostgreSQL creates itself; only MLflow uses this PostgreSQL."""
LOCAL = "127.0.0.1"
START_S = 300.0
"""Seconds until a server must answer; MLflow writes its schema the first time."""


def main() -> None:
    """Start all servers, print how to use them, and wait until the user or one of the servers ends."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder for the database and the logs")
    parser.add_argument("--host", default=LOCAL, help="address of this machine on which MLflow and the S3 mock listen")
    parser.add_argument("--mlflow-port", type=int, default=5000)
    parser.add_argument("--postgres-port", type=int, default=5432)
    parser.add_argument("--s3-port", type=int, default=9000)
    options = parser.parse_args()
    if missing := [name for name in SECRETS if not os.environ.get(name)]:
        raise UserError(f"environment: {', '.join(missing)} not set. Secrets are read from the environment only.")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options.folder.mkdir(parents=True, exist_ok=True)
    with suppress(KeyboardInterrupt), ExitStack() as servers:
        team = Team(options.folder.resolve(), servers)
        team.start_postgres(options.postgres_port)
        endpoint = os.environ.get("AWS_ENDPOINT_URL") or team.start_s3(options.host, options.s3_port)
        make_buckets(endpoint)
        team.start_mlflow(options.host, options.mlflow_port, options.postgres_port, endpoint)
        print(
            f"export MLFLOW_TRACKING_URI=http://{options.host}:{options.mlflow_port}\n"
            f"dvc remote add --force --default team s3://{BUCKETS[1]}\n"
            f"dvc remote modify team endpointurl {endpoint}\n"
            "ready",
            flush=True,
        )
        team.wait()


class Team:
    """The servers as child processes, each with its own log in `folder`."""

    def __init__(self, folder: Path, servers: ExitStack) -> None:
        self.folder, self._servers = folder, servers
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start_postgres(self, port: int) -> None:
        """Start the database on localhost; create it if the folder contains none."""
        data = self.folder / "postgres"
        account: dict[str, Any] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            account = {"user": POSTGRES, "group": POSTGRES, "extra_groups": ()}
        plain = {"PATH": postgres_path(), "LC_ALL": "C.UTF-8"}
        if not (data / "PG_VERSION").exists():
            data.mkdir(mode=0o700, exist_ok=True)
            if account:
                shutil.chown(data, POSTGRES, POSTGRES)
            create = [
                "initdb",
                "-D",
                str(data),
                "-U",
                USER,
                "-E",
                "UTF8",
                "--auth=scram-sha-256",
                "--pwfile=/dev/stdin",
            ]
            initialise(create, plain, account)
        command = ["postgres", "-D", str(data), "-h", LOCAL, "-p", str(port), "-c", "unix_socket_directories="]
        self._start("postgres", command, plain, port, **account)

    def start_s3(self, host: str, port: int) -> str:
        """Start the S3 mock and return its URL."""
        self._start("s3", ["moto_server", "-H", host, "-p", str(port)], environment_with_venv_programs(), port, host)
        return f"http://{host}:{port}"

    def start_mlflow(self, host: str, port: int, postgres_port: int, endpoint: str) -> None:
        """Start MLflow as a proxy for the artifacts, so that its users need no S3 keys."""
        command = [
            *(sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port), "--workers", "2"),
            *("--backend-store-uri", f"postgresql+psycopg2://{USER}@{LOCAL}:{postgres_port}/{DATABASE}"),
            *("--artifacts-destination", f"s3://{BUCKETS[0]}"),
        ]
        settings = {"MLFLOW_S3_ENDPOINT_URL": endpoint, "MLFLOW_DISABLE_TELEMETRY": "true"} | allowed_hosts(host, port)
        self._start("mlflow", command, settings | environment_with_venv_programs(), port, host)

    def wait(self) -> None:
        """Wait until a server ends by itself, then raise UserError."""
        while True:
            for name, server in self._running.items():
                if server.poll() is not None:
                    raise UserError(f"{name}: ended unexpectedly. See {self.folder / name}.log.")
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
            raise UserError(f"port {port}: in use. Stop the other program or choose another port for {name}.")
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
        self._servers.callback(stop, server)
        self._running[name] = server
        deadline = time.monotonic() + START_S
        while not answers(host, port):
            if server.poll() is not None or time.monotonic() > deadline:
                raise UserError(f"{name}: did not start. See {self.folder / name}.log.")
            time.sleep(0.2)


def make_buckets(endpoint: str) -> None:
    """Create the two buckets if they are missing."""
    import boto3

    store = boto3.client("s3", endpoint_url=endpoint)
    present = {bucket["Name"] for bucket in store.list_buckets()["Buckets"]}
    for bucket in BUCKETS:
        if bucket not in present:
            store.create_bucket(Bucket=bucket)


def postgres_path() -> str:
    """Return a PATH with PostgreSQL's programs, which Debian does not put there. Raises UserError if there are none."""
    folders = [*sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True), os.environ["PATH"]]
    path = os.pathsep.join(folders)
    if shutil.which("initdb", path=path) is None:
        raise UserError("PostgreSQL: not installed. Run `apt-get install postgresql`.")
    return path


def initialise(command: Sequence[str], environment: Mapping[str, str], account: Mapping[str, Any]) -> None:
    """Create a database, with the password on standard input. Raises UserError if this fails."""
    reading, writing = os.pipe()
    with open(reading, "rb") as stdin:  # noqa: PTH123 - not a path
        if account:
            os.fchown(reading, getpwnam(POSTGRES).pw_uid, -1)  # initdb opens it by name
        with open(writing, "wb") as password:  # noqa: PTH123
            password.write(os.environ["PGPASSWORD"].encode())
        done = subprocess.run(
            command, env=dict(environment), stdin=stdin, capture_output=True, text=True, check=False, cwd="/", **account
        )
    if done.returncode:
        raise UserError(f"{command[0]}: failed: {done.stderr.strip()}")


def answers(host: str, port: int) -> bool:
    """Return whether a program listens on the port."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def stop(server: "subprocess.Popen[bytes]") -> None:
    """Interrupt a server, wait at most ten seconds, then kill it and its children."""
    server.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        server.wait(10)
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


if __name__ == "__main__":
    sys.exit(exit_code_of(main))

"""The connection of a stage to the process that logs to MLflow for it: its own, or one that all stages share.

Importing MLflow and writing to it hold Python's global lock for seconds; on a thread of the stage they would stop the
training for as long (docs/performance.md). So another process does it (`logging_process`). It takes seconds to start:
`ganpipe repro` starts one for all of its stages, which find it by the socket named in the environment. A stage that
finds none, as with `dvc repro`, starts its own.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any, BinaryIO, cast

from ganpipe.tracking.timeouts import Timeouts, TrackingError

_SOCKET = "GANPIPE_LOGGING_SOCKET"
_COMMAND = (sys.executable, "-m", "ganpipe.tracking.logging_process")


class LoggingConnection:
    """The stage's side: sends operations and waits for their results, in order."""

    def __init__(self, root: Path, timeouts: Timeouts) -> None:
        self._lock = Lock()
        self.process: subprocess.Popen[bytes] | None = None
        """The stage's own process; None if it uses the shared one."""
        if pipes := _connect():
            self._requests, self._answers = pipes
        else:
            self.process = subprocess.Popen(_COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self._requests = cast(BinaryIO, self.process.stdin)
            self._answers = cast(BinaryIO, self.process.stdout)
        with suppress(OSError):  # the process has ended already: the first call reports it
            self._send({"root": str(root), "timeouts": asdict(timeouts)})

    def call(self, operation: str, **arguments: Any) -> Any:
        """Run an operation (a key of OPERATIONS) and return its result; arguments and result are JSON values.

        Raises TrackingError if the store fails or the process has ended.
        """
        try:
            with self._lock:
                self._send({"operation": operation, "arguments": arguments})
                line = self._answers.readline()
        except OSError:
            line = b""
        if not line.endswith(b"\n"):
            how = f"ended with {self.process.wait()}" if self.process else "has closed the connection"
            raise TrackingError(f"the process that writes to it {how}")
        answer = json.loads(line)
        if "error" in answer:
            raise TrackingError(answer["error"])
        return answer["result"]

    def close(self) -> None:
        """Close the connection, and end the process if it is the stage's own; no call may be in progress."""
        for pipe in (self._requests, self._answers):
            with suppress(OSError):
                pipe.close()
        if self.process:
            self.process.wait()

    def _send(self, message: dict[str, Any]) -> None:
        self._requests.write(json.dumps(message, allow_nan=False).encode() + b"\n")
        self._requests.flush()


@contextmanager
def shared_logging_process(log: Path) -> Iterator[None]:
    """Start one process that logs for all stages started in this block; it ends with the block or with this process.

    log: file for what MLflow prints. Does nothing where there are no Unix sockets.
    """
    with ExitStack() as stack:
        if address := _listen(stack, log):
            os.environ[_SOCKET] = address
            stack.callback(os.environ.pop, _SOCKET, None)
        yield


def _listen(stack: ExitStack, log: Path) -> str | None:
    """Start the shared process, which ends with the stack; return the address of its socket, None without sockets."""
    if not hasattr(socket, "AF_UNIX"):
        return None
    address = str(Path(stack.enter_context(TemporaryDirectory(prefix="ganpipe-")), "logging"))  # only for this user
    log.parent.mkdir(parents=True, exist_ok=True)
    # Closed here once the process has it: if that dies, connections are refused instead of waiting forever.
    with socket.socket(socket.AF_UNIX) as listening, log.open("wb") as output:
        try:
            listening.bind(address)
        except OSError:  # longer than the about 100 characters that a socket's address may have
            return None
        listening.listen(socket.SOMAXCONN)  # connections wait here until the process has started
        process = subprocess.Popen(
            [*_COMMAND, str(listening.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[listening.fileno()],
        )
    stack.callback(process.wait)
    stack.callback(process.kill)
    return address


def _connect() -> tuple[BinaryIO, BinaryIO] | None:
    """Connect to the shared process; return the pipes to it and from it, or None if there is none."""
    if not (address := os.environ.get(_SOCKET)):
        return None
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(address)
            return cast(BinaryIO, connection.makefile("wb")), cast(BinaryIO, connection.makefile("rb"))
    except OSError:  # it has ended
        return None

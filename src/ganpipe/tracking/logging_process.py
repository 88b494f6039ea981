"""Logging to MLflow from a helper process, so that imports and HTTP calls never block the training.

Importing MLflow and writing to it hold Python's global lock for seconds; on a thread of the stage they would stop the
training for as long (docs/performance.md). The stage sends one JSON object per line, `{"operation": name, "arguments":
{...}}`, the first of which opens the store; the process answers each with `{"result": ...}` or `{"error": text}`.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, cast

from ganpipe.common.errors import UserError
from ganpipe.common.process import die_with_parent, exit_now
from ganpipe.records.store import Part, load
from ganpipe.tracking.curves import Point
from ganpipe.tracking.linked_report import write_linked_report
from ganpipe.tracking.model_registry import show
from ganpipe.tracking.push import log, log_missing, open_run, state
from ganpipe.tracking.store import Store, open_store
from ganpipe.tracking.system_metrics import monitor_system
from ganpipe.tracking.timeouts import Timeouts, TrackingError, in_background


class LoggingProcess:
    """The stage's side of the helper process: sends operations and waits for their results, in order."""

    def __init__(self, root: Path, timeouts: Timeouts) -> None:
        self._lock = Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ganpipe.tracking.logging_process"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        with suppress(BrokenPipeError):  # the process has ended already: the first call reports it
            self._send({"root": str(root), "timeouts": asdict(timeouts)})

    def call(self, operation: str, **arguments: Any) -> Any:
        """Run an operation (a key of OPERATIONS) and return its result; arguments and result are JSON values.

        Raises TrackingError if the store fails or the process has ended.
        """
        try:
            with self._lock:
                self._send({"operation": operation, "arguments": arguments})
                line = cast(BinaryIO, self._process.stdout).readline()
        except BrokenPipeError:
            line = b""
        if not line.endswith(b"\n"):
            raise TrackingError(f"the process that writes to it ended with {self._process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise TrackingError(answer["error"])
        return answer["result"]

    def close(self) -> None:
        """End the process; no call may be in progress."""
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(BrokenPipeError):
                cast(BinaryIO, pipe).close()
        self._process.wait()

    def _send(self, message: dict[str, Any]) -> None:
        pipe = cast(BinaryIO, self._process.stdin)
        pipe.write(json.dumps(message, allow_nan=False).encode() + b"\n")
        pipe.flush()


def begin(store: Store, key: str, part: dict[str, Any]) -> bool:
    """Open the run of a training; return False if MLflow already has all of it, although the disk does not."""
    started = Part(**part)
    run = open_run(store, key, started)
    if started.name in state(run):
        return False  # if the training ends with other results, `push` replaces the run
    if run.info.status != "RUNNING":
        store.client.update_run(run.info.run_id, status="RUNNING")
    monitor_system(store, run.info.run_id)
    return True


def log_points(store: Store, key: str, points: Sequence[Sequence[Any]], resumed: bool) -> None:
    """Log points of a running training. resumed: an earlier attempt may have logged some of them."""
    if run := store.find(key, "run"):  # else somebody has deleted it meanwhile
        new = [Point(*point) for point in points]
        if resumed:
            log_missing(store, run, new)
        else:
            log(store, run.info.run_id, new, {})


def mark_failed(store: Store, key: str, status: str) -> None:
    """Mark the run of a training that did not end as FAILED or KILLED."""
    if run := store.find(key, "run"):
        store.client.set_terminated(run.info.run_id, status)


def show_record(store: Store, key: str) -> list[str]:
    """Display the record of a key as far as it is on disk; return the lines to print."""
    lines: list[str] = []
    record = load(store.root, key)
    show(store, record, report=lines.append)
    if record.kind == "grid" and (path := write_linked_report(store, record)):
        lines.append(f"The report with links to its runs: {path}")
    return lines


OPERATIONS: dict[str, Callable[..., Any]] = {
    "begin": begin,
    "log_points": log_points,
    "mark_failed": mark_failed,
    "show_record": show_record,
}


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until the stage closes the pipe."""
    opening = json.loads(requests.readline())
    store = in_background(open_store, Path(opening["root"]), Timeouts(**opening["timeouts"]))
    for line in requests:
        request = json.loads(line)
        try:
            answer = {"result": OPERATIONS[request["operation"]](store.result(), **request["arguments"])}
        except (TrackingError, UserError, OSError) as error:  # UserError: a damaged record
            answer = {"error": str(error) or type(error).__name__}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


def main() -> None:
    """Serve the stage that started this process until it ends. The stage handles Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what MLflow prints must not mix with the answers
    with suppress(BrokenPipeError):  # the stage has ended
        serve(sys.stdin.buffer, answers)
    exit_now(0)


if __name__ == "__main__":
    main()

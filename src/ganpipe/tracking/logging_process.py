"""The process that logs to MLflow for one stage or, started by `ganpipe repro`, for all of them.

A stage sends one JSON object per line, `{"operation": name, "arguments": {...}}`, the first of which opens the store;
the process answers each with `{"result": ...}` or `{"error": text}`. Started with the number of a listening socket it
serves every connection on a thread of its own, else only the stage at its standard input and output.
"""

import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any, BinaryIO, NoReturn, cast

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


@dataclass
class Session:
    """The store of one stage. end: closed after the stage has closed its connection to a shared process."""

    store: Store
    end: ExitStack


def begin(session: Session, key: str, part: dict[str, Any]) -> bool:
    """Open the run of a training; return False if MLflow already has all of it, although the disk does not."""
    store, started = session.store, Part(**part)
    run = open_run(store, key, started)
    if started.name in state(run):
        return False  # if the training ends with other results, `push` replaces the run
    if run.info.status != "RUNNING":
        store.client.update_run(run.info.run_id, status="RUNNING")
    if monitor := monitor_system(store, run.info.run_id):
        session.end.callback(monitor.finish)
    return True


def log_points(session: Session, key: str, points: Sequence[Sequence[Any]], resumed: bool) -> None:
    """Log points of a running training. resumed: an earlier attempt may have logged some of them."""
    store = session.store
    if run := store.find(key, "run"):  # else somebody has deleted it meanwhile
        new = [Point(*point) for point in points]
        if resumed:
            log_missing(store, run, new)
        else:
            log(store, run.info.run_id, new, {})


def mark_failed(session: Session, key: str, status: str) -> None:
    """Mark the run of a training that did not end as FAILED or KILLED."""
    if run := session.store.find(key, "run"):
        session.store.client.set_terminated(run.info.run_id, status)


def show_record(session: Session, key: str) -> list[str]:
    """Display the record of a key as far as it is on disk; return the lines to print."""
    lines: list[str] = []
    store, record = session.store, load(session.store.root, key)
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


def serve(requests: BinaryIO, answers: BinaryIO, end: ExitStack) -> None:
    """Answer the requests of one stage until it closes the pipe. end: collects what must stop with the stage."""
    opening = json.loads(requests.readline())
    store = in_background(open_store, Path(opening["root"]), Timeouts(**opening["timeouts"]))
    for line in requests:
        request = json.loads(line)
        try:
            session = Session(store.result(), end)
            answer = {"result": OPERATIONS[request["operation"]](session, **request["arguments"])}
        except (TrackingError, UserError, OSError) as error:  # UserError: a damaged record
            answer = {"error": str(error) or type(error).__name__}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


def serve_all(listening: socket.socket) -> NoReturn:
    """Serve every stage that connects."""
    while True:
        connection, _ = listening.accept()
        Thread(target=_serve_connection, args=(connection,), daemon=True).start()


def main() -> None:
    """Serve until the stage, or the program that runs the stages, ends. They handle Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent()
    if len(sys.argv) > 1:
        serve_all(socket.socket(fileno=int(sys.argv[1])))
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what MLflow prints must not mix with the answers
    with suppress(BrokenPipeError):  # the stage has ended
        serve(sys.stdin.buffer, answers, ExitStack())
    exit_now(0)  # ends the monitors, too


def _serve_connection(connection: socket.socket) -> None:
    # The stage may be killed at any moment.
    with suppress(OSError), ExitStack() as end, connection:
        serve(cast(BinaryIO, connection.makefile("rb")), cast(BinaryIO, connection.makefile("wb")), end)


if __name__ == "__main__":
    main()

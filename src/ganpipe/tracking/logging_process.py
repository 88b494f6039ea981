"""MLflow in a process of its own beside a stage.

Importing MLflow and writing to it keep an interpreter busy for seconds. In the stage's own, the two would take turns at
Python's one lock, and a training would stand still for as long; here they have another core.
"""

import os
import pickle  # only between a stage and the process that it started itself
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, Concatenate, ParamSpec, TypeVar, cast

from ganpipe.common.errors import UserError
from ganpipe.common.process import die_with_parent, end
from ganpipe.tracking.store import Store, Timeouts, open_store
from ganpipe.tracking.timeouts import TrackingError, in_background

T = TypeVar("T")
P = ParamSpec("P")


class LoggingProcess:
    """The stage's side: what is asked is done on the open store in the other process, in order."""

    def __init__(self, root: Path, patience: Timeouts) -> None:
        self._lock = Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ganpipe.tracking.logging_process"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        with suppress(BrokenPipeError):  # it has ended already: the first question will tell
            _send(self._requests, (root, patience))

    def ask(self, work: Callable[Concatenate[Store, P], T], *arguments: P.args, **options: P.kwargs) -> T:
        """What a function of a module returns there, called with the store; arguments and result must be picklable.

        Raises TrackingError when the store fails, or its process has ended.
        """
        try:
            with self._lock:
                _send(self._requests, (work, arguments, options))
                trouble, result = pickle.load(cast(BinaryIO, self._process.stdout))  # noqa: S301 - of our own process
        except (BrokenPipeError, EOFError) as error:
            raise TrackingError(f"the process that writes to it ended with {self._process.wait()}") from error
        if trouble:
            raise TrackingError(trouble)
        return cast(T, result)

    def close(self) -> None:
        """End the process; nothing that was asked may be underway."""
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(BrokenPipeError):
                cast(BinaryIO, pipe).close()
        self._process.wait()

    @property
    def _requests(self) -> BinaryIO:
        return cast(BinaryIO, self._process.stdin)


def _send(pipe: BinaryIO, message: Any) -> None:
    pipe.write(pickle.dumps(message))
    pipe.flush()


def _serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer each request with (trouble or "", result) until there are no more."""
    with suppress(EOFError, BrokenPipeError):  # the stage has ended
        root, patience = pickle.load(requests)  # noqa: S301 - of the stage that started this process
        store = in_background(open_store, root, patience)
        while True:
            work, arguments, options = pickle.load(requests)  # noqa: S301
            try:
                answer = "", work(store.result(), *arguments, **options)
            except (TrackingError, UserError, OSError) as trouble:  # UserError: of a damaged record
                answer = str(trouble) or type(trouble).__name__, None
            _send(answers, answer)


def main() -> None:
    """Serve the stage that started this process: on its pipes, until it ends. Ctrl-C is the stage's matter."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever MLflow prints is no answer
    _serve(sys.stdin.buffer, answers)
    end(0)


if __name__ == "__main__":
    main()

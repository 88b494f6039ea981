"""Time-limited calls to a tracking server; every failure becomes a TrackingError."""

import math
import re
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")

_UNSUPPORTED = ("ENDPOINT_NOT_FOUND", "NOT_IMPLEMENTED", "FEATURE_DISABLED")
"""Error codes of MLflow for an endpoint that the server does not have."""
_UNSUPPORTED_ANSWER = re.compile(
    r"failed with error code 4(05|10) |^INTERNAL_ERROR: (Response: \{'\w+': ')?not found", re.IGNORECASE
)
"""What MLflow's client makes of the answers of other servers to such a request."""


class TrackingError(Exception):
    """A call to the tracking store failed or timed out."""


class UnsupportedError(TrackingError):
    """The tracking server lacks the requested endpoint, as servers of older versions do."""


@dataclass(frozen=True)
class Timeouts:
    """Limits in seconds for one call, for one HTTP request and its retries, and for all calls of a stage together."""

    call: float
    request: int
    retries: int
    total: float = math.inf
    """Grows by a tenth of the elapsed time: a delay that matters in a short training does not in a long one."""


STAGE = Timeouts(call=9, request=3, retries=1, total=9)  # a dead server costs a stage less than ten seconds
SYNC = Timeouts(call=120, request=20, retries=2)


def call_with_timeout(seconds: float, function: Callable[..., T], *arguments: Any, **options: Any) -> T:
    """Return what the function returns; raise TrackingError if it raises or takes longer than `seconds`.

    A call that takes longer is abandoned on a daemon thread, so that the process can exit without waiting for it.
    """
    future = in_background(function, *arguments, **options)
    try:
        return future.result(timeout=seconds)
    except Exception as error:
        if not future.done():
            raise TrackingError(f"no answer within {round(seconds, 1):g} seconds") from error
        if getattr(error, "error_code", None) in _UNSUPPORTED or _UNSUPPORTED_ANSWER.search(str(error)):
            raise UnsupportedError(_reason(error)) from error
        raise TrackingError(_reason(error)) from error


def in_background(function: Callable[..., T], *arguments: Any, **options: Any) -> Future[T]:
    """Call the function on its own daemon thread and return the future of its result."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(function(*arguments, **options))
        except Exception as error:  # noqa: BLE001 - raised again in the thread that waits
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future


def redact(text: str) -> str:
    """Remove user names, passwords and query strings from the URLs in a text."""
    return re.sub(r"(?<=//)[^/\s]*@", "", re.sub(r"\?\S*", "", text))


def _reason(error: BaseException) -> str:
    """Return the first line of the original error; the exceptions chained to it repeat it at length."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return redact(lines[0])[:200]


class TimeLimitedClient:
    """A proxy whose method calls are limited to `seconds` each, and together to `total` (see `Timeouts.total`)."""

    def __init__(self, target: object, seconds: float, total: float = math.inf) -> None:
        self._target = target
        self._seconds = seconds
        self._total = total
        self._spent = 0.0
        self._created = time.monotonic()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._target, name)

        def call(*arguments: Any, **options: Any) -> Any:
            started = time.monotonic()
            left = max(self._total + (started - self._created) / 10 - self._spent, 0.0)
            try:
                return call_with_timeout(min(self._seconds, left), method, *arguments, **options)
            finally:
                self._spent += time.monotonic() - started

        return call

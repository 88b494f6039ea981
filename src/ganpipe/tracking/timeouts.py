"""Calls to a store that may refuse, hang or break: each is given a bounded time, each failure one name."""

import math
import re
import time
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


class TrackingError(Exception):
    """The store did not do what it was asked, in the time that it was given."""


def call_with_timeout(seconds: float, function: Callable[..., T], *arguments: Any, **options: Any) -> T:
    """Return what the function returns; raise TrackingError when it raises, or takes longer than `seconds`.

    A call that takes longer is left behind on a daemon thread: the process need not wait for it to end.
    """
    future = in_background(function, *arguments, **options)
    try:
        return future.result(timeout=seconds)
    except Exception as error:
        if not future.done():
            raise TrackingError(f"no answer within {round(seconds, 1):g} seconds") from error
        raise TrackingError(_reason(error)) from error


def in_background(function: Callable[..., T], *arguments: Any, **options: Any) -> Future[T]:
    """What the function will return or raise, called on a daemon thread of its own."""
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(function(*arguments, **options))
        except Exception as error:  # noqa: BLE001 - raised again in the thread that waits
            future.set_exception(error)

    Thread(target=work, daemon=True).start()
    return future


def redact(text: str) -> str:
    """An address, or a message that holds some, without user names, passwords and queries."""
    return re.sub(r"(?<=//)[^/\s]*@", "", re.sub(r"\?\S*", "", text))


def _reason(error: BaseException) -> str:
    """The first line of what began it; the layers above repeat it at length."""
    while beneath := error.__cause__ or error.__context__:
        error = beneath
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return redact(lines[0])[:200]


class TimeLimitedClient:
    """An object whose methods are called with `within`; `total` bounds the seconds of all calls together.

    The total grows by a tenth of the time that passes: what is little in a long training may be much in a short one.
    """

    def __init__(self, target: object, seconds: float, total: float = math.inf) -> None:
        self._target = target
        self._seconds = seconds
        self._total = total
        self._spent = 0.0
        self._began = time.monotonic()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._target, name)

        def call(*arguments: Any, **options: Any) -> Any:
            started = time.monotonic()
            left = max(self._total + (started - self._began) / 10 - self._spent, 0.0)
            try:
                return call_with_timeout(min(self._seconds, left), method, *arguments, **options)
            finally:
                self._spent += time.monotonic() - started

        return call

"""Calls that a slow store cannot delay for long."""

import time
from concurrent.futures import Future

import pytest

from ganpipe.tracking.timeouts import TimeLimitedClient, TrackingError, UnsupportedError, call_with_timeout


def test_a_slow_call_is_abandoned() -> None:
    started = time.perf_counter()
    with pytest.raises(TrackingError, match="no answer within"):
        call_with_timeout(0.05, time.sleep, 5)
    assert time.perf_counter() - started < 1
    assert call_with_timeout(5, max, 1, 2) == 2


def test_the_total_time_of_slow_calls_is_limited() -> None:
    slow = TimeLimitedClient(time, seconds=5, total=0.3)
    started = time.perf_counter()
    slow.sleep(0.2)
    for _ in range(2):
        with pytest.raises(TrackingError, match="no answer within"):
            slow.sleep(0.2)
    assert time.perf_counter() - started < 1
    TimeLimitedClient(time, seconds=5).sleep(0.2)


@pytest.mark.parametrize(("seconds", "text"), [(120, "120 seconds"), (9, "9 seconds"), (0.92193, "0.9 seconds")])
def test_a_timeout_is_reported_in_readable_seconds(seconds: float, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Future, "result", lambda _future, timeout: Future.exception(_future, 0))  # immediately
    with pytest.raises(TrackingError, match=f"no answer within {text}"):
        call_with_timeout(seconds, time.sleep, 5)


def test_the_reason_of_a_failed_call_is_reported() -> None:
    with pytest.raises(TrackingError, match="invalid literal"):
        call_with_timeout(5, int, "x")


class Answer:
    """What a server answers to a request for an endpoint that it does not have."""

    def __init__(self, status: int, text: str) -> None:
        self.status_code, self.text = status, text


def answered(answer: Answer) -> None:
    from mlflow.utils.rest_utils import verify_rest_response

    verify_rest_response(answer, "/api/2.0/mlflow/logged-models")


@pytest.mark.parametrize(
    ("answer", "unsupported"),
    [
        (Answer(404, "<!doctype html><title>404 Not Found</title>"), True),
        (Answer(404, '{"error_code": "ENDPOINT_NOT_FOUND", "message": "No API found"}'), True),
        (Answer(404, '{"detail": "Not Found"}'), True),
        (Answer(404, '{"message": "not found"}'), True),
        (Answer(405, "Method Not Allowed"), True),
        (Answer(501, "Not Implemented"), True),
        (Answer(404, '{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Run not found"}'), False),
        (Answer(403, "Forbidden"), False),
        (Answer(500, "failed"), False),
    ],
    ids=lambda value: f"{value.status_code} {value.text[:20]}" if isinstance(value, Answer) else str(value),
)
def test_a_missing_endpoint_is_recognised_whatever_the_server(answer: Answer, unsupported: bool) -> None:
    with pytest.raises(TrackingError) as error:
        call_with_timeout(60, answered, answer)
    assert isinstance(error.value, UnsupportedError) == unsupported

"""MLflow's comparison opens on the first metric of the runs."""

import pytest

from ganpipe.tracking.curves import Point
from ganpipe.tracking.push import log, open_run
from ganpipe.tracking.store import open_store
from ganpipe.tracking.timeouts import SYNC
from tests.tracking.conftest import STARTED, Checkout
from tests.tracking.servers import mlflow_server

KEY = "key-e01-0"
SYSTEM = Point("system/cpu_utilization_percentage", 99.0, STARTED, 0)


def metrics(checkout: Checkout) -> list[str]:
    """Return the metrics of the run in the order in which MLflow's page gets them."""
    return list(checkout.client().get_run(checkout.runs()[KEY].info.run_id).data.metrics)


@pytest.fixture
def evaluated(checkout: Checkout) -> Checkout:
    """A run that logged a system metric first."""
    run = open_run(open_store(checkout.root, SYNC), KEY, checkout.part("e01-0"))
    log(open_store(checkout.root, SYNC), run.info.run_id, [SYSTEM], {})
    checkout.train("e01-0")
    checkout.sync()
    assert metrics(checkout)[0] == SYSTEM.key
    checkout.evaluate("e01-0")
    return checkout


def test_the_metrics_of_the_evaluation_come_first(evaluated: Checkout) -> None:
    evaluated.sync()
    assert metrics(evaluated)[:3] == ["eval/fd_judge", "eval/sharpness", "eval_ratio/sharpness"]
    assert metrics(evaluated)[3] == SYSTEM.key


def test_the_metric_that_decided_the_verdict_comes_first(evaluated: Checkout) -> None:
    evaluated.report("e01-0", metric="sharpness")
    evaluated.sync()
    assert metrics(evaluated)[:3] == ["eval/sharpness", "eval/fd_judge", "eval_ratio/sharpness"]
    evaluated.evaluate("e01-0", value=8.0, started=STARTED + 90_000)
    evaluated.sync()
    assert metrics(evaluated)[0] == "eval/sharpness"


def test_a_run_that_was_logged_in_another_order_is_reordered(
    evaluated: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr("ganpipe.tracking.push.put_first", lambda *_: None)
        evaluated.sync()
    assert metrics(evaluated)[0] == SYSTEM.key
    assert evaluated.sync().shown == []
    assert metrics(evaluated)[0] == "eval/fd_judge"


def test_the_order_of_a_server_stays(evaluated: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    with mlflow_server(evaluated, monkeypatch):
        evaluated.sync()
    assert "eval/fd_judge" in metrics(evaluated)
    assert metrics(evaluated)[0] == SYSTEM.key

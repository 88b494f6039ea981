import pytest

from ganpipe.tracking import system_metrics
from ganpipe.tracking.store import open_store
from ganpipe.tracking.timeouts import SYNC
from tests.processes import wait_until
from tests.tracking.conftest import Checkout


@pytest.fixture
def run_id(checkout: Checkout) -> str:
    checkout.train("e01-0")
    checkout.sync()
    run: str = checkout.runs()["key-e01-0"].info.run_id
    checkout.client().update_run(run, status="RUNNING")
    return run


def test_the_machine_is_monitored_until_the_run_ends(
    checkout: Checkout, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING")
    monkeypatch.setattr(system_metrics, "_INTERVAL", 0.01)
    monkeypatch.setattr(system_metrics, "_POINTS_PER_RATE", 2)
    monitor = system_metrics.monitor_system(open_store(checkout.root, SYNC), run_id)
    assert monitor is not None
    wait_until(lambda: monitor.samples_before_logging >= 8)
    assert monitor._logging_step == 6, "two points for each of the rates 1, 2 and 4"
    client = checkout.client()
    client.set_terminated(run_id, "FINISHED")
    monitor._process.join(20)
    assert not monitor._process.is_alive()
    monitor.finish()
    names = {name for name in client.get_run(run_id).data.metrics if name.startswith("system/")}
    assert {"system/cpu_utilization_percentage", "system/system_memory_usage_megabytes"} <= names


def test_the_monitor_can_be_turned_off(checkout: Checkout, run_id: str) -> None:
    assert system_metrics.monitor_system(open_store(checkout.root, SYNC), run_id) is None

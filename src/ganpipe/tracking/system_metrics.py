"""CPU, memory, disk, network and GPU of the machine while a training runs, as metrics `system/...` of its MLflow run.

MLflow's own monitor samples them on a thread of the logging process, never in the training. They are not part of the
records: what was not logged live is missing, and `sync` does not add it.
"""

import os
from typing import Any

from ganpipe.tracking.store import Store

_INTERVAL = 10.0  # seconds between two samples
_POINTS_PER_RATE = 16


def monitor_system(store: Store, run_id: str) -> Any | None:
    """Start to log system metrics to a run, until the run, this process or the monitor ends; return it, None if off.

    After every 16 points of a metric the interval doubles: a day of training adds about 150 points to each metric.
    `MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING=false` turns the monitor off, as it does in MLflow.
    """
    if os.environ.get("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "true").lower() not in ("true", "1"):
        return None
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

    class SlowingMonitor(SystemMetricsMonitor):  # type: ignore[misc]  # mlflow is untyped
        def publish_metrics(self, metrics: dict[str, Any]) -> None:
            super().publish_metrics(metrics)
            if self._logging_step % _POINTS_PER_RATE == 0:
                self.samples_before_logging *= 2

    monitor = SlowingMonitor(run_id, sampling_interval=_INTERVAL, resume_logging=True, tracking_uri=store.uri)
    monitor.start()
    return monitor

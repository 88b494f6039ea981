"""Measure real images and noise as if a generator had made them: the floor and the ceiling of every metric."""

from ganpipe.config import SampleSettings
from ganpipe.data.dataset import load
from ganpipe.layout import JUDGE, PREPARED, REFERENCE, dataset_plan, root
from ganpipe.metrics.judge import load_judge
from ganpipe.metrics.reference import build_reference, load_reference
from ganpipe.metrics.settings import EvaluateSettings
from ganpipe.process import keep_memory, run_stage
from ganpipe.records.circumstances import Stopwatch, labels
from ganpipe.records.filing import Circumstances, data_stage
from ganpipe.tracking.stage import Tracking


def work(name: str) -> None:
    keep_memory()
    plan, watch = dataset_plan(name), Stopwatch()
    settings = EvaluateSettings.model_validate(plan["evaluate"])
    count = SampleSettings.model_validate(plan["sample"]).count
    build_reference(load(PREPARED / name), load_judge(JUDGE / name), settings, count, REFERENCE / name)

    reference = load_reference(REFERENCE / name)
    bounds = {f"floor/{metric}": value for metric, value in reference.floor.items() if value is not None}
    bounds |= {f"ceiling/{metric}": value for metric, value in reference.ceiling.items() if value is not None}
    circumstances = Circumstances(watch.started_ms, labels(threads=settings.threads), watch.costs())
    files = {path.name: path for path in sorted((REFERENCE / name).glob("*.json"))}
    key = data_stage(root(), "reference", name, files, plan["evaluate"], bounds, circumstances)
    Tracking(root()).publish(key)


if __name__ == "__main__":
    run_stage(work)

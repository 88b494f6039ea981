"""Evaluate real images and noise as if they were samples: the floor and the ceiling of every metric."""

from ganpipe.common.progress import progress_bar
from ganpipe.config import SampleSettings
from ganpipe.data.dataset import load
from ganpipe.metrics.extractors.judge import load_judge
from ganpipe.metrics.reference import build_reference
from ganpipe.metrics.settings import EvaluateSettings
from ganpipe.plan.layout import JUDGE, PREPARED, REFERENCE, dataset_plan
from ganpipe.stage import Stage, run_stage


def run(stage: Stage) -> None:
    name, plan = stage.name, dataset_plan(stage.name)
    settings = EvaluateSettings.model_validate(plan["evaluate"])
    count = SampleSettings.model_validate(plan["sample"]).count
    with progress_bar(f"reference@{name}"):
        build_reference(load(PREPARED / name), load_judge(JUDGE / name), settings, count, REFERENCE / name)
    stage.finish(threads=settings.threads)


if __name__ == "__main__":
    run_stage("reference", run)

"""Turn a dataset's raw files into arrays, labels, split and fingerprint."""

from ganpipe.common.progress import working
from ganpipe.data.prepare import prepare
from ganpipe.data.settings import DatasetSettings
from ganpipe.plan.layout import PREPARED, RAW, dataset_plan
from ganpipe.stage import Stage, run_stage


def work(stage: Stage) -> None:
    settings = DatasetSettings.model_validate(dataset_plan(stage.name)["prepare"])
    with working(f"prepare@{stage.name}") as bar:
        prepare(stage.name, RAW / stage.name, settings, PREPARED / stage.name, bar.write)
    stage.conclude()


if __name__ == "__main__":
    run_stage("prepare", work)

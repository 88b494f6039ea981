"""Bring a dataset's raw files from the first source that answers; checksums verified."""

from ganpipe.common.checkout import private
from ganpipe.data.fetch import fetch_dataset
from ganpipe.data.settings import DatasetSettings
from ganpipe.plan.layout import PINS, RAW, dataset_plan
from ganpipe.stage import Stage, run_stage


def work(stage: Stage) -> None:
    settings = DatasetSettings.model_validate(dataset_plan(stage.name)["prepare"])
    fetch_dataset(settings, PINS, RAW / stage.name, private() / "downloads")
    stage.conclude()


if __name__ == "__main__":
    run_stage("fetch", work)

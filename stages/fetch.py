"""Fetch the raw files of a dataset from the first source that works, and verify their checksums."""

from ganpipe.common.checkout import private_folder
from ganpipe.data.fetch import fetch_dataset
from ganpipe.data.settings import PreparationSettings
from ganpipe.plan.layout import PINS, RAW, dataset_plan
from ganpipe.stage import Stage, run_stage


def run(stage: Stage) -> None:
    settings = PreparationSettings.model_validate(dataset_plan(stage.name)["prepare"])
    fetch_dataset(settings, PINS, RAW / stage.name, private_folder() / "downloads")
    stage.finish()


if __name__ == "__main__":
    run_stage("fetch", run)

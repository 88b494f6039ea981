"""Convert the raw files of a dataset to arrays, labels and splits, and fingerprint them."""

from ganpipe.common.progress import progress_bar
from ganpipe.data.prepare import prepare
from ganpipe.data.settings import DatasetSettings
from ganpipe.plan.layout import PREPARED, RAW, dataset_plan
from ganpipe.stage import Stage, run_stage


def run(stage: Stage) -> None:
    settings = DatasetSettings.model_validate(dataset_plan(stage.name)["prepare"])
    with progress_bar(f"prepare@{stage.name}") as bar:
        prepare(stage.name, RAW / stage.name, settings, PREPARED / stage.name, bar.write)
    stage.finish()


if __name__ == "__main__":
    run_stage("prepare", run)

"""Convert the raw files of a dataset to arrays, labels and splits, and fingerprint them."""

from ganpipe.common.progress import progress_bar
from ganpipe.data.prepare import prepare
from ganpipe.data.settings import PreparationSettings
from ganpipe.data.stacked import prepare_stacked
from ganpipe.plan.layout import PREPARED, RAW, dataset_plan
from ganpipe.stage import Stage, run_stage


def run(stage: Stage) -> None:
    settings = PreparationSettings.model_validate(dataset_plan(stage.name)["prepare"])
    write = prepare_stacked if settings.stacked else prepare
    with progress_bar(f"prepare@{stage.name}") as bar:
        write(stage.name, RAW / stage.name, settings.unstacked, PREPARED / stage.name, bar.write)
    stage.finish()


if __name__ == "__main__":
    run_stage("prepare", run)

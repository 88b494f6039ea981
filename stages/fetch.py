"""Bring a dataset's raw files from the first source that answers; checksums verified."""

from ganpipe.data.fetch import fetch_dataset
from ganpipe.data.settings import DatasetSettings
from ganpipe.layout import PINS, RAW, dataset_plan, private, root
from ganpipe.process import run_stage
from ganpipe.records.circumstances import Stopwatch, labels
from ganpipe.records.filing import Circumstances, data_stage
from ganpipe.tracking.stage import Tracking


def work(dataset: str) -> None:
    plan, watch = dataset_plan(dataset), Stopwatch()
    folder = RAW / dataset
    fetch_dataset(DatasetSettings.model_validate(plan["prepare"]), PINS, folder, private() / "downloads")

    circumstances = Circumstances(watch.started_ms, labels(), watch.costs())
    key = data_stage(
        root(),
        "fetch",
        dataset,
        {"contents.json": folder / "contents.json"},
        plan["fetch"],
        {},
        circumstances,
    )
    Tracking(root()).publish(key)


if __name__ == "__main__":
    run_stage(work)

"""Turn a dataset's raw files into arrays, labels, split and fingerprint."""

from ganpipe.data.dataset import DESCRIPTION, load
from ganpipe.data.prepare import prepare
from ganpipe.data.settings import DatasetSettings
from ganpipe.layout import PREPARED, RAW, dataset_plan, root
from ganpipe.process import run_stage
from ganpipe.records.circumstances import Stopwatch, labels
from ganpipe.records.filing import Circumstances, data_stage
from ganpipe.tracking.stage import Tracking


def work(name: str) -> None:
    plan, watch = dataset_plan(name), Stopwatch()
    folder = PREPARED / name
    prepare(name, RAW / name, DatasetSettings.model_validate(plan["prepare"]), folder)

    dataset = load(folder)
    counts = {"train_images": len(dataset.train.images), "heldout_images": len(dataset.heldout.images)}
    circumstances = Circumstances(watch.started_ms, labels(), watch.costs(sum(counts.values())))
    files = {DESCRIPTION: folder / DESCRIPTION}
    key = data_stage(root(), "prepare", name, files, plan["prepare"], counts, circumstances)
    Tracking(root()).publish(key)


if __name__ == "__main__":
    run_stage(work)

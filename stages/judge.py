"""Train the judge of a dataset: the classifier whose features and verdicts the metrics use."""

from tqdm import tqdm

from ganpipe.data.dataset import load
from ganpipe.layout import JUDGE, PREPARED, dataset_plan, root
from ganpipe.metrics.judge import save_judge, train_judge
from ganpipe.metrics.settings import JudgeSettings
from ganpipe.process import keep_memory, run_stage
from ganpipe.records.circumstances import Stopwatch, labels
from ganpipe.records.filing import Circumstances, data_stage
from ganpipe.tracking.stage import Tracking


def work(name: str) -> None:
    keep_memory()
    plan, watch = dataset_plan(name), Stopwatch()
    settings = JudgeSettings.model_validate(plan["judge"])
    dataset = load(PREPARED / name)
    with tqdm(desc=f"judge@{name}", unit=" steps", dynamic_ncols=True, disable=None) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        judge = train_judge(dataset, settings, show)
    save_judge(judge, JUDGE / name)
    print(f"judge@{name}: accuracy {judge.accuracy:.2%} on held-out images ({judge.task})")
    if judge.warning:
        print(f"warning: {judge.warning}")

    circumstances = Circumstances(watch.started_ms, labels(threads=settings.threads), watch.costs())
    files = {path.name: path for path in sorted((JUDGE / name).glob("judge.*"))}
    key = data_stage(root(), "judge", name, files, plan["judge"], {"accuracy": judge.accuracy}, circumstances)
    Tracking(root()).publish(key)


if __name__ == "__main__":
    run_stage(work)

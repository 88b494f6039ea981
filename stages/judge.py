"""Train the judge of a dataset: the classifier whose features and predictions the metrics use."""

from ganpipe.common.progress import progress_bar
from ganpipe.data.dataset import load
from ganpipe.metrics.extractors.judge import save_judge, train_judge
from ganpipe.metrics.extractors.stacked_judge import train_stacked_judge
from ganpipe.metrics.settings import JudgeSettings
from ganpipe.plan.layout import JUDGE, PREPARED, dataset_plan
from ganpipe.stage import Stage, run_stage


def run(stage: Stage) -> None:
    plan = dataset_plan(stage.name)
    settings = JudgeSettings.model_validate(plan["judge"])
    train = train_stacked_judge if plan["prepare"].get("stacked") else train_judge
    with progress_bar(f"judge@{stage.name}", unit=" steps") as bar:

        def show_progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        judge = train(load(PREPARED / stage.name), settings, show_progress)
    save_judge(judge, JUDGE / stage.name)
    print(f"judge@{stage.name}: accuracy {judge.accuracy:.2%} on held-out images ({judge.task})")
    for warning in filter(None, (judge.warning, judge.objection)):
        print(f"warning: {warning}")
    stage.finish(threads=settings.threads)


if __name__ == "__main__":
    run_stage("judge", run)

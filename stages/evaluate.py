"""Evaluate the samples of a run: every metric with its floor, its ceiling and its protocol."""

from ganpipe.common.progress import progress_bar
from ganpipe.metrics.scores import EvaluationFolders, score_run, write_scores
from ganpipe.metrics.settings import EvaluateSettings
from ganpipe.plan.layout import JUDGE, METRICS, MODELS, PREPARED, REFERENCE, SAMPLES, SCORES, run_plan
from ganpipe.stage import Stage, run_stage


def run(stage: Stage) -> None:
    name, plan = stage.name, run_plan(stage.name)
    settings, dataset = EvaluateSettings.model_validate(plan["evaluate"]), plan["train"]["dataset"]
    identity = {"run": name, "experiment": plan["experiment"], "seed": plan["seed"], "dataset": dataset}
    folders = EvaluationFolders(MODELS / name, SAMPLES / name, PREPARED / dataset, JUDGE / dataset, REFERENCE / dataset)
    with progress_bar(f"evaluate@{name}"):
        record = score_run(identity, folders, settings, plan["code"]["metrics"])
    values = write_scores(record, SCORES / f"{name}.json", METRICS / f"{name}.json")
    print(f"{name}: " + (", ".join(f"{metric} {value:.4g}" for metric, value in values.items()) or record["status"]))
    stage.finish(threads=settings.threads)


if __name__ == "__main__":
    run_stage("evaluate", run)

"""Rank the runs of the plan, name the winner and write the report."""

from ganpipe.common.progress import progress_bar
from ganpipe.config import SelectSettings
from ganpipe.plan.layout import OUT, report_plan
from ganpipe.report.report import report
from ganpipe.stage import Stage, run_stage


def run(stage: Stage) -> None:
    with progress_bar("compare"):
        report(OUT, SelectSettings.model_validate(report_plan()["select"]))
    stage.finish()


if __name__ == "__main__":
    run_stage("compare", run)

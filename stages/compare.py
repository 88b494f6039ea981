"""Rank the runs of the plan, name the winner and write the report."""

from ganpipe.common.progress import working
from ganpipe.config import SelectSettings
from ganpipe.plan.layout import OUT, report_plan
from ganpipe.report.report import report
from ganpipe.stage import Stage, run_stage


def work(stage: Stage) -> None:
    with working("compare"):
        report(OUT, SelectSettings.model_validate(report_plan()["select"]))
    stage.conclude()


if __name__ == "__main__":
    run_stage("compare", work)

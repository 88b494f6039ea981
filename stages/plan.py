"""Resolve and check params.yaml, and write one plan file per run and per dataset."""

from ganpipe.common.process import run_script
from ganpipe.plan.build import make_plan
from ganpipe.plan.layout import PARAMS, PINS, PLAN


def run() -> None:
    plan = make_plan(PARAMS, PINS)
    plan.write(PLAN)
    print(f"{len(plan.runs)} runs on {len(plan.datasets)} datasets planned")


if __name__ == "__main__":
    run_script(run)

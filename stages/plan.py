"""Resolve and check params.yaml into one plan file per run and per dataset."""

from ganpipe.layout import PARAMS, PINS, PLAN
from ganpipe.planning.plan import make_plan
from ganpipe.process import run_script


def work() -> None:
    plan = make_plan(PARAMS, PINS)
    plan.write(PLAN)
    print(f"{len(plan.runs)} runs on {len(plan.datasets)} datasets planned")


if __name__ == "__main__":
    run_script(work)

"""Join each run of the plan with the fingerprint of its data: what its training depends on."""

import yaml

from ganpipe.common.atomic import atomic_folder
from ganpipe.common.hashing import digest
from ganpipe.common.process import run_script
from ganpipe.data.dataset import load
from ganpipe.plan.layout import INPUTS, PREPARED, planned_runs, run_plan


def work() -> None:
    with atomic_folder(INPUTS) as folder:
        for run in planned_runs():
            plan = run_plan(run)
            name = plan["train"]["dataset"]
            data = {"dataset": name, "fingerprint": load(PREPARED / name).fingerprint}
            identity = [run, plan["train"], plan["code"]["train"], plan["packages"], data]
            inputs = {"data": data, "key": digest(identity)}
            (folder / f"{run}.yaml").write_text(yaml.safe_dump(inputs, sort_keys=False), encoding="utf-8")


if __name__ == "__main__":
    run_script(work)

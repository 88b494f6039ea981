"""Write the inputs of each training: the fingerprint of its dataset, and the key that identifies the run."""

import yaml

from ganpipe.common.atomic import atomic_folder
from ganpipe.common.hashing import digest
from ganpipe.common.process import run_script
from ganpipe.data.dataset import load
from ganpipe.plan.layout import INPUTS, PREPARED, planned_runs, run_plan


def run() -> None:
    with atomic_folder(INPUTS) as folder:
        for name in planned_runs():
            plan = run_plan(name)
            dataset = plan["train"]["dataset"]
            data = {"dataset": dataset, "fingerprint": load(PREPARED / dataset).fingerprint}
            identity = [name, plan["train"], plan["code"]["train"], plan["packages"], data]
            inputs = {"data": data, "key": digest(identity)}
            (folder / f"{name}.yaml").write_text(yaml.safe_dump(inputs, sort_keys=False), encoding="utf-8")


if __name__ == "__main__":
    run_script(run)

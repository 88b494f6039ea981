"""Join each run of the plan with the judge and the reference that will measure it."""

import yaml

from ganpipe.common.atomic import atomic_folder
from ganpipe.common.hashing import file_digest
from ganpipe.common.process import run_script
from ganpipe.plan.layout import JUDGE, PROTOCOL, REFERENCE, planned_runs, run_plan


def work() -> None:
    with atomic_folder(PROTOCOL) as folder:
        for run in planned_runs():
            dataset = run_plan(run)["train"]["dataset"]
            measures = {
                path.name: file_digest(path)
                for place in (JUDGE / dataset, REFERENCE / dataset)
                for path in sorted(place.iterdir())
                if not path.name.startswith(".")
            }
            text = yaml.safe_dump({"dataset": dataset, "sha256": measures}, sort_keys=False)
            (folder / f"{run}.yaml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    run_script(work)

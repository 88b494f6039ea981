"""Write, for each run, the digests of the judge and the reference that evaluate it."""

import yaml

from ganpipe.common.atomic import atomic_folder
from ganpipe.common.hashing import file_digest
from ganpipe.common.process import run_script
from ganpipe.plan.layout import JUDGE, PROTOCOL, REFERENCE, planned_runs, run_plan


def run() -> None:
    with atomic_folder(PROTOCOL) as folder:
        for name in planned_runs():
            dataset = run_plan(name)["train"]["dataset"]
            digests = {
                path.name: file_digest(path)
                for source in (JUDGE / dataset, REFERENCE / dataset)
                for path in sorted(source.iterdir())
                if not path.name.startswith(".")
            }
            text = yaml.safe_dump({"dataset": dataset, "sha256": digests}, sort_keys=False)
            (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    run_script(run)

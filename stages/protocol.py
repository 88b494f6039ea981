"""Write, for each run, the digests of what evaluates it, and of what chooses its generator.

Two files per run: the digests of judge and reference for the stage `evaluate`, and those of the judge for the stage
`sample`. The latter is empty for a run that keeps its last generator, so that another judge does not sample it again.
"""

from pathlib import Path

import yaml

from ganpipe.common.atomic import atomic_folder
from ganpipe.common.hashing import file_digest
from ganpipe.common.process import run_script
from ganpipe.plan.layout import JUDGE, PROTOCOL, REFERENCE, SELECTION, planned_runs, run_plan


def run() -> None:
    with atomic_folder(PROTOCOL) as protocol, atomic_folder(SELECTION) as selection:
        for name in planned_runs():
            plan = run_plan(name)
            dataset, chooses = plan["train"]["dataset"], "selection" in plan["sample"]
            judge, reference = _digests(JUDGE / dataset), _digests(REFERENCE / dataset)
            _write(protocol / f"{name}.yaml", {"dataset": dataset, "sha256": judge | reference})
            _write(selection / f"{name}.yaml", {"dataset": dataset, "sha256": judge} if chooses else {})


def _digests(folder: Path) -> dict[str, str]:
    return {path.name: file_digest(path) for path in sorted(folder.iterdir()) if not path.name.startswith(".")}


def _write(path: Path, content: dict[str, object]) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


if __name__ == "__main__":
    run_script(run)

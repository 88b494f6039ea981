"""Record which definitions of a package a piece of code really executes.

    python -m tests.plan.tracing <workspace> <output.json>

runs all stages of a small grid in one process, without DVC and MLflow, and writes the definitions that each executed.
"""

import json
import os
import runpy
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from ganpipe.source.fingerprint import Definition
from ganpipe.source.index import Index
from tests.conftest import REPOSITORY

DATA_STAGES = ("fetch", "prepare", "judge", "reference")
RUN_STAGES = ("train", "sample", "evaluate")
NOT_RESULTS = {
    "ganpipe.stage": "what all stages share around their work",
    "ganpipe.records": "records of an execution, written after its outputs",
    "ganpipe.tracking": "MLflow",
    "ganpipe.executors": "where a training runs: results do not depend on it",
    "ganpipe.plan": "reads the plan, whose values are dependencies themselves",
    "ganpipe.config": "validates the plan's values",
    "ganpipe.common.scheduled_types": "validates the plan's values",
    "ganpipe.data.settings": "validates the plan's values",
    "ganpipe.metrics.settings": "validates the plan's values",
    "ganpipe.common.progress": "progress bars",
    "ganpipe.common.checkout": "paths of the main checkout",
    "ganpipe.training.continuation": "chooses where a training resumes, which does not change its bits",
    "ganpipe.training.workdir": "lock of the checkpoint folder",
    "ganpipe.training.device": "chooses the device, which is not part of a result's identity",
}
"""Modules and packages whose code may run outside a fingerprint, each with the reason."""
CALLS_COUNT = {"ganpipe.executors"}
"""Those of them that call code which does produce outputs."""


class Tracer:
    """Collects the functions of a package that are called inside the block `recording`, in all its threads.

    Two kinds of calls do not count: those during the import of a module, whose statements and decorators are part of a
    fingerprint themselves; and those made, directly or not, by the modules and packages `ignored`.
    """

    def __init__(self, package: Path, ignored: Iterable[str] = ()) -> None:
        self._index = Index(package)
        self._ignored = tuple(ignored)
        self._prefix = f"{package.resolve()}{os.sep}"
        self._lines: dict[str, list[tuple[int, int, Definition]]] = {}
        self._codes: set[CodeType] = set()
        self._hides: dict[CodeType, bool | None] = {}
        self._thread = threading.local()

    @contextmanager
    def recording(self) -> Iterator[set[Definition]]:
        """Yield a set that contains the executed definitions after the block."""
        self._codes = set()
        executed: set[Definition] = set()
        threading.setprofile(self._profile)
        sys.setprofile(self._profile)
        try:
            yield executed
        finally:
            sys.setprofile(None)
            threading.setprofile(None)  # type: ignore[arg-type]
        executed.update(definition for code in self._codes if (definition := self._definition(code)))

    def _profile(self, frame: FrameType, event: str, _argument: Any) -> None:
        hiding = getattr(self._thread, "hiding", None)
        if hiding is not None:
            if event == "return" and frame is hiding:
                self._thread.hiding = None
            return
        if event != "call":
            return
        code = frame.f_code
        if code not in self._hides:
            self._hides[code] = self._hides_calls(code) if self._is_source(code) else None
        hides = self._hides[code]
        if hides is not None:
            self._codes.add(code)
            self._thread.hiding = frame if hides else None

    def _is_source(self, code: CodeType) -> bool:
        return code.co_filename.startswith(self._prefix) and code.co_filename.endswith(".py")

    def _hides_calls(self, code: CodeType) -> bool:
        return code.co_name == "<module>" or is_in(self._module(code), self._ignored)

    def _module(self, code: CodeType) -> str:
        parts = Path(code.co_filename).relative_to(self._index.folder.parent.resolve()).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def _definition(self, code: CodeType) -> Definition | None:
        """Return the top-level definition that contains a function.

        Code outside a definition is part of its module's side effects; None if the module only defines names.
        """
        name = self._module(code)
        if name not in self._lines:
            module = self._index.module(name)
            self._lines[name] = [
                (first_line(node), node.end_lineno or 0, (name, key)) for key, node in module.definitions.items()
            ]
        for first, last, definition in self._lines[name]:
            if first <= code.co_firstlineno <= last:
                return definition
        return (name, "") if self._index.module(name).side_effects else None


def is_in(module: str, names: Iterable[str]) -> bool:
    """Return whether a module is one of the named modules or inside one of the named packages."""
    return any(module == name or module.startswith(f"{name}.") for name in names)


def first_line(node: Any) -> int:
    """Return the line on which a statement starts, decorators included."""
    return min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))])


class NoTracking:
    """Stands in for `Tracking`: nothing is sent to MLflow."""

    def attempt(self, *_: Any, **__: Any) -> None:
        """Do nothing."""

    def publish(self, key: str) -> None:
        """Do nothing."""


def stage_function(stage: str) -> Callable[..., None]:
    """Return the function that a stage script passes to `run_stage` or `run_script`."""
    import ganpipe.common.process
    import ganpipe.stage

    functions: list[Callable[..., None]] = []
    ganpipe.stage.run_stage = lambda _, run: functions.append(run)  # type: ignore[assignment, return-value]
    ganpipe.common.process.run_script = functions.append  # type: ignore[assignment]
    runpy.run_path(str(REPOSITORY / "stages" / f"{stage}.py"), run_name="__main__")
    (function,) = functions
    return function


def executions(runs: list[str], datasets: list[str]) -> Iterator[tuple[str, str]]:
    """Yield all stages after `plan`, each with its run or dataset, in an order that satisfies their dependencies."""
    yield from ((stage, dataset) for dataset in datasets for stage in DATA_STAGES)
    yield from (("inputs", ""), ("protocol", ""))
    yield from ((stage, run) for run in runs for stage in RUN_STAGES)
    yield "compare", ""


def main(workspace: Path, output: Path) -> None:
    """Plan and run the grid in the folder `workspace`."""
    from ganpipe.plan.build import make_plan
    from ganpipe.plan.layout import PARAMS, PINS, PLAN
    from ganpipe.stage import Stage

    os.chdir(workspace)
    plan = make_plan(PARAMS, PINS)
    plan.write(PLAN)
    tracer = Tracer(REPOSITORY / "src" / "ganpipe", NOT_RESULTS.keys() - CALLS_COUNT)
    found = {}
    for stage, name in executions(list(plan.runs), list(plan.datasets)):
        function = stage_function(stage)
        arguments = [] if stage in ("inputs", "protocol") else [Stage(stage, name, NoTracking())]  # type: ignore[arg-type]
        with tracer.recording() as executed:
            function(*arguments)
        found[f"{stage}@{name}"] = sorted(executed)
    output.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

"""The stages of the DVC graph and which of them are out of date: the only module that uses DVC's internals.

DVC has no public call for either, and its command line takes seconds per query. The version of DVC is pinned, and the
tests run the real one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ganpipe.common.atomic import write_text
from ganpipe.common.errors import UserError


@contextmanager
def _dvc_errors() -> Iterator[None]:
    """Turn DVC's exceptions into UserError."""
    from dvc.exceptions import DvcException

    try:
        yield
    except DvcException as error:
        raise UserError(f"dvc.yaml: DVC cannot read the pipeline: {error}. See `dvc status -v` for details.") from error


class StageGraph:
    """The stages that some targets need, in the order of a plain `dvc repro`.

    `upstream` maps each stage to its direct dependencies, in that order.
    """

    upstream: dict[str, list[str]]

    def __init__(self, targets: tuple[str, ...]) -> None:
        """Read dvc.yaml of the working directory. Raises UserError if DVC cannot read it or a target is unknown."""
        from dvc.repo import Repo
        from dvc.repo.reproduce import collect_stages, get_active_graph, plan_repro

        with _dvc_errors():
            self._repo = Repo(_wait_for_lock=True)
            with self.locked():
                graph = get_active_graph(self._repo.index.graph)
                selected = collect_stages(self._repo, targets or ("dvc.yaml",))
                self._stages: dict[str, Any] = {stage.addressing: stage for stage in plan_repro(graph, selected)}
                self.upstream = {
                    name: [dependency.addressing for dependency in graph.successors(stage)]
                    for name, stage in self._stages.items()
                }
                self._recorded = set(self._lock_file()["stages"])

    @property
    def locks(self) -> Path:
        """The folder of DVC's locks."""
        return Path(self._repo.tmp_dir)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Wait for DVC's lock and hold it, so that no other process writes dvc.lock."""
        from dvc.repo import lock_repo

        with lock_repo(self._repo):
            yield

    def changed(self, stage: str) -> bool:
        """Return whether `dvc repro` would run the stage, given that its dependencies are up to date.

        Call it while `locked`. As in `dvc repro`, dvc.lock was read once, at the start, so a query takes milliseconds.
        """
        with _dvc_errors():
            return bool(self._stages[stage].changed())

    def always_runs(self, stage: str) -> bool:
        """Return whether DVC runs the stage every time, whatever has changed."""
        return bool(self._stages[stage].always_changed)

    def restore_order(self) -> None:
        """Sort the new entries of dvc.lock into the order in which `dvc repro` would have written them.

        DVC appends entries in order of completion, which varies between parallel runs. Old entries keep their place.
        """
        from dvc.utils.serialize import dumps_yaml

        with self.locked():
            content = self._lock_file()
            entries = content["stages"]
            before = list(entries)
            for name in self.upstream:
                if name in entries and name not in self._recorded:
                    entries.move_to_end(name)
            if list(entries) != before:
                write_text(self._lock_file_path, dumps_yaml(content))

    @property
    def _lock_file_path(self) -> Path:
        return Path(self._repo.root_dir) / "dvc.lock"

    def _lock_file(self) -> Any:
        from dvc.utils.serialize import parse_yaml_for_update

        path = self._lock_file_path
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        return parse_yaml_for_update(text, path) or {"stages": {}}

"""The stages that `dvc repro` would visit, and which of them it would run: the only reader of DVC's internals.

DVC has no public call for either; its command line answers in seconds per question. The version of DVC is pinned, and
the tests run the real one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ganpipe.common.atomic import write_text
from ganpipe.common.errors import UserError


@contextmanager
def _told() -> Iterator[None]:
    from dvc.exceptions import DvcException

    try:
        yield
    except DvcException as error:
        raise UserError(
            f"DVC cannot read the pipeline: {error}. `dvc status` shows the same with its details"
        ) from error


class StageGraph:
    """The stages that targets stand for, with all that they depend on, in the order of a plain `dvc repro`.

    `upstream` maps each stage to those that must be done before it, in that order.
    """

    upstream: dict[str, list[str]]

    def __init__(self, targets: tuple[str, ...]) -> None:
        """Read dvc.yaml of the working directory. Raises UserError when DVC cannot, or knows a target not."""
        from dvc.repo import Repo
        from dvc.repo.reproduce import collect_stages, get_active_graph, plan_repro

        with _told():
            self._repo = Repo(_wait_for_lock=True)
            with self.locked():
                graph = get_active_graph(self._repo.index.graph)
                chosen = collect_stages(self._repo, targets or ("dvc.yaml",))
                self._stages: dict[str, Any] = {stage.addressing: stage for stage in plan_repro(graph, chosen)}
                self.upstream = {
                    name: [needed.addressing for needed in graph.successors(stage)]
                    for name, stage in self._stages.items()
                }
                self._recorded = set(self._lock_file()["stages"])

    @property
    def locks(self) -> Path:
        """The folder of DVC's locks."""
        return Path(self._repo.tmp_dir)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold DVC's lock, waiting for it: nobody else is writing dvc.lock."""
        from dvc.repo import lock_repo

        with lock_repo(self._repo):
            yield

    def changed(self, stage: str) -> bool:
        """Whether `dvc repro` would run the stage now that all before it is done; to be asked while `locked`.

        As in `dvc repro`, what the stage last saw was read once, at the start: so one question costs milliseconds.
        """
        with _told():
            return bool(self._stages[stage].changed())

    def restore_order(self) -> None:
        """Put the entries that are new in dvc.lock into the order in which `dvc repro` would have written them.

        DVC appends entries as stages end, and several at once end in any order. Entries that were there stay in place.
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

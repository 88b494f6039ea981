"""The stages of the DVC graph, read once: which are out of date, and how one of them is brought up to date.

DVC has no public call for this, and its command line reads the whole pipeline for each stage, which takes seconds. The
version of DVC is pinned, and the tests run the real one.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ganpipe.common.errors import UserError
from ganpipe.common.hashing import digest
from ganpipe.scheduling.lock_file import LockFile
from ganpipe.scheduling.locks import patient_lock


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
        from dvc.lock import Lock
        from dvc.repo import Repo
        from dvc.repo.reproduce import get_active_graph, plan_repro

        self._digests: dict[Path, tuple[int, str]] = {}
        with _dvc_errors():
            self._repo = Repo(_wait_for_lock=True)
            if type(self._repo.lock) is Lock:  # not the hard links of `core.hardlink_lock`
                self._repo.lock = patient_lock(self._repo.lock.lockfile)
            with self.locked():
                graph = get_active_graph(self._repo.index.graph)
                self._stages: dict[str, Any] = {
                    stage.addressing: stage for stage in plan_repro(graph, self._selected(targets))
                }
                self.upstream = {
                    name: [dependency.addressing for dependency in graph.successors(stage)]
                    for name, stage in self._stages.items()
                }
            self._lock_file = LockFile(Path(self._repo.root_dir) / "dvc.lock", list(self.upstream))

    def _selected(self, targets: tuple[str, ...]) -> list[Any]:
        """Return the stages of the targets; those of dvc.yaml are already in DVC's index."""
        from dvc.repo.reproduce import collect_stages

        pipeline = str(Path("dvc.yaml").absolute())
        whole = [] if targets else [stage for stage in self._repo.index.stages if stage.path == pipeline]
        return whole or list(collect_stages(self._repo, targets or ("dvc.yaml",)))

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

    def changed(self, stages: Iterable[str]) -> set[str]:
        """Return those of the stages that `dvc repro` would run, given that their dependencies are up to date.

        Call it while `locked`. As in `dvc repro`, dvc.lock was read once, at the start, so a query takes milliseconds.
        """
        from dvc.dependency.db import AbstractDependency
        from dvc.dependency.repo import RepoDependency
        from dvc.logger import set_loggers_level
        from dvc.rwlock import rwlock

        found = [self._stages[name] for name in stages]
        paths = [
            item.fs_path
            for stage in found
            for item in (*stage.deps, *stage.outs)
            if not isinstance(item, RepoDependency | AbstractDependency)  # as DVC does: nothing can write these
        ]
        hardlink = self._repo.config["core"].get("hardlink_lock", False)
        # Stage.changed registers its paths three times per stage, and each time rewrites the list of path users.
        users = rwlock(self._repo.tmp_dir, self._repo.fs, "ganpipe repro", paths, [], hardlink)
        with _dvc_errors(), set_loggers_level(logging.CRITICAL), users:  # this level also turns off progress bars
            return {stage.addressing for stage in found if _changed(stage)}

    def always_runs(self, stage: str) -> bool:
        """Return whether DVC runs the stage every time, whatever has changed."""
        return bool(self._stages[stage].always_changed)

    def recorded(self, stage: str) -> bool:
        """Return whether dvc.lock had the outputs of the stage at the start; if not, the stage has to run."""
        return all(out.hash_info for out in self._stages[stage].outs)

    def kind(self, stage: str) -> str:
        """Return a key that only stages with the same command and settings share, whatever their seed."""
        settings = "".join(self._settings(Path(dep.fs_path)) for dep in self._stages[stage].params)
        return f"{stage.partition('@')[0]} {settings}"

    def _settings(self, path: Path) -> str:
        """Return a digest of a plan file without its seeds, or of all of params.yaml; "missing" before it is made."""
        try:
            changed = path.stat().st_mtime_ns
            if self._digests.get(path, (0, ""))[0] != changed:
                lines = path.read_text(encoding="utf-8").splitlines()
                kept = [line for line in lines if not line.lstrip().startswith(("seed:", "run:"))]
                self._digests[path] = changed, digest(kept)
        except FileNotFoundError:
            return "missing"
        return self._digests[path][1]

    def restorable(self, stage: str) -> bool:
        """Return whether DVC keeps a finished run of the stage in its run cache, and restores it without running it."""
        from dvc.stage.cache import _can_hash

        found = self._stages[stage]
        return bool(_can_hash(found)) and all(out.use_cache or out.is_metric or out.is_plot for out in found.outs)

    def reproduce(self, stage: str) -> dict[str, Any] | None:
        """Bring a stage up to date as `dvc repro --single-item` does, but for its entry in dvc.lock.

        Returns this entry for `record`, or None if dvc.lock is up to date. It waits for DVC's lock and holds it, except
        while the command of the stage runs. Call it in a process of its own, because it changes the graph.

        Raises:
            DvcException: the stage failed.
        """
        from dvc.repo.reproduce import _reproduce
        from dvc.stage import PipelineStage
        from dvc.stage.serialize import to_single_stage_lockfile

        entries: list[dict[str, Any]] = []

        def run(stage: Any, **options: Any) -> Any:
            if not isinstance(stage, PipelineStage):  # an import, recorded in its own file
                ran = stage.reproduce(**options)
                if ran:
                    stage.dump()
                return ran
            before = to_single_stage_lockfile(stage)
            ran = stage.reproduce(**options)
            after = to_single_stage_lockfile(stage)
            if ran and after != before:
                entries.append(after)
            return ran

        with self.locked(), self._repo.scm_context():
            _reproduce([self._stages[stage]], repro_fn=run)
        return entries[0] if entries else None

    def record(self, entries: dict[str, dict[str, Any]]) -> None:
        """Write the entries of finished stages to dvc.lock, in one update, in the order of `dvc repro`."""
        with _dvc_errors(), self.locked(), self._repo.scm_context(quiet=True) as context:
            self._lock_file.update(entries)
            context.track_file("dvc.lock")  # staged in Git if `core.autostage` is set


def _changed(stage: Any) -> bool:
    """Return what DVC's Stage.changed returns, without registering as a user of the paths."""
    return bool(
        stage.changed_stage()
        or (not stage.frozen and (stage.is_callback or stage.always_changed or any(d.status() for d in stage.deps)))
        or any(out.status() for out in stage.outs)
    )

"""dvc.lock, updated with several stages at once."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ganpipe.common.atomic import write_text


class LockFile:
    """The file in which DVC records the hashes of all stages, kept byte for byte as `dvc repro` would write it."""

    def __init__(self, path: Path, order: Sequence[str]) -> None:
        """Create it without reading the file. order: all stages, in the order of `dvc repro`."""
        self._path, self._order = path, order
        self._content: Any = None
        self._text = ""
        self._recorded = set[str]()

    def update(self, entries: Mapping[str, Mapping[str, Any]]) -> None:
        """Write the entries of some stages with one atomic write, while holding DVC's workspace lock.

        Entries that the file had at the first update keep their place. The others are sorted into the order of the
        stages: DVC appends them in order of completion, which varies between parallel runs.
        """
        from dvc.utils.serialize import dumps_yaml, parse_yaml_for_update

        text = self._path.read_text(encoding="utf-8") if self._path.exists() else ""
        if self._content is None:
            self._content = parse_yaml_for_update(text, self._path)
            self._recorded = set(self._content.get("stages", {}))
        elif text != self._text:  # another process has written it; parsing takes seconds
            self._content = parse_yaml_for_update(text, self._path)
        if not self._content:
            self._content = {"schema": "2.0"}
        stages = self._content.setdefault("stages", {})
        stages.update(entries)
        for name in self._order:
            if name in stages and name not in self._recorded:
                stages[name] = stages.pop(name)
        self._text = dumps_yaml(self._content)
        write_text(self._path, self._text)

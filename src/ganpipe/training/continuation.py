"""Continue a finished training for more epochs.

If only the number of epochs differs, the first epochs of a longer training are those of the shorter one, bit for bit,
unless a schedule ends with the training: a longer one then starts from the beginning.
The state at the end of a training is therefore kept, one for each run name, and a longer training starts from it.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganpipe.common.atomic import atomic_file, atomic_folder
from ganpipe.common.errors import UserError
from ganpipe.common.hashing import digest, file_digest
from ganpipe.config import Training
from ganpipe.plan.introspection import depends_on_epochs
from ganpipe.source.index import Index
from ganpipe.training.workdir import CHECKPOINT, RESULT, locked

_STATE, _DESCRIPTION = "state", "end.json"


def lineage(plan: Mapping[str, Any], fingerprint: str) -> str:
    """Return the identity of a run without its number of epochs, unless its steps depend on that number.

    They do if a schedule ends with the training, or if the method reads the number of epochs. plan: the run's plan
    file. fingerprint: of its prepared data.
    """
    settings = dict(plan["train"])
    scheduled = Training.model_validate(settings).depends_on_length
    if not (scheduled or depends_on_epochs(Index(Path(__file__).parents[1]), settings["method"])):
        del settings["epochs"]
    device = plan["compute"]["device"]
    return digest([plan["run"], settings, device, plan["code"]["train"], plan["packages"], fingerprint])


def save_end_state(work: Path, folder: Path, lineage: str, epochs: int) -> None:
    """Keep the state of a finished training of that many epochs in `folder`, replacing that of an earlier training.

    Nothing is kept without a checkpoint (a pretrained generator has none), or while another process uses the folder.
    """
    if not (work / CHECKPOINT).exists():
        return
    try:
        with locked(folder), atomic_folder(folder / _STATE) as state:
            for path in _state_files(work):
                _copy(path, state / path.relative_to(work))
            files = {name: file_digest(path) for name, path in _by_name(state).items()}
            description = {"lineage": lineage, "epochs": epochs, "files": files}
            (state / _DESCRIPTION).write_text(json.dumps(description), encoding="utf-8")
    except UserError:
        return


def restore_end_state(work: Path, folder: Path, lineage: str, epochs: int) -> None:
    """Let a training of that many epochs resume from the end of a shorter one of the same lineage, if there is one.

    A working folder that has a checkpoint is left unchanged. The checkpoint is copied last, so that a killed copy is
    repeated. A damaged state is ignored.
    """
    if (work / CHECKPOINT).exists() or not folder.exists():
        return
    try:
        with locked(folder):
            state = folder / _STATE
            description = json.loads((state / _DESCRIPTION).read_text(encoding="utf-8"))
            if description["lineage"] != lineage or description["epochs"] > epochs:
                return
            files = {name: path for name, path in _by_name(state).items() if name != _DESCRIPTION}
            if description["files"] != {name: file_digest(path) for name, path in files.items()}:
                return
            for name in sorted(files, key=lambda name: name == CHECKPOINT):
                _copy(files[name], work / name)
    except (UserError, FileNotFoundError, ValueError, LookupError, TypeError):
        return  # another process saves a state, or there is none


def _state_files(work: Path) -> list[Path]:
    """Return the files from which a training resumes: all but the result and temporary files."""
    found = (path for name, path in _by_name(work).items() if not name.startswith(f"{RESULT}/"))
    return [path for path in found if not any(part.startswith(".") for part in path.relative_to(work).parts)]


def _by_name(folder: Path) -> dict[str, Path]:
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}


def _copy(source: Path, destination: Path) -> None:
    with atomic_file(destination) as part:
        shutil.copyfile(source, part)

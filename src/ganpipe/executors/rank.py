"""One of the processes that train a model together. Rank 0 reports to the stage, one JSON object per line."""

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from ganpipe.common.errors import UserError, is_full_disk
from ganpipe.common.process import die_with_parent, tune_allocator
from ganpipe.training.table import Rows

_WAIT_FOR_LAUNCHER_S = 60.0


class JsonCallback:
    """Training callback that writes every event as a line of JSON."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def on_start(self, done: int, total: int) -> None:
        """Write the start or resume."""
        self.write(start=(done, total))

    def on_step(self, images: int) -> None:
        """Write the images of a step."""
        self.write(step=images)

    def on_epoch(self, history: Rows, epochs: Rows) -> None:
        """Write the new rows of both curves."""
        self.write(history=history.to_json(), epochs=epochs.to_json())

    def write(self, **event: Any) -> None:
        """Write one line."""
        self._stream.write(json.dumps(event) + "\n")
        self._stream.flush()


class NullCallback:
    """Training callback that ignores every event, for all ranks but 0."""

    def on_start(self, done: int, total: int) -> None:
        """Ignore the start."""

    def on_step(self, images: int) -> None:
        """Ignore the step."""

    def on_epoch(self, history: Rows, epochs: Rows) -> None:
        """Ignore the epoch."""


def main() -> None:
    """Train as one process of a group; arguments: the launcher's process id, and the task as JSON."""
    launcher, task = int(sys.argv[1]), json.loads(sys.argv[2])
    die_with_parent()
    if os.getppid() != launcher:  # it exited before `die_with_parent` took effect
        sys.exit(1)
    tune_allocator()
    # Reserve stdout for the stage: everything that a library prints goes to stderr.
    callback = JsonCallback(os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8"))
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    from ganpipe.common.distributed import PeerLostError

    try:
        _train(task, callback)
    except PeerLostError:
        time.sleep(_WAIT_FOR_LAUNCHER_S)  # the launcher stops this process, and reports the one that was lost
        sys.exit(1)
    except UserError as error:
        callback.write(error=str(error))
        sys.exit(1)
    except OSError as error:
        if not is_full_disk(error):
            raise
        callback.write(error="no space left on the disk. Free some and run again: the training resumes.")
        sys.exit(1)


def _train(task: Mapping[str, Any], callback: JsonCallback) -> None:
    import torch
    import torch.distributed as dist

    from ganpipe.config import Training
    from ganpipe.data.dataset import load
    from ganpipe.executors.local import train_here
    from ganpipe.training.device import choose_device

    training, device = Training.model_validate(task["training"]), choose_device(task["device"])
    if device.type == "cuda":
        if training.processes > torch.cuda.device_count():
            raise UserError(
                f"compute.processes: {training.processes} processes need a GPU each, but this machine has "
                f"{torch.cuda.device_count()}. Lower it, or set compute.device to cpu."
            )
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    is_first = dist.get_rank() == 0
    trained = train_here(
        training,
        load(Path(task["prepared"])),
        Path(task["work"]),
        callback if is_first else NullCallback(),
        device.type,
        task["checkpoint_every"],
    )
    if is_first:
        callback.write(trained=asdict(trained))
    dist.barrier()  # no process leaves while another may still wait for it
    dist.destroy_process_group()


if __name__ == "__main__":
    main()

"""One of the processes that train a model together. The first tells the stage what happens, a line of JSON each."""

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from ganpipe.common.errors import UserError, is_full_disk
from ganpipe.common.process import die_with_parent, tune_allocator

_PATIENCE_S = 60.0

Row = Mapping[str, float | int]


class JsonCallback:
    """Observer that writes down what it is told, as far as it is new."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._told = (0, 0)

    def start(self, done: int, total: int) -> None:
        """Tell where the training begins."""
        self.tell(start=(done, total))

    def step(self, images: int) -> None:
        """Tell of a step."""
        self.tell(step=images)

    def epoch(self, history: Sequence[Row], epochs: Sequence[Row]) -> None:
        """Tell the new rows of both curves."""
        self.tell(history=history[self._told[0] :], epochs=epochs[self._told[1] :])
        self._told = (len(history), len(epochs))

    def tell(self, **news: Any) -> None:
        """Write one line."""
        self._stream.write(json.dumps(news) + "\n")
        self._stream.flush()


class NullCallback:
    """Observer of the other processes: the first speaks for all."""

    def start(self, done: int, total: int) -> None:
        """Say nothing."""

    def step(self, images: int) -> None:
        """Say nothing."""

    def epoch(self, history: Sequence[Row], epochs: Sequence[Row]) -> None:
        """Say nothing."""


def main() -> None:
    """Do this process's part of the task; arguments: the launcher's process, and the task as JSON."""
    launcher, task = int(sys.argv[1]), json.loads(sys.argv[2])
    die_with_parent()
    if os.getppid() != launcher:  # it died before this process could ask to die with it
        sys.exit(1)
    tune_allocator()
    # The way to the stage, apart from whatever a library prints.
    teller = JsonCallback(os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8"))
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    from ganpipe.common.distributed import PeerLostError

    try:
        _train(task, teller)
    except PeerLostError:
        time.sleep(_PATIENCE_S)  # the launcher ends this process, and tells of the one that was lost
        sys.exit(1)
    except UserError as error:
        teller.tell(mistake=str(error))
        sys.exit(1)
    except OSError as error:
        if not is_full_disk(error):
            raise
        teller.tell(mistake="no space left to write: make room and run this again; what is done is kept")
        sys.exit(1)


def _train(task: Mapping[str, Any], teller: JsonCallback) -> None:
    import torch
    import torch.distributed as dist

    from ganpipe.config import Training
    from ganpipe.data.dataset import load
    from ganpipe.executors.local import attempt
    from ganpipe.training.workdir import choose_device

    training, device = Training.model_validate(task["training"]), choose_device(task["device"])
    if device.type == "cuda":
        if training.processes > torch.cuda.device_count():
            raise UserError(
                f"compute.processes = {training.processes}: each takes a GPU, and there are "
                f"{torch.cuda.device_count()} here; lower it, or set compute.device: cpu"
            )
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    observer = teller if dist.get_rank() == 0 else NullCallback()
    trained = attempt(
        training, load(Path(task["prepared"])), Path(task["work"]), observer, device.type, task["checkpoint_every"]
    )
    if dist.get_rank() == 0:
        teller.tell(ended=asdict(trained))
    dist.barrier()  # none leaves while another may still wait for its part
    dist.destroy_process_group()


if __name__ == "__main__":
    main()

"""The training loop: a pure function from settings and prepared data to files."""

import time
from pathlib import Path

import torch

from ganpipe.common import distributed
from ganpipe.common.determinism import make_deterministic
from ganpipe.common.fixed_sample import spread_indices
from ganpipe.common.image_grid import save_grid
from ganpipe.common.instructions import check_instructions
from ganpipe.common.random_streams import torch_seed
from ganpipe.config import Training
from ganpipe.data.batches import Batches
from ganpipe.data.dataset import Dataset
from ganpipe.methods.common.protocol import AdversarialMethod, Method, Model
from ganpipe.methods.registry import build_method
from ganpipe.sampling.snapshots import is_kept, save_snapshot
from ganpipe.training import health
from ganpipe.training.batching import build_batches
from ganpipe.training.callback import Callback
from ganpipe.training.checkpoint import Checkpoint, Position
from ganpipe.training.fixed_noise import FIXED_IMAGES, FixedNoise
from ganpipe.training.log import TrainingLog
from ganpipe.training.per_class_log import PerClassLog
from ganpipe.training.result import GRID_COLUMNS, PROGRESS, Outcome, write_result
from ganpipe.training.sample_metrics import sample_metrics


def train(
    training: Training,
    dataset: Dataset,
    work: Path,
    callback: Callback,
    device: torch.device,
    checkpoint_every: float,
) -> tuple[Outcome, float]:
    """Train one run, write its files to `work/result`, and return the outcome and the seconds of all attempts.

    Resumes from `work/checkpoint.pt` if it exists. The same settings, data and type of processor give the same bits,
    with or without interruptions. A failed training is an outcome, not an error.

    In a group of processes, every process calls this function, and only rank 0 writes files.
    """
    started = time.perf_counter()
    make_deterministic(training.threads)
    check_instructions(training.instructions, torch.backends.cpu.get_cpu_capability())
    torch.manual_seed(torch_seed(training.seed, "initialisation"))
    model = build_method(training, dataset.shape, len(dataset.classes), device)
    torch.manual_seed(torch_seed(training.seed, "training"))
    fixed_noise = FixedNoise(model.description(), training.seed, device)
    classes = PerClassLog(model, dataset, training.seed, device, work)
    writes = distributed.rank() == 0
    if isinstance(model, Method):
        batches = build_batches(training, model, dataset, device)
        log = TrainingLog(work, classes, batches.batch_size, len(batches), writes, started)
        checkpoint = Checkpoint(work, checkpoint_every, device)
        train_epochs(training, model, batches, dataset, fixed_noise, log, checkpoint, callback)
    else:
        log = TrainingLog(work, classes, 0, 0, writes, started)

    outcome = _outcome(model, dataset, fixed_noise, log)
    if writes:
        write_result(work, outcome, model, log, dataset.heldout, device)
    return outcome, log.seconds


def train_epochs(
    training: Training,
    method: Method,
    batches: Batches,
    dataset: Dataset,
    fixed_noise: FixedNoise,
    log: TrainingLog,
    checkpoint: Checkpoint,
    callback: Callback,
) -> None:
    """Train the remaining epochs; stop if the training diverges or, with `stop_early`, fails in another way."""
    position = _resume(method, log, checkpoint)
    callback.on_start(log.images, training.epochs * len(batches) * batches.batch_size)
    for epoch in range(position.epoch, training.epochs):
        if epoch > position.epoch:
            position = Position(epoch)
        # Checked before an epoch, not after it, so that a run resumed between two epochs stops as well.
        if training.stop_early and epoch > 0 and position.batch == 0:
            failed = distributed.rank() == 0 and _failure(method, dataset, fixed_noise, log)[0] != "ok"
            if distributed.broadcast_decision(failed, checkpoint.device):
                break
        _train_steps(training, method, batches, position, log, checkpoint, callback)
        if log.problem:
            break
        if distributed.rank() == 0:
            images = fixed_noise.generate(method)
            save_grid(images, log.folder / PROGRESS / f"epoch-{epoch + 1:04}.png", GRID_COLUMNS)
            log.epochs.append(log.history.means(epoch * len(batches)) | sample_metrics(images))
            log.classes.append(epoch + 1)
            if is_kept(epoch + 1):
                save_snapshot(method.image_generator(), method.description(), log.folder, epoch + 1)
            callback.on_epoch(*log.unreported_rows())
            _save(Position(epoch + 1), method, log, checkpoint)


def _train_steps(
    training: Training,
    method: Method,
    batches: Batches,
    position: Position,
    log: TrainingLog,
    checkpoint: Checkpoint,
    callback: Callback,
) -> None:
    """Train the remaining batches of an epoch, or until the training diverges."""
    done, steps = position.batch, training.epochs * len(batches)
    for images, labels in batches.epoch(position.epoch, position.batch):
        distributed.seed_this_rank(training.seed, len(log.history))
        method.set_step(len(log.history), steps)
        log.history.append(distributed.all_reduce_mean(method.step(images, labels)))
        callback.on_step(batches.batch_size)
        done += 1

        # All processes reach the same verdict, since their weights and the means of their losses are equal.
        if len(log.history) % health.CHECK_EVERY == 0:
            log.problem = _divergence(method, log)
            if log.problem:
                return
        if distributed.rank() == 0 and checkpoint.due():
            _save(Position(position.epoch, done), method, log, checkpoint)
    log.problem = _divergence(method, log)


def _resume(method: Method, log: TrainingLog, checkpoint: Checkpoint) -> Position:
    """Restore the last checkpoint if there is one, and return its position."""
    restored = checkpoint.restore()
    position, state = restored or (Position(), {})
    try:
        log.load_state_dict(state.get("log"))
    except ValueError as error:
        raise checkpoint.damaged(error) from error
    if state:
        method.load_state_dict(state["method"])
    return position


def _save(position: Position, method: Method, log: TrainingLog, checkpoint: Checkpoint) -> None:
    checkpoint.save(position, {"method": method.state_dict(), "log": log.state_dict()})


def _divergence(method: Method, log: TrainingLog) -> str:
    return health.divergence(log.history.recent(), log.history.columns, method.networks())


def _failure(model: Model, dataset: Dataset, fixed_noise: FixedNoise, log: TrainingLog) -> tuple[health.Status, str]:
    real = dataset.train.images[spread_indices(len(dataset.train.images), FIXED_IMAGES)]
    objective = model.objective if isinstance(model, AdversarialMethod) else None
    return health.failure(fixed_noise.generate(model), real, log.epochs.last(), objective)


def _outcome(model: Model, dataset: Dataset, fixed_noise: FixedNoise, log: TrainingLog) -> Outcome:
    history = log.history
    status: health.Status = "diverged"
    reason = f"at step {len(history)}: {log.problem}"
    if not log.problem:
        status, reason = _failure(model, dataset, fixed_noise, log)
    return Outcome(
        status=status,
        reason=reason,
        steps=len(history),
        epochs=len(log.epochs),
        images=log.images,
        images_per_step=history.images_per_step,
        steps_per_epoch=history.steps_per_epoch,
    )

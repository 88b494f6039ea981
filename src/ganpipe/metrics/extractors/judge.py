"""The judge of a dataset: a classifier trained on its real images that provides features and class predictions."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from ganpipe.common.atomic import atomic_folder
from ganpipe.common.determinism import deterministic_mode
from ganpipe.common.errors import UserError
from ganpipe.common.random_streams import torch_seed
from ganpipe.common.types import ImageShape
from ganpipe.data.dataset import Dataset, Split
from ganpipe.metrics.extractors.checks import Checks, check_accuracy, check_distance, largest_share, read_checks
from ganpipe.metrics.extractors.classifier_training import (
    ROTATIONS,
    Progress,
    accuracy,
    classify,
    fit_classifier,
)
from ganpipe.metrics.extractors.features import extract
from ganpipe.metrics.settings import JudgeSettings
from ganpipe.nets.classifier import Classifier

_WEIGHTS = "judge.safetensors"
_RECORD = "judge.json"


@dataclass(frozen=True)
class Judge:
    """A trained judge. It predicts the dataset's classes or, for data without labels, four rotations (`task`).

    accuracy: on held-out images. checks: whether its features may decide. sha256: digest of its weights file.
    """

    network: Classifier
    image: ImageShape
    task: Literal["classes", "rotations"]
    classes: int
    accuracy: float
    checks: Checks
    sha256: str
    settings: JudgeSettings

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return features (n, d) and logits (n, classes), float32, of uint8 images (n,C,H,W)."""
        return classify(self.network, images)

    @property
    def objection(self) -> str:
        """Why its features must not decide, with suggested fixes; empty if they may."""
        objection = self.checks.objection("the judge")
        return objection and f"{objection}. Raise judge.epochs or judge.width, or add images"

    @property
    def warning(self) -> str:
        """A warning if the accuracy is below `min_accuracy`, else empty."""
        least = self.settings.min_accuracy
        if least is None or self.accuracy >= least:
            return ""
        return (
            f"judge: its accuracy on held-out images is {self.accuracy:.4f}, below judge.min_accuracy = {least}, so "
            "metrics on its features are less reliable. Raise judge.epochs or judge.width."
        )


def train_judge(dataset: Dataset, settings: JudgeSettings, progress: Progress = lambda _done, _total: None) -> Judge:
    """Train a classifier on the train split and test it on the held-out split.

    Without labels, or with a single class, it learns to predict by which of four angles an image was rotated (Gidaris
    et al., Unsupervised representation learning by predicting image rotations, 2018). The same dataset and settings
    give the same bits on one kind of CPU. Raises UserError if a split is empty.
    """
    if not (len(dataset.train.images) and len(dataset.heldout.images)):
        raise UserError(
            f"datasets.{dataset.name}: a judge needs training and held-out images, there are "
            f"{len(dataset.train.images)} and {len(dataset.heldout.images)}. Add images or keep more classes."
        )
    several = len(dataset.classes) > 1
    train, heldout = (split if several else split._replace(labels=None) for split in (dataset.train, dataset.heldout))
    classes = len(dataset.classes) if several else ROTATIONS
    with deterministic_mode(settings.threads), torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(settings.seed, "judge"))
        network = Classifier(dataset.shape, classes, width=settings.width, depth=settings.depth)
        fit_classifier(network, train, settings, progress)
        reached = _accuracy(network, heldout)
        chance = 1 / ROTATIONS if heldout.labels is None else largest_share(heldout.labels)
        checks = check_distance(
            lambda images: extract(lambda batch: classify(network, batch), images)[0],
            train.images,
            heldout.images,
            settings.seed,
        )
        return Judge(
            network=network,
            image=dataset.shape,
            task="classes" if several else "rotations",
            classes=classes,
            accuracy=reached,
            checks=check_accuracy(checks, reached, chance, len(heldout.images)),
            sha256=hashlib.sha256(_weights(network)).hexdigest(),
            settings=settings,
        )


def save_judge(judge: Judge, folder: Path) -> None:
    """Write the weights and a readable record; the bytes depend on the judge only."""
    record = {
        "task": judge.task,
        "classes": judge.classes,
        "image": judge.image._asdict(),
        "accuracy": judge.accuracy,
        "checks": asdict(judge.checks),
        "warning": judge.warning,
        "weights_sha256": judge.sha256,
        "settings": judge.settings.model_dump(mode="json"),
    }
    with atomic_folder(folder) as part:
        (part / _WEIGHTS).write_bytes(_weights(judge.network))
        (part / _RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def load_judge(folder: Path) -> Judge:
    """Read a judge written by `save_judge`. Raises UserError if a file is missing, or the weights are not its own."""
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        weights = (folder / _WEIGHTS).read_bytes()
    except FileNotFoundError as error:
        raise UserError(f"{error.filename}: no such file. Run the judge stage of this dataset.") from None
    if hashlib.sha256(weights).hexdigest() != record["weights_sha256"]:
        raise UserError(f"{folder / _WEIGHTS}: not the file that {_RECORD} describes. Run the judge stage again.")
    settings = JudgeSettings(**record["settings"])
    image = ImageShape(**record["image"])
    network = Classifier(image, record["classes"], width=settings.width, depth=settings.depth)
    network.load_state_dict(load_tensors(weights))
    network.eval().to(memory_format=torch.channels_last)
    return Judge(
        network=network,
        image=image,
        task=record["task"],
        classes=record["classes"],
        accuracy=record["accuracy"],
        checks=read_checks(record["checks"]),
        sha256=record["weights_sha256"],
        settings=settings,
    )


def _accuracy(network: Classifier, split: Split) -> float:
    if split.labels is not None:
        return accuracy(network, split.images, split.labels)
    correct = 0
    for turns in range(ROTATIONS):

        def classify_rotated(images: Tensor, turns: int = turns) -> tuple[Tensor, Tensor]:
            return classify(network, images.rot90(turns, (2, 3)))

        _, logits = extract(classify_rotated, split.images)
        correct += int((logits.argmax(1) == turns).sum())
    return correct / (ROTATIONS * len(split.images))


def _weights(network: Classifier) -> bytes:
    weights: bytes = save_tensors({name: tensor.contiguous() for name, tensor in network.state_dict().items()})
    return weights

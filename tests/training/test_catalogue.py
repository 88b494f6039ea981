"""Every experiment of the catalogue trains: two steps each, on MNIST images brought to the shape of its data."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from ganpipe.common.types import ImageShape
from ganpipe.config import Training
from ganpipe.data.dataset import Dataset, Split
from ganpipe.data.fit import resize
from ganpipe.plan.resolve import resolve_experiments
from ganpipe.sampling.generator import load_generator
from ganpipe.source.index import Index
from ganpipe.training.loop import train
from tests.conftest import REPOSITORY
from tests.training.runs import CPU, NEVER, RecordingCallback

PARAMS: dict[str, Any] = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
ENTRIES, MISTAKES = resolve_experiments(PARAMS["train"], PARAMS["experiments"], Index(REPOSITORY / "src" / "ganpipe"))
MADE_ELSEWHERE = ("pretrained", "images")
COLOURED = {"cifar10", "folder"}


def test_the_catalogue_has_no_mistakes() -> None:
    assert not MISTAKES
    assert set(ENTRIES) == set(PARAMS["experiments"])


@pytest.mark.parametrize("name", [name for name in ENTRIES if ENTRIES[name].settings.method not in MADE_ELSEWHERE])
def test_two_steps_of_every_entry(name: str, mnist: Dataset, tmp_path: Path) -> None:
    entry = ENTRIES[name]
    data = stand_in(PARAMS["datasets"][entry.settings.dataset], mnist)
    # Trained class by class, a batch holds two of each, and an epoch ends with the rarest class.
    batch_size, batches = (20, 10) if entry.settings.method == "per_class" else (16, 2)
    run = Training(
        **entry.settings.model_dump() | {"batch_size": batch_size, "epochs": 1},
        images=batches * batch_size * entry.settings.critic_steps,
        seed=0,
        threads=1,
    )
    outcome, _ = train(run, data, tmp_path, RecordingCallback(), CPU, NEVER)
    assert outcome.steps >= 2
    assert outcome.status in {"ok", "collapsed"}, outcome.reason  # after two steps a generator may still be one grey
    last = (tmp_path / "result" / "history.csv").read_text().splitlines()[-1]
    assert all(math.isfinite(float(value)) for value in last.split(","))
    images = load_generator(tmp_path / "result").sample(2, seed=1)
    assert images.shape == (2, *data.train.images.shape[1:])


def stand_in(described: dict[str, Any], mnist: Dataset) -> Dataset:
    """MNIST in the shape that an entry of `datasets` gives its images."""
    channels, labelled = 3 if described["source"] in COLOURED else 1, described["source"] != "folder"
    splits = {}
    for name in ("train", "heldout"):
        split: Split = getattr(mnist, name)
        images = np.repeat(resize(split.images[:200], described["size"]), channels, axis=1)
        splits[name] = Split(images, split.labels[:200] if labelled and split.labels is not None else None)
    classes = mnist.classes if labelled else ()
    return Dataset("stand-in", splits["train"], splits["heldout"], classes, "", ImageShape(channels, described["size"]))

"""The selection of the sampled generator: by the images set aside for it, not by those of the ranking."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ganpipe.common.errors import UserError
from ganpipe.data.dataset import Dataset
from ganpipe.metrics import selection
from ganpipe.metrics.evaluate import evaluate
from ganpipe.metrics.evaluation import compared_rows, selection_rows
from ganpipe.metrics.extractors.judge import Judge
from ganpipe.metrics.reference import build_reference
from ganpipe.metrics.selection import select_generator
from ganpipe.metrics.settings import CurveSettings, EvaluateSettings
from ganpipe.sampling.generator import cyclic_labels, load_generator
from ganpipe.sampling.samples import load_samples, write_samples
from ganpipe.sampling.selection import load_selection, sampled_generator
from ganpipe.sampling.snapshots import find_snapshots, kept_generators
from ganpipe.training.loop import train
from tests.training.runs import CPU, NEVER, RecordingCallback, contents, settings

COUNT = 150
SETTINGS = EvaluateSettings(metrics=("fd_judge",), selection=150, curve=CurveSettings(samples=COUNT))


@pytest.fixture(scope="module")
def model(mnist: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("work")
    train(settings(epochs=3, conditional=True), mnist, work, RecordingCallback(), CPU, NEVER)
    return work / "result"


def plant(monkeypatch: pytest.MonkeyPatch, **images: NDArray[np.uint8]) -> dict[int, Path]:
    """Replace the generators by some that return these images; return their folders by epoch: 1, 2, 4, ..."""
    description = SimpleNamespace(classes=0)

    def load(folder: Path) -> Any:
        planted = images[folder.name]
        return SimpleNamespace(description=description, sample=lambda count, *_: planted[:count])

    monkeypatch.setattr(selection, "load_generator", load)
    return {2**index: Path(name) for index, name in enumerate(images)}


def noisy(images: NDArray[np.uint8], strength: int) -> NDArray[np.uint8]:
    noise = np.random.default_rng(0).integers(-strength, strength + 1, images.shape)
    return np.clip(images.astype(int) + noise, 0, 255).astype(np.uint8)


def test_best_on_the_selection_images_is_chosen_and_not_the_best_of_the_ranking(
    mnist: Dataset, judge: Judge, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    images = np.asarray(mnist.train.images)
    selected = images[selection_rows(mnist, SETTINGS)]
    compared = images[compared_rows(mnist, SETTINGS)][::2][:COUNT]
    generators = plant(monkeypatch, bad=noisy(selected, 200), good=selected, ranked=compared)

    found = select_generator(generators, mnist, judge, SETTINGS)

    assert (found.epoch, found.metric, found.epochs) == (2, "fd_judge", (1, 2, 4))
    assert found.values[1] == pytest.approx(0, abs=1e-3) and found.values[0] > found.values[2] > 1e-2
    build_reference(mnist, judge, SETTINGS, COUNT, tmp_path)
    scores = (evaluate(planted, None, mnist, judge, tmp_path, SETTINGS, "") for planted in (selected, compared))
    good, ranked = (score["metrics"]["fd_judge"]["value"] for score in scores)
    assert ranked < good, "the ranking alone would have chosen the other one"


def test_higher_is_better_where_the_metric_says_so(
    mnist: Dataset, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    selected = np.asarray(mnist.train.images[selection_rows(mnist, SETTINGS)])
    generators = plant(monkeypatch, bad=noisy(selected, 250), good=selected)
    found = select_generator(generators, mnist, judge, SETTINGS.model_copy(update={"metrics": ("precision",)}))
    assert (found.epoch, found.values[1]) == (2, 1.0) and found.values[0] < 1


def test_earliest_of_equal_generators_is_chosen(mnist: Dataset, judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    selected = np.asarray(mnist.train.images[selection_rows(mnist, SETTINGS)])
    generators = plant(monkeypatch, bad=noisy(selected, 200), first=selected, second=selected)
    assert select_generator(generators, mnist, judge, SETTINGS).epoch == 2


def test_next_metric_decides_if_the_judge_may_not(
    mnist: Dataset, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    selected = np.asarray(mnist.train.images[selection_rows(mnist, SETTINGS)])
    generators = plant(monkeypatch, good=selected, bad=noisy(selected, 200))
    unfit = replace(judge, checks=replace(judge.checks, problems=("is unfit",)))
    both = SETTINGS.model_copy(update={"metrics": ("fd_judge", "kid_imagenet")})
    found = select_generator(generators, mnist, unfit, both)
    assert (found.epoch, found.metric) == (1, "kid_imagenet")
    with pytest.raises(UserError, match=r"train.keep = best: no metric .* Set keep: last.*\n  - fd_judge .*is unfit"):
        select_generator(generators, mnist, unfit, SETTINGS)


def test_choice_uses_other_noise_than_the_samples(model: Path, mnist: Dataset, judge: Judge) -> None:
    generators = kept_generators(model)
    assert list(generators) == [1, 2, 3]
    found = select_generator(generators, mnist, judge, SETTINGS)
    assert found == select_generator(generators, mnist, judge, SETTINGS)
    other_seed = SETTINGS.model_copy(update={"seed": 1})
    assert select_generator(generators, mnist, judge, other_seed).values != found.values

    last = load_generator(model).sample(COUNT, cyclic_labels(COUNT, 10), SETTINGS.seed)
    selected = selection._selection_images(mnist, SETTINGS)
    _, context = selection._first_computable(selected, judge, cyclic_labels(COUNT, 10), SETTINGS)
    assert selection.measure(selection.lookup("fd_judge"), selection.Evaluation(context, last)) != found.values[-1]


def test_chosen_generator_is_sampled_and_kept_with_the_samples(
    model: Path, mnist: Dataset, judge: Judge, tmp_path: Path
) -> None:
    found = replace(select_generator(kept_generators(model), mnist, judge, SETTINGS), epoch=2)
    write_samples(model, tmp_path / "last", 20, 7, 1, "sample")
    write_samples(model, tmp_path / "best", 20, 7, 1, "sample", found)

    for name, folder in (("last", model), ("best", find_snapshots(model)[2])):
        loaded = load_samples(tmp_path / name)
        assert loaded is not None
        np.testing.assert_array_equal(loaded[0], load_generator(folder).sample(20, cyclic_labels(20, 10), 7))
        source = sampled_generator(model, tmp_path / name)
        assert (source / "generator.safetensors").read_bytes() == (folder / "generator.safetensors").read_bytes()
    assert load_selection(tmp_path / "best") == found
    assert load_selection(tmp_path / "last") is None
    assert contents(tmp_path / "last").keys() == {"images.npy", "labels.npy", "grid.png", "status.json"}


def test_interrupted_sampling_leaves_the_samples_of_before(
    model: Path, mnist: Dataset, judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = replace(select_generator(kept_generators(model), mnist, judge, SETTINGS), epoch=1)
    write_samples(model, tmp_path / "samples", 20, 7, 1, "sample")
    before = contents(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("ganpipe.sampling.samples.np.save", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            write_samples(model, tmp_path / "samples", 20, 7, 1, "sample", found)
    assert contents(tmp_path) == before
    write_samples(model, tmp_path / "samples", 20, 7, 1, "sample", found)
    assert sampled_generator(model, tmp_path / "samples") == tmp_path / "samples"


def test_trainings_without_a_generator_keep_none(model: Path, tmp_path: Path) -> None:
    (tmp_path / "status.json").write_text((model / "status.json").read_text())
    assert kept_generators(tmp_path) == {}, "diverged"

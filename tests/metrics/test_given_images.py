"""Images made elsewhere get the same scores as the same images from a run of the pipeline."""

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch_fidelity.utils import create_feature_extractor, extract_featuresdict_from_input_id

from ganpipe.common.errors import UserError
from ganpipe.config import Training
from ganpipe.data.dataset import Dataset
from ganpipe.data.given_images import given_digest
from ganpipe.metrics.extractors import inception
from ganpipe.metrics.extractors.features import stream
from ganpipe.metrics.extractors.inception import load_inception
from ganpipe.metrics.extractors.judge import Judge, save_judge
from ganpipe.metrics.reference import build_reference
from ganpipe.metrics.scores import EvaluationFolders, score_run
from ganpipe.metrics.settings import EvaluateSettings
from ganpipe.sampling.description import Description
from ganpipe.sampling.generator import save_generator
from ganpipe.sampling.samples import draw_samples, load_samples, write_samples
from ganpipe.training.given_images import import_images

COUNT = 150
SETTINGS = EvaluateSettings(
    metrics=("fd_judge", "sharpness", "precision", "parameters"), real=200, neighbours=3, pairs=100
)


@pytest.fixture(scope="module")
def folders(
    mnist: Dataset, judge: Judge, mnist_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> EvaluationFolders:
    """A generator with its samples, and what is needed to evaluate them."""
    root = tmp_path_factory.mktemp("chain")
    made = EvaluationFolders(root / "model", root / "samples", mnist_folder, root / "judge", root / "reference")
    for folder in (made.model, made.judge):
        folder.mkdir()
    torch.manual_seed(0)
    description = Description("mlp", {"hidden": (16,)}, 4, 0, 1, 28, "signed")
    save_generator(description.build(), description, made.model)
    (made.model / "status.json").write_text('{"status": "ok", "reason": "", "epochs": 0}')
    write_samples(made.model, made.samples, COUNT, 0, 1, "sample")
    save_judge(judge, made.judge)
    build_reference(mnist, judge, SETTINGS, COUNT, made.reference)
    return made


def save_folder(images: NDArray[np.uint8], path: Path, mode: str = "L") -> Path:
    path.mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image[0]).convert(mode).save(path / f"{number:05}.png")
    return path


def save_zip(images: NDArray[np.uint8], path: Path) -> Path:
    folder = save_folder(images, path)
    with zipfile.ZipFile(path.with_suffix(".zip"), "w") as archive:
        for file in folder.iterdir():
            archive.write(file, f"out/{file.name}")
    return path.with_suffix(".zip")


def save_npy(images: NDArray[np.uint8], path: Path) -> Path:
    np.save(path.with_suffix(".npy"), images[:, 0])
    return path.with_suffix(".npy")


def save_npz(images: NDArray[np.uint8], path: Path) -> Path:
    np.savez(path.with_suffix(".npz"), images.transpose(0, 2, 3, 1) / np.float32(127.5) - 1)
    return path.with_suffix(".npz")


FORMS: dict[str, Callable[[NDArray[np.uint8], Path], Path]] = {
    "folder": save_folder,
    "folder of colour files": lambda images, path: save_folder(images, path, "RGB"),
    "zip": save_zip,
    "npy": save_npy,
    "npz with values from -1 to 1": save_npz,
}


def given(path: Path, mnist: Dataset, work: Path, count: int = COUNT, **changes: Any) -> Path:
    """Import the images of a path and take `count` of them, as the stages do; return the folder of both results."""
    values = {"dataset": "mnist", "method": "images", "batch_size": 2, "epochs": 1, "seed": 0, "threads": 1}
    training = Training.model_validate({**values, "path": str(path), "path_sha256": given_digest(path), **changes})
    work.mkdir(exist_ok=True)
    import_images(training, mnist, work)
    draw_samples(work / "result", work / "samples", count, seed=0)
    return work


@pytest.fixture(autouse=True)
def own_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the manifests of these tests out of the repository."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "checkout"))


@pytest.mark.parametrize("form", FORMS)
def test_a_runs_own_samples_get_exactly_its_scores(
    form: str, folders: EvaluationFolders, mnist: Dataset, tmp_path: Path
) -> None:
    expected = score_run({}, folders, SETTINGS, "code")
    samples = load_samples(folders.samples)
    assert samples is not None
    work = given(FORMS[form](samples[0], tmp_path / "mine"), mnist, tmp_path / "work")
    own = EvaluationFolders(work / "result", work / "samples", folders.prepared, folders.judge, folders.reference)

    record = score_run({}, own, SETTINGS, "code")

    assert {**record["metrics"], "parameters": expected["metrics"]["parameters"]} == expected["metrics"]
    assert record["absent"] == {"parameters": "needs the generator itself, not only its images"}
    assert all(record["protocols"][key] == expected["protocols"][key] for key in record["protocols"])
    assert (work / "samples" / "images.npy").read_bytes() == (folders.samples / "images.npy").read_bytes()


def test_real_images_are_near_and_noise_is_far(folders: EvaluationFolders, mnist: Dataset, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(256, size=(COUNT, 1, 28, 28), dtype=np.uint8)
    distances = {}
    for name, images in {"real": mnist.heldout.images[:COUNT], "noise": noise}.items():
        work = given(save_folder(images, tmp_path / name), mnist, tmp_path / f"{name}-work")
        own = EvaluationFolders(work / "result", work / "samples", folders.prepared, folders.judge, folders.reference)
        entry = score_run({}, own, SETTINGS, "code")["metrics"]["fd_judge"]
        distances[name] = entry["value"] / entry["ceiling"]
    assert distances["real"] < 0.05
    assert distances["noise"] == pytest.approx(1, abs=0.1)


def test_a_subset_is_drawn_from_more_images(mnist: Dataset, tmp_path: Path) -> None:
    path = save_npy(mnist.heldout.images, tmp_path / "many")
    work = given(path, mnist, tmp_path / "work", count=50)
    samples = load_samples(work / "samples")
    assert samples is not None
    rows = [int((mnist.heldout.images == image).all(axis=(1, 2, 3)).argmax()) for image in samples[0]]
    assert len(set(rows)) == 50 and rows == sorted(rows) and rows[-1] > 60


def test_images_without_variety_are_collapsed(mnist: Dataset, tmp_path: Path) -> None:
    path = save_npy(np.repeat(mnist.heldout.images[:1], COUNT, axis=0), tmp_path / "one")
    status = json.loads((given(path, mnist, tmp_path / "work") / "samples" / "status.json").read_text())
    assert status["status"] == "collapsed" and status["steps"] == 0


def red(path: Path) -> None:
    Image.new("RGB", (28, 28), "red").save(path / "00007.png")


def large(path: Path) -> None:
    Image.new("L", (28, 30)).save(path / "00007.png")


def damaged(path: Path) -> None:
    (path / "00007.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (red, "contains colours, but the dataset is grey. Convert"),
        (large, "00007.png: 28x30"),
        (damaged, "1 images of .* cannot be read"),
    ],
    ids=["colour", "size", "damage"],
)
def test_other_images_are_rejected_by_name(
    change: Callable[[Path], None], expected: str, mnist: Dataset, tmp_path: Path
) -> None:
    path = save_folder(mnist.heldout.images[:COUNT], tmp_path / "mine")
    change(path)
    with pytest.raises(UserError, match=expected):
        given(path, mnist, tmp_path / "work")


def test_too_few_images_are_rejected(mnist: Dataset, tmp_path: Path) -> None:
    path = save_npy(mnist.heldout.images[:10], tmp_path / "few")
    with pytest.raises(UserError, match=r"contains 10 images, but sample.count = 150"):
        given(path, mnist, tmp_path / "work")


def test_images_that_changed_since_the_plan_are_rejected(mnist: Dataset, tmp_path: Path) -> None:
    path = save_npy(mnist.heldout.images[:COUNT], tmp_path / "mine")
    with pytest.raises(UserError, match="have changed since they were planned"):
        given(path, mnist, tmp_path / "work", path_sha256="0")


def test_inception_features_equal_those_of_torch_fidelity(
    mnist: Dataset, stand_in_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the files on; `test_frechet.py` compares the distances of equal features, which takes most of the time."""
    monkeypatch.setattr(inception, "_BATCH", 8)
    path = save_folder(255 - mnist.heldout.images[:16], tmp_path / "made")
    theirs = extract_featuresdict_from_input_id(
        1,
        create_feature_extractor(
            "inception-v3-compat", ["2048"], cuda=False, feature_extractor_weights_path=str(stand_in_weights)
        ),
        input1=str(path),
        batch_size=8,
        cuda=False,
        save_cpu_ram=True,
        verbose=False,
    )["2048"]
    samples = load_samples(given(path, mnist, tmp_path / "work", count=16) / "samples")
    assert samples is not None
    sha256 = hashlib.sha256(stand_in_weights.read_bytes()).hexdigest()
    extractor = load_inception(EvaluateSettings(inception=str(stand_in_weights), inception_sha256=sha256))
    ours = torch.cat([features for (features,) in stream(extractor, np.asarray(samples[0]), 8)])
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)

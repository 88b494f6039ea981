"""Every change of a user's own images and weights is noticed, by the digests and by DVC."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from ganpipe.plan.build import make_plan
from ganpipe.plan.external_files import external_digests
from tests.conftest import REPOSITORY
from tests.workspace import Workspace


def image(path: Path, level: int) -> None:
    """Write a small image; all have the same size in bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 8), level).save(path, "BMP")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index in range(4):
        image(tmp_path / "mine" / ("cat", "dog")[index % 2] / f"{index}.bmp", 10 * index)
    return tmp_path / "mine"


def content(folder: Path, **changes: Any) -> dict[str, Any]:
    params: dict[str, Any] = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    params["datasets"]["mine"] = {"source": "folder", "path": str(folder), "size": 28}
    params["grid"] = {"datasets": ["mine"], "experiments": ["e03-dcgan+dataset=mine"], "seeds": [0]}
    return {**params, **changes}


@pytest.fixture(autouse=True)
def own_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the manifests of these tests out of the repository."""
    (tmp_path / "checkout").mkdir()
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "checkout"))


def digest(folder: Path) -> str:
    return external_digests(content(folder), REPOSITORY / "data")["datasets"]["mine"]


def replace_within_the_same_second(folder: Path) -> None:
    path = folder / "cat" / "0.bmp"
    before = path.stat()
    image(path, 200)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda folder: image(folder / "cat" / "9.bmp", 9), id="added"),
        pytest.param(lambda folder: (folder / "cat" / "0.bmp").unlink(), id="removed"),
        pytest.param(replace_within_the_same_second, id="replaced, same size and time"),
        pytest.param(lambda folder: (folder / "cat" / "0.bmp").rename(folder / "cat" / "7.bmp"), id="renamed"),
        pytest.param(lambda folder: (folder / "cat" / "0.bmp").rename(folder / "dog" / "0.bmp"), id="relabelled"),
        pytest.param(lambda folder: (folder / "cat").rename(folder / "lion"), id="class renamed"),
    ],
)
def test_every_change_of_a_folder_changes_its_digest(folder: Path, change: Callable[[Path], object]) -> None:
    before = digest(folder)
    assert digest(folder) == before
    change(folder)
    assert digest(folder) != before


@pytest.mark.parametrize(
    "unusual",
    [
        pytest.param(lambda folder: (folder / "cat" / "x.bmp").symlink_to("nowhere"), id="dangling link"),
        pytest.param(lambda folder: (folder / "cat" / "x.bmp").symlink_to("x.bmp"), id="link to itself"),
        pytest.param(lambda folder: (folder / "cat" / "up").symlink_to(folder), id="link to a parent folder"),
        pytest.param(lambda folder: os.mkfifo(folder / "cat" / "x.bmp"), id="pipe"),
        pytest.param(lambda folder: image(folder / os.fsdecode(b"caf\xe9.bmp"), 1), id="name that is not UTF-8"),
        pytest.param(lambda folder: image(folder / "two\nlines" / "x.bmp", 1), id="line break in a name"),
        pytest.param(lambda folder: image(folder / "東京" / "x.bmp", 1), id="other script"),
    ],
)
def test_unusual_files_give_a_digest(folder: Path, unusual: Callable[[Path], object]) -> None:
    unusual(folder)
    found = digest(folder)
    assert found != "missing"
    assert digest(folder) == found
    params = folder.parent / "params.yaml"
    params.write_text(yaml.safe_dump(content(folder)), encoding="utf-8")
    assert make_plan(params, REPOSITORY / "data").datasets["mine"]["fetch"]["origin"] == found


def test_touching_a_file_changes_nothing(folder: Path) -> None:
    before = digest(folder)
    (folder / "cat" / "0.bmp").touch()
    assert digest(folder) == before


def test_changed_weights_change_their_digest(tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "generator.safetensors").write_bytes(b"first")
    params = content(tmp_path, train={"dataset": "mnist", "epochs": 1, "weights": str(weights)})
    first = external_digests(params, REPOSITORY / "data")["weights"]
    (weights / "generator.safetensors").write_bytes(b"other")
    assert external_digests(params, REPOSITORY / "data")["weights"] != first


def test_changed_images_made_elsewhere_change_the_digest_of_their_seed(folder: Path) -> None:
    shutil.copytree(folder, folder.with_name("mine-1"))
    shutil.copytree(folder, folder.with_name("mine-2"))
    entry = {"document": "own", "title": "", "method": "images", "path": str(folder.parent / "mine-{seed}")}
    params = content(folder, experiments={"elsewhere": entry})
    params["grid"] = {"datasets": ["mine"], "experiments": ["elsewhere"], "seeds": [1, 2, 3]}
    before = external_digests(params, REPOSITORY / "data")["images"]
    first, second, missing = (str(folder.with_name(f"mine-{seed}")) for seed in (1, 2, 3))
    assert before[first] == before[second] and before[missing] == "missing"
    replace_within_the_same_second(folder.with_name("mine-2"))
    after = external_digests(params, REPOSITORY / "data")["images"]
    assert after[first] == before[first] and after[second] != before[second]


def test_what_plan_will_report_is_no_error_here(tmp_path: Path) -> None:
    found = external_digests(content(tmp_path / "nowhere"), REPOSITORY / "data")
    assert found["datasets"] == {"mine": "missing"}
    assert external_digests({"grid": 3}, REPOSITORY / "data") == {}


@pytest.mark.chain
def test_dvc_notices_changed_images(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "project").mkdir()
    workspace = Workspace(tmp_path / "project")
    shutil.copytree(folder, workspace.folder / "mine")
    workspace.params(**{key: value for key, value in content(Path("mine")).items() if key in ("grid", "datasets")})
    workspace.commit()
    assert workspace.repro("plan") == {"plan"}
    assert workspace.repro("plan") == set()
    image(workspace.folder / "mine" / "cat" / "9.bmp", 9)
    assert workspace.repro("plan") == {"plan"}
    assert "fetch@mine" in workspace.repro("--dry", "fetch@mine")

"""Hostile or damaged generators and checkpoints are loaded or rejected; no code runs, no memory fills up."""

import json
import pickle
import resource
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from ganpipe.common.errors import UserError
from ganpipe.plan.build import make_plan
from ganpipe.sampling.description import DESCRIPTION, WEIGHTS, Description
from ganpipe.sampling.generator import load_generator, save_generator
from ganpipe.training.checkpoint import Checkpoint, Position
from tests.conftest import REPOSITORY
from tests.fire.conftest import LONG

CPU = torch.device("cpu")


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    description = Description("mlp", {"hidden": [8]}, 4, 0, 1, 28, "signed")
    save_generator(description.build(), description, tmp_path)
    return tmp_path


def edit_description(folder: Path, **changes: Any) -> None:
    content = json.loads((folder / DESCRIPTION).read_text())
    (folder / DESCRIPTION).write_text(json.dumps(content | changes))


def assert_rejected(folder: Path, reason: str = "") -> None:
    with pytest.raises(UserError, match=f"(?s){folder}.*{reason}"):
        load_generator(folder)


def test_pickled_weights_are_not_unpickled(folder: Path) -> None:
    content = pickle.dumps(Payload(folder / "pwned"))
    (folder / WEIGHTS).write_bytes(content)
    assert_rejected(folder)
    torch.save({"a": torch.zeros(1), "b": Payload(folder / "pwned")}, folder / WEIGHTS)
    assert_rejected(folder)
    assert not (folder / "pwned").exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda weights: weights.popitem(), "missing"),
        (lambda weights: weights.update(new=torch.zeros(1)), "new and 0 more"),
        (
            lambda weights: weights.update({name: tensor[..., None] for name, tensor in weights.items()}),
            "another shape",
        ),
        (lambda weights: next(iter(weights.values())).fill_(float("nan")), "NaN or infinite"),
        (lambda weights: weights.clear(), "missing"),
    ],
)
def test_weights_that_do_not_fit_the_network_are_rejected(folder: Path, change: Any, reason: str) -> None:
    weights = load_file(folder / WEIGHTS)
    change(weights)
    save_file(weights, folder / WEIGHTS)
    assert_rejected(folder, reason)


@pytest.mark.parametrize(
    "changes",
    [
        {"network": "os"}, {"network": "..planning.plan"}, {"network": "catalogue"}, {"sampler": "os.path"},
        {"sampler": "description"}, {"sampler": "../x"}, {"network": 3}, {"options": [1]}, {"options": {"new": 1}},
        {"latent": -1}, {"latent": "4"}, {"latent": 10**15}, {"size": 10**9}, {"channels": 0}, {"classes": 10**12},
        {"sampler": "ddim", "network": "unet", "sampling": {"noise_steps": 10**10, "steps": 10**10}},
        {"sampler": "ddim", "network": "unet", "sampling": {"noise_steps": "x", "steps": None}},
        {"sampler": "flow", "network": "patches", "sampling": {"evaluations": 10**10, "solver": "heun", "guidance": 1}},
        {"sampler": "flow", "network": "patches", "sampling": {"evaluations": 4, "solver": "rk", "guidance": 1}},
        {"new": 1}, {"size": True},
    ],
)  # fmt: skip
def test_invalid_descriptions_are_rejected(folder: Path, changes: dict[str, Any]) -> None:
    edit_description(folder, **changes)
    assert_rejected(folder)


def test_a_description_of_a_huge_network_takes_no_memory(folder: Path) -> None:
    edit_description(folder, options={"hidden": [200_000, 200_000, 200_000]})  # 320 GB
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert_rejected(folder, "another shape|missing")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB


@pytest.mark.parametrize("changes", [{}, {"sampler": "os"}, {"sampler": ""}, {"network": "os"}, {"network": "../mlp"}])
def test_the_planner_rejects_descriptions_that_cannot_be_rebuilt(folder: Path, changes: dict[str, Any]) -> None:
    params = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    params["experiments"] = {"made": {"document": "", "title": "", "method": "pretrained", "weights": str(folder)}}
    params["grid"] |= {"experiments": ["made"], "seeds": [0]}
    path = folder / "params.yaml"
    path.write_text(yaml.safe_dump(params))
    edit_description(folder, **changes)
    if changes:
        with pytest.raises(UserError, match="names an unknown sampler or network"):
            make_plan(path, REPOSITORY / "data")
    else:
        assert list(make_plan(path, REPOSITORY / "data").runs) == ["made-0"]


@settings(max_examples=2000 if LONG else 60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from([WEIGHTS, DESCRIPTION]))
def test_truncated_or_altered_files_are_rejected_or_give_a_generator(
    folder: Path, data: st.DataObject, name: str
) -> None:
    whole = (folder / name).read_bytes()
    altered = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for place in data.draw(st.lists(st.integers(0, max(0, min(len(altered) - 1, 600))), max_size=3)) if altered else ():
        altered[place] = data.draw(st.integers(0, 255))
    try:
        (folder / name).write_bytes(altered)
        load_generator(folder)
    except UserError as error:
        assert str(folder) in str(error)
    finally:
        (folder / name).write_bytes(whole)


@pytest.mark.parametrize("content", ["cut", "empty", "pickle", "payload", "another"])
def test_a_damaged_checkpoint_is_reported(content: str, tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path, 0, CPU)
    checkpoint.save(Position(1, 2), {"numbers": torch.zeros(100)})
    whole = checkpoint.path.read_bytes()
    assert Checkpoint(tmp_path, 0, CPU).restore() is not None
    if content in ("payload", "another"):
        torch.save(Payload(tmp_path / "pwned") if content == "payload" else {"epoch": 1}, checkpoint.path)
    else:
        pickled = pickle.dumps(Payload(tmp_path / "pwned"))
        checkpoint.path.write_bytes({"cut": whole[:-300], "empty": b"", "pickle": pickled}[content])
    with pytest.raises(UserError, match=r"checkpoint\.pt: the checkpoint is damaged .*Delete the file"):
        Checkpoint(tmp_path, 0, CPU).restore()
    assert not (tmp_path / "pwned").exists()

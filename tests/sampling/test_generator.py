import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ganpipe.common.errors import UserError
from ganpipe.sampling.description import DESCRIPTION, WEIGHTS, Description
from ganpipe.sampling.generator import (
    BATCH,
    LoadedGenerator,
    cyclic_labels,
    load_generator,
    sample_images,
    save_generator,
    to_pixels,
)

UNCONDITIONAL = Description("mlp", {}, 6, 0, 1, 8, "signed")
CONDITIONAL = Description("mlp", {}, 6, 3, 1, 8, "unit")


@pytest.fixture(params=[UNCONDITIONAL, CONDITIONAL], ids=["unconditional", "conditional"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        save_generator(request.param.build(), request.param, tmp_path)
    return tmp_path


def test_a_saved_generator_is_loaded_with_the_same_weights(folder: Path, tmp_path: Path) -> None:
    loaded = load_generator(folder)
    save_generator(loaded.network, loaded.description, tmp_path / "again")
    for name in (WEIGHTS, DESCRIPTION):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_a_loaded_generator_is_in_eval_mode_without_gradients(folder: Path) -> None:
    network = load_generator(folder).network
    assert not any(module.training for module in network.modules())
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_samples_depend_only_on_the_seed(folder: Path) -> None:
    generator = load_generator(folder)
    images = generator.sample(20, seed=1)
    assert images.shape == (20, 1, 8, 8)
    assert images.dtype == np.uint8
    torch.manual_seed(5)
    np.testing.assert_array_equal(images, generator.sample(20, seed=1))
    assert not np.array_equal(images, generator.sample(20, seed=2))


def test_by_default_a_conditional_generator_cycles_through_the_classes(tmp_path: Path) -> None:
    save_generator(CONDITIONAL.build(), CONDITIONAL, tmp_path)
    generator = load_generator(tmp_path)
    labels = cyclic_labels(7, 3)
    assert labels is not None
    assert labels.tolist() == [0, 1, 2, 0, 1, 2, 0]
    np.testing.assert_array_equal(generator.sample(7), generator.sample(7, labels))
    assert not np.array_equal(generator.sample(7), generator.sample(7, np.zeros(7, dtype=np.int64)))


def test_an_unconditional_generator_ignores_labels(tmp_path: Path) -> None:
    save_generator(UNCONDITIONAL.build(), UNCONDITIONAL, tmp_path)
    generator = load_generator(tmp_path)
    np.testing.assert_array_equal(generator.sample(5), generator.sample(5, np.arange(5)))
    assert cyclic_labels(5, 0) is None


class Recorder(nn.Module):
    """Returns zeros and records the sizes of its inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def forward(self, z: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        self.sizes.append(len(z))
        return torch.zeros(len(z), 1, 8, 8)


def test_images_are_generated_in_batches_of_one_size() -> None:
    network = Recorder()
    sample_images(LoadedGenerator(UNCONDITIONAL, network), 2 * BATCH + 3, None, 0)
    assert network.sizes == [BATCH, BATCH, 3]


@pytest.mark.parametrize(
    ("value_range", "values", "expected"),
    [
        ("signed", [-2.0, -1.0, 0.0, 1.0, 2.0], [0, 0, 128, 255, 255]),  # 127.5 is rounded to the even level
        ("unit", [-0.5, 0.0, 0.2, 1.0, 1.5], [0, 0, 51, 255, 255]),
    ],
)
def test_values_are_rounded_to_the_nearest_level_and_clipped(
    value_range: str, values: list[float], expected: list[int]
) -> None:
    assert to_pixels(torch.tensor(values), value_range).tolist() == expected


@pytest.mark.parametrize("name", [WEIGHTS, DESCRIPTION])
def test_a_missing_file_is_reported_by_name(name: str, folder: Path) -> None:
    (folder / name).unlink()
    with pytest.raises(UserError, match=rf"{name}: no such file"):
        load_generator(folder)


def test_weights_of_another_network_are_rejected(folder: Path) -> None:
    description = json.loads((folder / DESCRIPTION).read_text())
    (folder / DESCRIPTION).write_text(json.dumps(description | {"latent": 7}))
    with pytest.raises(UserError, match="missing, unknown or have another shape"):
        load_generator(folder)


def test_weights_that_are_not_finite_are_rejected(tmp_path: Path) -> None:
    network = UNCONDITIONAL.build()
    with torch.no_grad():
        next(network.parameters()).flatten()[0] = torch.nan
    save_generator(network, UNCONDITIONAL, tmp_path)
    with pytest.raises(UserError, match="NaN or infinite"):
        load_generator(tmp_path)

"""Every method implements the protocol: it trains, its generator can be rebuilt, and its state can be restored."""

import copy
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import ganpipe.methods
from ganpipe.common.types import ImageShape
from ganpipe.data.dataset import Dataset
from ganpipe.methods.common.protocol import AdversarialMethod, Method, ReconstructionMethod
from ganpipe.methods.common.train_state import eval_forward
from ganpipe.methods.registry import build_method
from ganpipe.sampling.generator import load_generator, save_generator
from tests.methods.families import CONDITIONAL, FAMILIES, WITHOUT_DISCRIMINATOR, training

CPU = torch.device("cpu")
IMAGE = ImageShape(1, 28)
CLASSES = 10


def batch(mnist: Dataset, count: int = 50, start: int = 0) -> tuple[Tensor, Tensor]:
    """Real images with balanced labels."""
    labels = mnist.train.labels
    assert labels is not None
    rank_in_class = np.zeros(len(labels), dtype=int)
    for label in range(CLASSES):
        rank_in_class[labels == label] = np.arange((labels == label).sum())
    rows = np.lexsort((labels, rank_in_class))[start : start + count]
    return torch.from_numpy(mnist.train.images[rows]).float() / 127.5 - 1, torch.from_numpy(labels[rows])


def build(family: str, device: torch.device = CPU, **changes: Any) -> Method:
    torch.manual_seed(0)
    return build_method(training(family, **changes), IMAGE, CLASSES, device)


def sample(method: Method, count: int = 20) -> Tensor:
    description = method.description()
    noise = torch.randn(count, description.latent, generator=torch.Generator().manual_seed(1))
    return eval_forward(method.image_generator(), noise, torch.arange(count) % CLASSES if description.classes else None)


def test_every_method_has_a_family() -> None:
    modules = {path.stem for path in Path(ganpipe.methods.__path__[0]).glob("*.py")}
    methods = {name for name in modules if hasattr(import_module(f"ganpipe.methods.{name}"), "build")}
    assert {training(family).method for family in FAMILIES} == methods - {"pretrained"}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_step_changes_every_network(family: str, mnist: Dataset) -> None:
    method = build(family)
    before = copy.deepcopy({name: network.state_dict() for name, network in method.networks().items()})
    images, labels = batch(mnist)
    scalars = method.step(images, labels)
    assert all(value.ndim == 0 and value.isfinite() and not value.requires_grad for value in scalars.values())
    for name, network in method.networks().items():
        changed = [not torch.equal(before[name][key], value) for key, value in network.state_dict().items()]
        assert any(changed), name
        assert all(parameter.isfinite().all() for parameter in network.parameters())


@pytest.mark.parametrize("family", FAMILIES)
def test_every_step_has_the_same_scalars(family: str, mnist: Dataset) -> None:
    method = build(family)
    steps = [method.step(*batch(mnist, start=start)) for start in (0, 50)]
    assert list(steps[0]) == list(steps[1])


@pytest.mark.parametrize("family", FAMILIES)
def test_images_have_the_shape_and_range_of_the_data(family: str, mnist: Dataset) -> None:
    method = build(family)
    method.step(*batch(mnist))
    images = sample(method)
    assert images.shape == (20, *IMAGE[:1], IMAGE.size, IMAGE.size)
    assert images.abs().max() <= 1 + 1e-5
    assert bool(method.description().classes) == (family in CONDITIONAL)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_generator_is_rebuilt_from_its_files(family: str, mnist: Dataset, tmp_path: Path) -> None:
    method = build(family)
    method.step(*batch(mnist))
    save_generator(method.image_generator(), method.description(), tmp_path)
    rebuilt = load_generator(tmp_path)
    description = method.description()
    noise = torch.randn(12, description.latent, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(12) % CLASSES if description.classes else None
    # The memory layout of weights affects rounding, and the first sampling steps of a diffusion model amplify it.
    difference = rebuilt.network(noise, labels) - eval_forward(method.image_generator(), noise, labels)
    assert difference.abs().mean() < 1e-4
    assert rebuilt.sample(12, seed=4).shape == (12, 1, 28, 28)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_restored_state_continues_with_the_same_bits(family: str, mnist: Dataset) -> None:
    method, other = build(family), build(family, seed=4)
    method.step(*batch(mnist))
    torch.manual_seed(7)
    state = copy.deepcopy(method.state_dict())
    expected = method.step(*batch(mnist, start=50)), sample(method)
    other.load_state_dict(state)
    torch.manual_seed(7)
    actual = other.step(*batch(mnist, start=50)), sample(other)
    assert {name: value.item() for name, value in actual[0].items()} == {
        name: value.item() for name, value in expected[0].items()
    }
    assert torch.equal(actual[1], expected[1])


@pytest.mark.parametrize("family", FAMILIES)
def test_sampling_does_not_change_the_training_mode(family: str, mnist: Dataset) -> None:
    method = build(family)
    modes = {name: network.training for name, network in method.networks().items()}
    sample(method)
    if isinstance(method, ReconstructionMethod):
        images, _ = batch(mnist, 8)
        assert method.reconstruct(images).shape == images.shape
    assert {name: network.training for name, network in method.networks().items()} == modes
    assert all(modes.values())


def test_methods_with_a_discriminator_are_adversarial() -> None:
    adversarial = {family for family in FAMILIES if isinstance(build(family), AdversarialMethod)}
    assert adversarial == set(FAMILIES) - WITHOUT_DISCRIMINATOR


def test_bigan_and_vae_reconstruct_images() -> None:
    assert {family for family in FAMILIES if isinstance(build(family), ReconstructionMethod)} == {"bigan", "vae"}


@pytest.mark.parametrize("family", sorted(CONDITIONAL))
def test_labels_change_the_generated_image(family: str, mnist: Dataset) -> None:
    method = build(family)
    method.step(*batch(mnist))
    noise = torch.randn(1, method.description().latent).expand(2, -1)
    first, second = eval_forward(method.image_generator(), noise, torch.tensor([0, 1]))
    assert not torch.equal(first, second)

"""One GAN for each class: each learns from its class alone."""

import copy

import pytest
import torch

from ganpipe.data.dataset import Dataset
from ganpipe.errors import UserError
from ganpipe.methods.catalogue import method_of
from ganpipe.methods.per_class import PerClassGan
from ganpipe.options import ImageShape
from ganpipe.samplers.per_class import PerClass
from tests.methods.families import training
from tests.methods.test_methods import CPU, batch, build


def test_a_pair_sees_only_its_class(mnist: Dataset) -> None:
    method, other = build("per-class"), build("per-class")
    assert isinstance(method, PerClassGan) and isinstance(other, PerClassGan)
    images, labels = batch(mnist)
    torch.manual_seed(0)
    method.step(images, labels)
    images[labels == 3] = 0
    torch.manual_seed(0)
    other.step(images, labels)
    same = [
        all(map(torch.equal, a.generator.network.parameters(), b.generator.network.parameters()))
        for a, b in zip(method.pairs, other.pairs, strict=True)
    ]
    assert same == [label != 3 for label in range(10)]


def test_a_pair_without_images_rests(mnist: Dataset) -> None:
    method = build("per-class")
    images, labels = batch(mnist)
    first = method.step(images, labels)
    before = copy.deepcopy(method.networks()["generator 3"].state_dict())
    kept = labels != 3
    second = method.step(images[kept], labels[kept])
    after = method.networks()["generator 3"].state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert second["loss_d_3"] == first["loss_d_3"] and second["loss_d_4"] != first["loss_d_4"]


def test_a_pair_trains_as_it_would_alone(mnist: Dataset) -> None:
    """Whoever trains beside it changes nothing but the random numbers, which are given back here."""
    together = build("per-class")
    assert isinstance(together, PerClassGan)
    alone = copy.deepcopy(together.pairs[0])
    images, labels = batch(mnist)
    torch.manual_seed(5)
    together.step(images, labels)
    torch.manual_seed(5)  # class 0 is the first to draw
    alone.step(images[labels == 0], None)
    for a, b in zip(
        alone.generator.network.parameters(), together.pairs[0].generator.network.parameters(), strict=True
    ):
        assert torch.equal(a, b)


def test_the_means_are_over_the_pairs(mnist: Dataset) -> None:
    scalars = build("per-class").step(*batch(mnist))
    losses = torch.stack([scalars[f"loss_g_{label}"] for label in range(10)])
    assert scalars["loss_g"] == pytest.approx(losses.mean().item())


def test_labels_choose_the_generator_and_keep_the_order() -> None:
    class Constant(torch.nn.Module):
        def __init__(self, value: float) -> None:
            super().__init__()
            self.value = value

        def forward(self, z: torch.Tensor) -> torch.Tensor:
            return z[:, :1, None, None] + self.value

    sampler = PerClass([Constant(10.0), Constant(20.0), Constant(30.0)])
    z = torch.tensor([[1.0], [2.0], [3.0], [4.0]])
    assert sampler(z, torch.tensor([2, 0, 2, 1])).flatten().tolist() == [31, 12, 33, 24]


def test_data_without_classes_is_refused() -> None:
    with pytest.raises(UserError, match="has no classes"):
        method_of(training("per-class"), ImageShape(1, 28), 0, CPU)

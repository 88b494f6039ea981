import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from ganpipe.common.errors import UserError
from ganpipe.common.types import ImageShape
from ganpipe.data.dataset import Dataset
from ganpipe.methods.common.ensembles import SequentialEnsemble, StackedEnsemble
from ganpipe.methods.per_class import PerClassGan
from ganpipe.methods.registry import build_method
from ganpipe.sampling.samplers.per_class import PerClass
from tests.methods.families import training
from tests.methods.test_methods import CPU, IMAGE, batch, build


def per_class(**changes: Any) -> PerClassGan:
    method = build("per-class", **changes)
    assert isinstance(method, PerClassGan)
    return method


@pytest.fixture
def double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_a_pair_sees_only_its_class(mnist: Dataset) -> None:
    method, other = per_class(), per_class()
    images, labels = batch(mnist)
    torch.manual_seed(0)
    method.step(images, labels)
    images[labels == 3] = 0
    torch.manual_seed(0)
    other.step(images, labels)
    same = [
        all(map(torch.equal, a.parameters(), b.parameters()))
        for a, b in zip(method.pairs.networks()["generator"], other.pairs.networks()["generator"], strict=True)
    ]
    assert same == [label != 3 for label in range(10)]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, StackedEnsemble),
        ({"loss": "least_squares", "optimizer": "rmsprop", "clip": 0.05}, StackedEnsemble),
        ({"loss": "relativistic", "critic_steps": 2}, StackedEnsemble),
        ({"discriminator": {"width": 4, "norm": "instance"}, "optimizer_discriminator": "sgd"}, StackedEnsemble),
        ({"network": "mlp", "generator": {"hidden": (16,)}, "discriminator": {"hidden": (16,)}}, StackedEnsemble),
        ({"discriminator": {"width": 4, "norm": "none"}, "penalty": "r1"}, SequentialEnsemble),
        ({"discriminator": {"width": 4, "norm": "spectral"}}, SequentialEnsemble),
    ],
)
@pytest.mark.usefixtures("double")
def test_the_pairs_train_as_each_would_alone(changes: dict[str, Any], kind: type, mnist: Dataset) -> None:
    """Ten GANs of the method `gan`, fed the same batches and noise: equal losses and weights.

    In float64, since a game of two networks magnifies the rounding of float32 from step to step.
    """
    method = per_class(latent=16, **changes)
    assert isinstance(method.pairs, kind)
    torch.manual_seed(0)  # what `per_class` drew the first weights from
    alone = [build_method(training("gan", latent=16, **changes), IMAGE, 10, CPU) for _ in range(10)]
    images, labels = batch(mnist, 40 * method.batches_per_step)
    images = images.double()
    steps = 6
    sums = torch.zeros(2, 10)
    # Draws of a multiple of 16 numbers go on where the last ended, so one for all pairs is ten for each. With two
    # critic steps the orders differ: there the noise is the same for all.
    constant = torch.randn(4, 16)
    with pytest.MonkeyPatch.context() as patch:
        if method.batches_per_step > 1:
            patch.setattr(torch, "randn", lambda *shape: constant.expand(*shape))
        for step in range(steps):
            torch.manual_seed(step)
            method.step(images, labels)
            torch.manual_seed(step)
            scalars = [gan.step(images[labels == label], None) for label, gan in enumerate(alone)]
            sums += torch.tensor([[one[name].item() for one in scalars] for name in ("loss_d", "loss_g")])
    losses = method.class_losses()
    torch.testing.assert_close(torch.tensor([losses["loss_d"], losses["loss_g"]]), sums / steps, rtol=1e-5, atol=1e-6)
    for name in ("generator", "discriminator"):
        for one, gan in zip(method.pairs.networks()[name], alone, strict=True):
            expected = gan.networks()[name].state_dict()
            for key, value in one.state_dict().items():
                torch.testing.assert_close(value, expected[key], rtol=1e-6, atol=1e-8)


def test_losses_of_the_classes_are_means_since_last_asked(mnist: Dataset) -> None:
    method = per_class()
    scalars = [method.step(*batch(mnist)) for _ in range(3)]
    for name, values in method.class_losses().items():
        assert len(values) == 10
        assert sum(values) / 10 == pytest.approx(sum(one[name].item() for one in scalars) / 3, rel=1e-5)
    last = method.step(*batch(mnist))
    assert sum(method.class_losses()["loss_g"]) / 10 == pytest.approx(last["loss_g"].item(), rel=1e-5)


@pytest.mark.parametrize(("loss", "even"), [("bce", 0.693147), ("least_squares", 0.25), ("hinge", 0.0)])
def test_the_loss_of_an_even_game(loss: str, even: float) -> None:
    assert per_class(loss=loss).even_loss == pytest.approx(even, abs=1e-6)


def test_an_uneven_batch_is_refused(mnist: Dataset) -> None:
    images, labels = batch(mnist)
    labels = labels.clone()
    labels[(labels == 3).nonzero()[0]] = 4
    with pytest.raises(ValueError, match="as many images of each class"):
        per_class().step(images, labels)


def test_batches_too_small_for_the_classes_are_refused() -> None:
    with pytest.raises(UserError, match="batch_size = 19"):
        build_method(training("per-class", batch_size=19), ImageShape(1, 28), 10, CPU)


def test_an_average_follows_the_pairs(mnist: Dataset) -> None:
    method = per_class(ema=0.5)
    before = copy.deepcopy(method.exported().state_dict())
    method.step(*batch(mnist))
    after, last = method.exported().state_dict(), PerClass(method.pairs.networks()["generator"]).state_dict()
    name = "generators.3.main.0.weight"
    assert not torch.equal(before[name], after[name]) and not torch.equal(after[name], last[name])


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
        build_method(training("per-class"), ImageShape(1, 28), 0, CPU)

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
def float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_a_gan_is_trained_on_its_own_class_only(mnist: Dataset) -> None:
    method, other = per_class(), per_class()
    images, labels = batch(mnist)
    torch.manual_seed(0)
    method.step(images, labels)
    images[labels == 3] = 0
    torch.manual_seed(0)
    other.step(images, labels)
    same = [
        all(map(torch.equal, a.parameters(), b.parameters()))
        for a, b in zip(method.ensemble.networks()["generator"], other.ensemble.networks()["generator"], strict=True)
    ]
    assert same == [label != 3 for label in range(10)]


@pytest.mark.parametrize(
    ("changes", "ensemble"),
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
@pytest.mark.usefixtures("float64")
def test_an_ensemble_trains_as_its_members_would_alone(changes: dict[str, Any], ensemble: type, mnist: Dataset) -> None:
    """Ten GANs of the method `gan` with the same batches and noise have equal losses and weights.

    In float64, because adversarial training amplifies the rounding of float32 from step to step.
    """
    method = per_class(latent=16, **changes)
    assert isinstance(method.ensemble, ensemble)
    torch.manual_seed(0)  # the seed of the initial weights of `per_class`
    alone = [build_method(training("gan", latent=16, **changes), IMAGE, 10, CPU) for _ in range(10)]
    images, labels = batch(mnist, 40 * method.batches_per_step)
    images = images.double()
    steps = 6
    sums = torch.zeros(2, 10)
    # torch.randn draws multiples of 16 numbers sequentially, so one draw for all members equals ten separate draws.
    # With two critic steps the order of the draws differs: there all members get the same noise.
    constant = torch.randn(4, 16)
    with pytest.MonkeyPatch.context() as patch:
        if method.batches_per_step > 1:
            patch.setattr(torch, "randn", lambda *shape, **_options: constant.expand(*shape))
        for step in range(steps):
            torch.manual_seed(step)
            method.step(images, labels)
            torch.manual_seed(step)
            scalars = [gan.step(images[labels == label], None) for label, gan in enumerate(alone)]
            sums += torch.tensor([[values[name].item() for values in scalars] for name in ("loss_d", "loss_g")])
    losses = method.class_losses()
    torch.testing.assert_close(torch.tensor([losses["loss_d"], losses["loss_g"]]), sums / steps, rtol=1e-5, atol=1e-6)
    for name in ("generator", "discriminator"):
        for network, gan in zip(method.ensemble.networks()[name], alone, strict=True):
            expected = gan.networks()[name].state_dict()
            for key, value in network.state_dict().items():
                torch.testing.assert_close(value, expected[key], rtol=1e-6, atol=1e-8)


def test_class_losses_are_means_since_the_previous_call(mnist: Dataset) -> None:
    method = per_class()
    scalars = [method.step(*batch(mnist)) for _ in range(3)]
    for name, values in method.class_losses().items():
        assert len(values) == 10
        assert sum(values) / 10 == pytest.approx(sum(values[name].item() for values in scalars) / 3, rel=1e-5)
    last = method.step(*batch(mnist))
    assert sum(method.class_losses()["loss_g"]) / 10 == pytest.approx(last["loss_g"].item(), rel=1e-5)


@pytest.mark.parametrize(("loss", "expected"), [("bce", 0.693147), ("least_squares", 0.25), ("hinge", 0.0)])
def test_the_loss_at_equilibrium(loss: str, expected: float) -> None:
    assert per_class(loss=loss).equilibrium_loss == pytest.approx(expected, abs=1e-6)


def test_an_unbalanced_batch_raises(mnist: Dataset) -> None:
    images, labels = batch(mnist)
    labels = labels.clone()
    labels[(labels == 3).nonzero()[0]] = 4
    with pytest.raises(RuntimeError, match="unequal numbers per class"):
        per_class().step(images, labels)


def test_too_small_batches_raise() -> None:
    with pytest.raises(UserError, match="batch_size = 19"):
        build_method(training("per-class", batch_size=19), ImageShape(1, 28), 10, CPU)


def test_the_ema_follows_the_generators(mnist: Dataset) -> None:
    method = per_class(ema=0.5)
    before = copy.deepcopy(method.image_generator().state_dict())
    method.step(*batch(mnist))
    after, last = method.image_generator().state_dict(), PerClass(method.ensemble.networks()["generator"]).state_dict()
    name = "generators.3.main.0.weight"
    assert not torch.equal(before[name], after[name]) and not torch.equal(after[name], last[name])


def test_labels_select_the_generator_and_keep_the_order() -> None:
    class Constant(torch.nn.Module):
        def __init__(self, value: float) -> None:
            super().__init__()
            self.value = value

        def forward(self, z: torch.Tensor) -> torch.Tensor:
            return z[:, :1, None, None] + self.value

    sampler = PerClass([Constant(10.0), Constant(20.0), Constant(30.0)])
    z = torch.tensor([[1.0], [2.0], [3.0], [4.0]])
    assert sampler(z, torch.tensor([2, 0, 2, 1])).flatten().tolist() == [31, 12, 33, 24]


def test_a_dataset_without_classes_raises() -> None:
    with pytest.raises(UserError, match="has no classes"):
        build_method(training("per-class"), ImageShape(1, 28), 0, CPU)

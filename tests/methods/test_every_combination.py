"""Every combination of settings that the planner accepts can be trained, and the rejected ones have a reason."""

import pytest
import torch

from ganpipe.config import Training
from ganpipe.methods.common.protocol import Method
from ganpipe.methods.common.train_state import eval_forward
from ganpipe.methods.registry import build_method
from ganpipe.objectives import losses, penalties
from ganpipe.sampling.generator import to_pixels
from tests.methods.combinations import PAIRS, TRAINED, image_of, norms, planned
from tests.nets import small_networks
from tests.objectives.test_one_step import public_functions

CLASSES = 2


@pytest.mark.parametrize(("method", "network"), PAIRS)
def test_accepted_settings_can_be_trained_and_sampled(method: str, network: str) -> None:
    image, (accepted, _) = image_of(network), planned(method, network)
    assert accepted
    for name, settings in accepted.items():
        context = f"{name}: {settings}"
        torch.manual_seed(0)
        model = build_method(Training(**settings, seed=0, threads=1), image, CLASSES, torch.device("cpu"))
        assert isinstance(model, Method)
        before = [weight.detach().clone() for net in model.networks().values() for weight in net.parameters()]
        images = torch.rand(8, image.channels, image.size, image.size) * 2 - 1
        model.set_step(1, 2)
        scalars = model.step(images, torch.arange(8) % CLASSES)
        after = [weight for net in model.networks().values() for weight in net.parameters()]
        assert all(value.isfinite() for value in scalars.values()), context
        assert all(weight.isfinite().all() for weight in after), context
        updated = [not torch.equal(*pair) for pair in zip(before, after, strict=True) if pair[0].ndim > 1]
        assert sum(updated) >= 0.9 * len(updated), context  # dead units may leave a layer unchanged in one step
        description = model.description()
        labels = torch.arange(4) % CLASSES if description.classes else None
        generated = eval_forward(model.image_generator(), torch.randn(4, description.latent), labels)
        assert generated.isfinite().all() and generated.abs().max() <= 1 + 1e-5, context
        assert to_pixels(generated, "signed").shape == (4, image.channels, image.size, image.size), context


@pytest.mark.parametrize(("method", "network"), [pair for pair in PAIRS if pair[0] in ("gan", "per_class")])
def test_rejected_settings_have_a_reason(method: str, network: str) -> None:
    _, rejected = planned(method, network)
    reasons = " ".join(rejected.values())
    assert "the gradient for each image separately" in reasons or "batch" not in norms(network, "Discriminator")
    assert "nothing bounds the critic's Lipschitz constant" in reasons
    assert all(rejected.values())


def test_every_loss_penalty_method_and_network_is_covered() -> None:
    accepted = [settings for pair in PAIRS for settings in planned(*pair)[0].values()]
    assert {settings["loss"] for settings in accepted} == public_functions(losses)
    assert {settings["penalty"] for settings in accepted} == {"none", *public_functions(penalties)}
    assert {settings["method"] for settings in accepted} == set(TRAINED)
    assert {settings["network"] for settings in accepted} == {*small_networks.NETWORKS, "unet", "patches"}

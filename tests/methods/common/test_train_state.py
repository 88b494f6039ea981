import copy

import pytest

from ganpipe.data.dataset import Dataset
from ganpipe.methods.gan import Gan
from ganpipe.nets.matmul_conv import Conv2d, ConvTranspose2d
from tests.methods.test_methods import batch, build


def uses_of_matmul(method: Gan) -> set[bool]:
    networks = [*method.networks().values(), method.image_generator()]
    layers = (module for network in networks for module in network.modules())
    return {layer.use_matmul for layer in layers if isinstance(layer, Conv2d | ConvTranspose2d)}


@pytest.mark.parametrize("lowering", [True, False])
def test_lowering_applies_to_all_networks(lowering: bool) -> None:
    method = build("gan", lowering=lowering)
    assert isinstance(method, Gan)
    assert uses_of_matmul(method) == {lowering}


def test_a_checkpoint_without_lowering_can_be_resumed_with_it(mnist: Dataset) -> None:
    plain, lowered = build("gan", lowering=False), build("gan", lowering=True)
    plain.step(*batch(mnist))
    lowered.load_state_dict(copy.deepcopy(plain.state_dict()))
    assert lowered.state_dict()["generator"]["network"].keys() == plain.state_dict()["generator"]["network"].keys()
    assert all(value.isfinite() for value in lowered.step(*batch(mnist)).values())

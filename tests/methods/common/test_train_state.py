import copy

import pytest

from ganpipe.data.dataset import Dataset
from ganpipe.methods.gan import Gan
from ganpipe.nets.lowering import Conv2d, ConvTranspose2d
from tests.methods.test_methods import batch, build


def lowered_layers(method: Gan) -> set[bool]:
    networks = [*method.networks().values(), method.exported()]
    layers = (module for network in networks for module in network.modules())
    return {layer.lowered for layer in layers if isinstance(layer, Conv2d | ConvTranspose2d)}


@pytest.mark.parametrize("lowering", [True, False])
def test_one_setting_lowers_all_networks_or_none(lowering: bool) -> None:
    method = build("gan", lowering=lowering)
    assert isinstance(method, Gan)
    assert lowered_layers(method) == {lowering}


def test_a_lowered_training_goes_on_from_a_plain_one(mnist: Dataset) -> None:
    plain, lowered = build("gan", lowering=False), build("gan", lowering=True)
    plain.step(*batch(mnist))
    lowered.load(copy.deepcopy(plain.state()))
    assert lowered.state()["generator"]["network"].keys() == plain.state()["generator"]["network"].keys()
    assert all(value.isfinite() for value in lowered.step(*batch(mnist)).values())

import pytest
import torch

from ganpipe.common.types import ImageShape
from ganpipe.nets.encoder import SIZES, Encoder


@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
@pytest.mark.parametrize("size", SIZES)
def test_an_image_becomes_as_many_numbers_as_asked(size, norm):
    encoder = Encoder(ImageShape(1, size), 10, width=4, norm=norm)
    numbers = encoder(torch.randn(3, 1, size, size))
    assert numbers.shape == (3, 10)
    numbers.square().sum().backward()
    assert all(parameter.grad is not None for parameter in encoder.parameters())

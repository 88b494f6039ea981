import pytest
import torch

from ganpipe.common.types import ImageShape
from ganpipe.nets.encoder import SIZES, Encoder


@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
@pytest.mark.parametrize("size", SIZES)
def test_output_has_the_requested_dimension(size, norm):
    encoder = Encoder(ImageShape(1, size), 10, width=4, norm=norm)
    outputs = encoder(torch.randn(3, 1, size, size))
    assert outputs.shape == (3, 10)
    outputs.square().sum().backward()
    assert all(parameter.grad is not None for parameter in encoder.parameters())

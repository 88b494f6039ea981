import pytest
import torch
import torch.nn.functional as F

from ganpipe.common.types import ImageShape
from ganpipe.nets.resnet import DownBlock, Generator, channels_per_level


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_a_downsampling_block_equals_its_layers_written_out(norm):
    torch.manual_seed(0)
    block = DownBlock(3, 5, norm)
    features = torch.randn(4, 3, 8, 8)
    first_norm, _, first, second_norm, _, _, second = block.main
    hidden = first(F.relu(first_norm(features)))
    hidden = second(F.avg_pool2d(F.relu(second_norm(hidden)), 2))
    expected = hidden + block.shortcut[1](F.avg_pool2d(features, 2))
    result = block(features.clone())
    torch.testing.assert_close(result, expected)
    result.sum().backward()  # raises if an in-place activation overwrote a tensor that another layer saved


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_an_upsampling_block_equals_its_layers_written_out(norm):
    torch.manual_seed(0)
    block = Generator(ImageShape(1, 16), 5, 0, width=2, norm=norm).main[2]
    features = torch.randn(4, 8, 4, 4)
    doubled = features.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    first_norm, _, _, first, second_norm, _, second = block.main
    normalised = first_norm(features).repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    hidden = second(F.relu(second_norm(first(F.relu(normalised)))))
    result = block(features.clone())
    torch.testing.assert_close(result, hidden + block.shortcut(doubled))
    result.sum().backward()  # raises if an in-place activation overwrote a tensor that another layer saved


@pytest.mark.parametrize(("size", "channels"), [(28, (2, 4, 8)), (32, (2, 4, 8, 8)), (128, (2, 4, 8, 8, 8, 8))])
def test_channels_grow_to_four_times_the_width(size, channels):
    assert channels_per_level(ImageShape(1, size), 2) == channels

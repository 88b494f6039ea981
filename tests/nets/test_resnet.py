import pytest
import torch
import torch.nn.functional as F

from ganpipe.common.types import ImageShape
from ganpipe.nets.resnet import Generator, Halving, widths_of


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_a_halving_equals_its_layers_written_out(norm):
    torch.manual_seed(0)
    block = Halving(3, 5, norm)
    features = torch.randn(4, 3, 8, 8)
    first_norm, _, first, second_norm, _, _, second = block.main
    hidden = first(F.relu(first_norm(features)))
    hidden = second(F.avg_pool2d(F.relu(second_norm(hidden)), 2))
    expected = hidden + block.shortcut[1](F.avg_pool2d(features, 2))
    made = block(features.clone())
    torch.testing.assert_close(made, expected)
    made.sum().backward()  # raises when an activation in place spoiled what another layer keeps


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_a_doubling_equals_its_layers_written_out(norm):
    torch.manual_seed(0)
    block = Generator(ImageShape(1, 16), 5, 0, width=2, norm=norm).main[2]
    features = torch.randn(4, 8, 4, 4)
    doubled = features.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    first_norm, _, _, first, second_norm, _, second = block.main
    normed = first_norm(features).repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    hidden = second(F.relu(second_norm(first(F.relu(normed)))))
    made = block(features.clone())
    torch.testing.assert_close(made, hidden + block.shortcut(doubled))
    made.sum().backward()  # raises when an activation in place spoiled what another layer keeps


@pytest.mark.parametrize(("size", "widths"), [(28, (2, 4, 8)), (32, (2, 4, 8, 8)), (128, (2, 4, 8, 8, 8, 8))])
def test_widths_grow_to_four_times_the_first(size, widths):
    assert widths_of(ImageShape(1, size), 2) == widths

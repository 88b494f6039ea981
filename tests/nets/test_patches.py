import pytest
import torch

from ganpipe.common.types import ImageShape
from ganpipe.nets.patches import SIZES, Denoiser


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("patch", [1, 2, 4])
@pytest.mark.parametrize("size", [size for size in SIZES if size < 100])
def test_the_prediction_has_the_shape_of_the_images_and_every_parameter_a_gradient(size, patch, classes):
    torch.manual_seed(0)
    network = Denoiser(ImageShape(3, size), classes, width=6, depth=2, patch=patch)
    noisy = torch.randn(2, 3, size, size)
    prediction = network(noisy, torch.tensor([3.5, 990.0]), torch.arange(2) if classes else None)
    assert prediction.shape == noisy.shape
    prediction.square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_time_label_and_only_the_own_image_change_a_prediction():
    torch.manual_seed(0)
    network = Denoiser(ImageShape(1, 16), 3, width=8)
    noisy, times, labels = torch.randn(2, 1, 16, 16), torch.tensor([3.0, 500.0]), torch.tensor([1, 0])
    output = network(noisy, times, labels)
    assert not torch.allclose(output, network(noisy, times + 200, labels))
    assert not torch.allclose(output, network(noisy, times, labels + 1))
    separately = torch.cat([network(noisy[n : n + 1], times[n : n + 1], labels[n : n + 1]) for n in range(2)])
    torch.testing.assert_close(output, separately)
    with pytest.raises(ValueError, match="labels: missing"):
        network(noisy, times)

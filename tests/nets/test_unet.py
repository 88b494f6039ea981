import math

import pytest
import torch
from torch import nn

from ganpipe.common.types import ImageShape
from ganpipe.nets.unet import SIZES, Denoiser, _SelfAttention, sinusoidal_embedding


def denoiser(size: int, classes: int = 0, **options: object) -> nn.Module:
    torch.manual_seed(0)
    return Denoiser(ImageShape(3 if size == 64 else 1, size), classes, width=6, **options)


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("attention", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_noise_has_the_shape_of_the_images_and_every_parameter_a_gradient(size, attention, classes):
    network = denoiser(size, classes, attention=attention)
    noisy = torch.randn(3, network.stem.in_channels, size, size)
    noise = network(noisy, torch.tensor([0, 5, 999]), torch.arange(3) if classes else None)
    assert noise.shape == noisy.shape
    noise.square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_time_and_label_change_the_output():
    network = denoiser(16, classes=3)
    noisy = torch.randn(2, 1, 16, 16)
    times, labels = torch.tensor([3, 3]), torch.tensor([1, 1])
    output = network(noisy, times, labels)
    assert not torch.allclose(output, network(noisy, times + 400, labels))
    assert not torch.allclose(output, network(noisy, times, labels + 1))
    with pytest.raises(ValueError, match="labels: missing"):
        network(noisy, times)


def test_an_output_depends_on_its_own_image_only():
    network = denoiser(16)
    noisy, times = torch.randn(3, 1, 16, 16), torch.tensor([1, 50, 700])
    separately = torch.cat([network(noisy[n : n + 1], times[n : n + 1]) for n in range(3)])
    torch.testing.assert_close(network(noisy, times), separately)


@pytest.mark.parametrize("width", [6, 7])
def test_sinusoidal_embedding_equals_hand_calculation(width):
    embedding = sinusoidal_embedding(torch.tensor([0.0, 5.0]), width)
    assert embedding.shape == (2, width)
    for index in range(3):
        frequency = 10_000.0 ** (-index / 3)
        assert embedding[1, index].item() == pytest.approx(math.sin(5 * frequency), abs=1e-6)
        assert embedding[1, 3 + index].item() == pytest.approx(math.cos(5 * frequency), abs=1e-6)


def test_attention_equals_its_slow_form():
    torch.manual_seed(0)
    layer = _SelfAttention(8).double()
    features = torch.randn(2, 8, 3, 3, dtype=torch.float64)
    query, key, value = layer.query_key_value(layer.norm(features)).flatten(2).chunk(3, dim=1)
    attended = torch.empty_like(value)
    for image in range(2):
        for position in range(9):
            scores = torch.stack([query[image, :, position] @ key[image, :, other] for other in range(9)])
            weights = torch.softmax(scores / math.sqrt(8), dim=0)
            attended[image, :, position] = (weights * value[image]).sum(dim=1)
    expected = features + layer.out(attended.reshape(features.shape))
    torch.testing.assert_close(layer(features), expected)

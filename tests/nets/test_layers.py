import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ganpipe.nets.layers import LatentToMap, MapToLogit, norm_layer, num_doublings, with_spectral_norm


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("bias", [True, False])
def test_latent_to_map_equals_the_transposed_convolution_of_one_pixel(bias, layout):
    layer = LatentToMap(7, 5, 4, bias).double().to(memory_format=layout)
    z = torch.randn(3, 7, dtype=torch.float64, requires_grad=True)
    expected = F.conv_transpose2d(z[:, :, None, None], layer.weight, layer.bias)
    torch.testing.assert_close(layer(z), expected)
    direction = torch.randn_like(expected)
    inputs = [z, *layer.parameters()]
    for actual, expected_gradient in zip(
        torch.autograd.grad((layer(z) * direction).sum(), inputs),
        torch.autograd.grad((expected * direction).sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(actual, expected_gradient)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("bias", [True, False])
def test_map_to_logit_equals_the_convolution_that_covers_its_input(bias, layout):
    layer = MapToLogit(5, 3, bias).double().to(memory_format=layout)
    features = torch.randn(4, 5, 3, 3, dtype=torch.float64).to(memory_format=layout)
    expected = F.conv2d(features, layer.weight, layer.bias).flatten()
    torch.testing.assert_close(layer(features), expected)


def test_both_have_the_parameters_of_the_convolution():
    shapes = {name: tuple(value.shape) for name, value in LatentToMap(100, 512, 4, True).state_dict().items()}
    assert shapes == {"weight": (100, 512, 4, 4), "bias": (512,)}
    shapes = {name: tuple(value.shape) for name, value in MapToLogit(256, 3, False).state_dict().items()}
    assert shapes == {"weight": (1, 256, 3, 3)}


def test_spectral_normalisation_keeps_the_largest_singular_value_at_one():
    torch.manual_seed(0)
    layer = with_spectral_norm(nn.Conv2d(6, 8, 3), "spectral")
    with torch.no_grad():
        layer.parametrizations.weight.original *= 40
        for _ in range(200):
            layer(torch.randn(1, 6, 3, 3))
    assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=1e-4)
    plain = nn.Conv2d(6, 8, 3)
    assert with_spectral_norm(plain, "batch") is plain


@pytest.mark.parametrize(("norm", "axes"), [("batch", (0, 2, 3)), ("instance", (2, 3))])
def test_normalised_features_have_mean_zero_and_variance_one(norm, axes):
    features = 3 + 5 * torch.randn(4, 6, 8, 8, dtype=torch.float64)
    normed = norm_layer(norm, 6).double()(features)
    torch.testing.assert_close(normed.mean(axes), torch.zeros_like(normed.mean(axes)), atol=1e-9, rtol=0)
    deviation = normed.std(axes, correction=0)
    torch.testing.assert_close(deviation, torch.ones_like(deviation), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("size", "count"), [(16, 2), (28, 2), (32, 3), (64, 4), (128, 5), (256, 6)])
def test_doublings_start_from_four_or_seven_pixels(size, count):
    assert num_doublings(size) == count
    assert size // 2**count == (7 if size == 28 else 4)

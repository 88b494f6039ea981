import pytest
import torch
import torch.nn.functional as F

from ganpipe.common.types import ImageShape
from ganpipe.nets.style import Discriminator, Generator, demodulation, modulated_conv


def slow_modulated_conv(features, weight, scales, demodulate):
    """Equations 1 and 3 of Karras et al. (2020) written out: one kernel and one convolution per image."""
    results = []
    for image, scale in zip(features, scales, strict=True):
        kernel = weight * scale[None, :, None, None]
        if demodulate:
            norms = torch.stack([(weights**2).sum().add(1e-8).sqrt() for weights in kernel])
            kernel = kernel / norms[:, None, None, None]
        results.append(F.conv2d(image[None], kernel, padding=weight.shape[-1] // 2))
    return torch.cat(results)


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("demodulate", [True, False])
def test_modulated_convolution_equals_its_slow_form(demodulate, size):
    torch.manual_seed(0)
    features = torch.randn(3, 5, 7, 7, dtype=torch.float64)
    weight = torch.randn(4, 5, size, size, dtype=torch.float64, requires_grad=True)
    scales = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    fast = modulated_conv(features, weight, scales)
    if demodulate:
        fast = fast * demodulation(weight, scales)[:, :, None, None]
    slow = slow_modulated_conv(features, weight, scales, demodulate)
    torch.testing.assert_close(fast, slow)
    direction = torch.randn_like(slow)
    for actual, expected in zip(
        torch.autograd.grad((fast * direction).sum(), [weight, scales]),
        torch.autograd.grad((slow * direction).sum(), [weight, scales]),
        strict=True,
    ):
        torch.testing.assert_close(actual, expected)


def test_a_styled_layer_equals_its_slow_form():
    torch.manual_seed(0)
    layer = Generator(ImageShape(1, 16), 5, 0, width=4).blocks[0].first.eval()
    with torch.no_grad():
        layer.noise_strength.fill_(0.7)
        layer.bias.normal_()
    features, style = torch.randn(3, 16, 8, 8), torch.randn(3, 64)
    mixed = slow_modulated_conv(features, layer.weight, layer.scales(style), demodulate=True)
    expected = F.leaky_relu(mixed + 0.7 * layer.fixed_noise + layer.bias, 0.2) * 2**0.5
    torch.testing.assert_close(layer(features, style), expected)


def test_noise_is_random_in_training_mode_and_fixed_in_eval_mode():
    torch.manual_seed(0)
    generator = Generator(ImageShape(1, 16), 5, 0, width=4)
    with torch.no_grad():
        generator.first_conv.noise_strength.fill_(1)
    z = torch.randn(3, 5)
    assert not torch.equal(generator(z), generator(z))
    generator.eval()
    assert torch.equal(generator(z), generator(z))


def test_images_do_not_depend_on_the_norm_of_the_latent():
    torch.manual_seed(0)
    generator = Generator(ImageShape(1, 16), 5, 0, width=4).eval()
    z = torch.randn(3, 5)
    torch.testing.assert_close(generator(z), generator(7 * z))


def test_blocks_preserve_the_scale_of_their_input():
    torch.manual_seed(0)
    generator = Generator(ImageShape(1, 64), 32, 0).eval()
    features = []
    for block in generator.blocks:
        block.register_forward_hook(lambda _module, _inputs, output: features.append(output[0]))
    generator(torch.randn(16, 32))
    for output in features:
        assert 0.3 < output.square().mean().sqrt() < 3


def test_initial_images_differ_between_latents():
    torch.manual_seed(0)
    generator = Generator(ImageShape(1, 28), 100, 0, width=8).eval()
    with torch.no_grad():
        images = generator(torch.randn(64, 100))
    assert images.std(dim=0).mean() > 0.5 * images.std()


def test_initial_logits_differ_between_images():
    torch.manual_seed(0)
    image = ImageShape(1, 28)
    with torch.no_grad():
        logits = Discriminator(image, 0, width=8)(torch.randn(64, image.channels, image.size, image.size))
    assert logits.std() > 0.1

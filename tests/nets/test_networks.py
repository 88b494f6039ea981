"""Properties that hold for every generator and discriminator."""

import pytest
import torch

from ganpipe.common.types import ImageShape
from tests.nets import small_networks

GENERATORS = [
    (network, size, norm)
    for network in small_networks.NETWORKS
    for size in small_networks.sizes(network)
    for norm in small_networks.norms(network, "Generator")
]
DISCRIMINATORS = [
    (network, size, norm)
    for network in small_networks.NETWORKS
    for size in small_networks.sizes(network)
    for norm in small_networks.norms(network, "Discriminator")
]
SIZES = [(network, size) for network in small_networks.NETWORKS for size in small_networks.sizes(network)]


def test_all_networks_of_the_catalogue_are_tested():
    assert set(small_networks.NETWORKS) >= {"mlp", "dcgan", "dcgan_deep", "dense_dcgan", "resnet", "style"}


def test_which_networks_exist_at_every_size():
    at_every_size = {16, 28, 32, 64, 128, 256}
    modules = ["dcgan", "encoder", "joint", "dense_dcgan", "resnet", "style", "unet", "patches"]
    assert {name: set(small_networks.sizes(name)) for name in modules} == dict.fromkeys(modules, at_every_size)
    assert small_networks.sizes("dcgan_deep") == (28,)


@pytest.mark.parametrize("classes", [0, small_networks.CLASSES])
@pytest.mark.parametrize(("network", "size", "norm"), GENERATORS)
def test_a_generator_returns_images_in_range(network, size, norm, classes):
    image = ImageShape(3 if size == 64 else 1, size)
    generator = small_networks.generator(network, image, classes, norm)
    images = generator(10 * torch.randn(3, small_networks.LATENT), small_networks.labels_for(3, classes))
    assert images.shape == (3, *image[:1], size, size)
    assert images.dtype == torch.float32
    assert -1 <= images.min() < images.max() <= 1


@pytest.mark.parametrize("classes", [0, small_networks.CLASSES])
@pytest.mark.parametrize(("network", "size", "norm"), DISCRIMINATORS)
def test_a_discriminator_returns_one_logit_per_image(network, size, norm, classes):
    image = ImageShape(3 if size == 64 else 1, size)
    discriminator = small_networks.discriminator(network, image, classes, norm)
    logits = discriminator(torch.randn(3, image.channels, size, size), small_networks.labels_for(3, classes))
    assert logits.shape == (3,)
    assert logits.isfinite().all()


@pytest.mark.parametrize(("network", "size"), SIZES)
def test_every_parameter_has_a_gradient(network, size):
    image = ImageShape(1, size)
    generator = small_networks.generator(network, image, small_networks.CLASSES)
    discriminator = small_networks.discriminator(network, image, small_networks.CLASSES)
    labels = small_networks.labels_for(4, small_networks.CLASSES)
    discriminator(generator(torch.randn(4, small_networks.LATENT), labels), labels).square().sum().backward()
    for module in (generator, discriminator):
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize("network", small_networks.NETWORKS)
def test_labels_change_images_and_logits(network):
    image = ImageShape(1, small_networks.sizes(network)[0])
    generator = small_networks.generator(network, image, small_networks.CLASSES).eval()
    discriminator = small_networks.discriminator(network, image, small_networks.CLASSES).eval()
    z, images = torch.randn(2, small_networks.LATENT), torch.randn(2, 1, image.size, image.size)
    zeros, ones = torch.zeros(2, dtype=torch.int64), torch.ones(2, dtype=torch.int64)
    assert not torch.equal(generator(z, zeros), generator(z, ones))
    assert not torch.equal(discriminator(images, zeros), discriminator(images, ones))


@pytest.mark.parametrize("network", small_networks.NETWORKS)
def test_in_eval_mode_an_image_depends_on_its_own_latent_only(network):
    image = ImageShape(1, small_networks.sizes(network)[0])
    generator = small_networks.generator(network, image).eval()
    z = torch.randn(5, small_networks.LATENT)
    separately = torch.cat([generator(row) for row in z.split(1)])
    torch.testing.assert_close(generator(z), separately)


@pytest.mark.parametrize("network", small_networks.NETWORKS)
def test_channels_last_layout_changes_no_output(network):
    image = ImageShape(3 if network not in ("dcgan_deep",) else 1, small_networks.sizes(network)[0])
    generator = small_networks.generator(network, image).eval()
    discriminator = small_networks.discriminator(network, image).eval()
    z = torch.randn(4, small_networks.LATENT)
    images = generator(z)
    logits = discriminator(images)
    generator.to(memory_format=torch.channels_last)
    discriminator.to(memory_format=torch.channels_last)
    torch.testing.assert_close(generator(z), images)
    torch.testing.assert_close(discriminator(images.contiguous(memory_format=torch.channels_last)), logits)


@pytest.mark.parametrize("network", small_networks.NETWORKS)
def test_equal_seeds_give_equal_networks(network):
    image = ImageShape(1, small_networks.sizes(network)[0])
    first, second = (small_networks.generator(network, image).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)

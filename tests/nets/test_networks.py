"""What every pair of networks promises, whatever its architecture."""

import pytest
import torch

from ganpipe.common.types import ImageShape
from tests.nets import gallery

GENERATORS = [
    (network, size, norm)
    for network in gallery.NETWORKS
    for size in gallery.sizes(network)
    for norm in gallery.norms(network, "Generator")
]
DISCRIMINATORS = [
    (network, size, norm)
    for network in gallery.NETWORKS
    for size in gallery.sizes(network)
    for norm in gallery.norms(network, "Discriminator")
]
SIZES = [(network, size) for network in gallery.NETWORKS for size in gallery.sizes(network)]


def test_the_gallery_holds_the_networks_of_the_catalogue():
    assert set(gallery.NETWORKS) >= {"mlp", "dcgan", "dcgan_deep", "dense_dcgan", "resnet", "style"}


@pytest.mark.parametrize("classes", [0, gallery.CLASSES])
@pytest.mark.parametrize(("network", "size", "norm"), GENERATORS)
def test_a_generator_makes_images_in_range(network, size, norm, classes):
    image = ImageShape(3 if size == 64 else 1, size)
    generator = gallery.generator(network, image, classes, norm)
    images = generator(10 * torch.randn(3, gallery.LATENT), gallery.labels_for(3, classes))
    assert images.shape == (3, *image[:1], size, size)
    assert images.dtype == torch.float32
    assert -1 <= images.min() < images.max() <= 1


@pytest.mark.parametrize("classes", [0, gallery.CLASSES])
@pytest.mark.parametrize(("network", "size", "norm"), DISCRIMINATORS)
def test_a_discriminator_gives_one_logit_an_image(network, size, norm, classes):
    image = ImageShape(3 if size == 64 else 1, size)
    discriminator = gallery.discriminator(network, image, classes, norm)
    logits = discriminator(torch.randn(3, image.channels, size, size), gallery.labels_for(3, classes))
    assert logits.shape == (3,)
    assert logits.isfinite().all()


@pytest.mark.parametrize(("network", "size"), SIZES)
def test_every_parameter_takes_part_in_learning(network, size):
    image = ImageShape(1, size)
    generator = gallery.generator(network, image, gallery.CLASSES)
    discriminator = gallery.discriminator(network, image, gallery.CLASSES)
    labels = gallery.labels_for(4, gallery.CLASSES)
    discriminator(generator(torch.randn(4, gallery.LATENT), labels), labels).square().sum().backward()
    for module in (generator, discriminator):
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize("network", gallery.NETWORKS)
def test_labels_change_what_is_made_and_what_is_judged(network):
    image = ImageShape(1, gallery.sizes(network)[0])
    generator = gallery.generator(network, image, gallery.CLASSES).eval()
    discriminator = gallery.discriminator(network, image, gallery.CLASSES).eval()
    z, pictures = torch.randn(2, gallery.LATENT), torch.randn(2, 1, image.size, image.size)
    zeros, ones = torch.zeros(2, dtype=torch.int64), torch.ones(2, dtype=torch.int64)
    assert not torch.equal(generator(z, zeros), generator(z, ones))
    assert not torch.equal(discriminator(pictures, zeros), discriminator(pictures, ones))


@pytest.mark.parametrize("network", gallery.NETWORKS)
def test_in_evaluation_an_image_depends_on_its_own_noise_alone(network):
    image = ImageShape(1, gallery.sizes(network)[0])
    generator = gallery.generator(network, image).eval()
    z = torch.randn(5, gallery.LATENT)
    together = generator(z)
    apart = torch.cat([generator(one) for one in z.split(1)])
    torch.testing.assert_close(together, apart)


@pytest.mark.parametrize("network", gallery.NETWORKS)
def test_channels_last_in_memory_changes_no_number(network):
    image = ImageShape(3 if network not in ("dcgan_deep",) else 1, gallery.sizes(network)[0])
    generator = gallery.generator(network, image).eval()
    discriminator = gallery.discriminator(network, image).eval()
    z = torch.randn(4, gallery.LATENT)
    images = generator(z)
    logits = discriminator(images)
    generator.to(memory_format=torch.channels_last)
    discriminator.to(memory_format=torch.channels_last)
    torch.testing.assert_close(generator(z), images)
    torch.testing.assert_close(discriminator(images.contiguous(memory_format=torch.channels_last)), logits)


@pytest.mark.parametrize("network", gallery.NETWORKS)
def test_equal_seeds_give_equal_networks(network):
    image = ImageShape(1, gallery.sizes(network)[0])
    first, second = (gallery.generator(network, image).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)

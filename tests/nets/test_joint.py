import pytest
import torch

from ganpipe.common.types import ImageShape
from ganpipe.nets.joint import SIZES, JointDiscriminator


@pytest.mark.parametrize("norm", ["batch", "instance", "spectral", "none"])
@pytest.mark.parametrize("size", SIZES)
def test_output_is_one_logit_per_pair(size, norm):
    discriminator = JointDiscriminator(ImageShape(1, size), 10, width=4, norm=norm, dropout=0.1)
    logits = discriminator(torch.randn(3, 1, size, size), torch.randn(3, 10))
    assert logits.shape == (3,)
    logits.square().sum().backward()
    assert all(parameter.grad is not None for parameter in discriminator.parameters())


def test_the_logit_depends_on_image_and_latent():
    torch.manual_seed(0)
    discriminator = JointDiscriminator(ImageShape(1, 28), 10, width=4).eval()
    images, z = torch.randn(2, 1, 28, 28), torch.randn(2, 10)
    assert not torch.allclose(discriminator(images, z), discriminator(images.flip(0), z))
    assert not torch.allclose(discriminator(images, z), discriminator(images, z.flip(0)))

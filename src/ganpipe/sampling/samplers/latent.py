"""One pass of a generator from noise to images: GANs and variational autoencoders."""

from torch import nn

from ganpipe.nets.registry import build_generator
from ganpipe.sampling.description import Description


def build(description: Description) -> nn.Module:
    """The generator network itself."""
    return build_generator(
        description.network, description.image, description.latent, description.classes, description.options
    )

"""One pass of a generator from noise to images: GANs and variational autoencoders."""

from torch import nn

from ganpipe.nets.catalogue import generator_of
from ganpipe.samplers.description import Description


def build(description: Description) -> nn.Module:
    """The generator network itself."""
    return generator_of(
        description.network, description.image, description.latent, description.classes, description.options
    )

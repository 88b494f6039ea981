"""One forward pass of a generator: GANs and variational autoencoders."""

from torch import nn

from ganpipe.nets.registry import build_generator
from ganpipe.sampling.description import Description


def build(description: Description) -> nn.Module:
    """Build the generator network, which is its own sampler."""
    return build_generator(
        description.network, description.image, description.latent, description.classes, description.options
    )

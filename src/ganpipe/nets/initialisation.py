"""Ways to set the weights of a network before training; randomness comes from torch's global generator."""

from torch import nn
from torch.nn.utils import parametrize

_POWER_ITERATIONS = 15


def dcgan_init(network: nn.Module) -> None:
    """Draw the weights as DCGAN does (Radford et al. 2016, section 4), in place.

    Convolutions, plain and transposed: N(0, 0.02). Normalisations: scale N(1, 0.02), shift 0. Other layers
    and biases keep what they have.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            _draw_convolution(module)
        elif isinstance(module, nn.BatchNorm2d | nn.InstanceNorm2d) and module.affine:
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)


def _draw_convolution(module: nn.Module) -> None:
    if not parametrize.is_parametrized(module, "weight"):
        nn.init.normal_(module.get_parameter("weight"), 0.0, 0.02)
        return
    nn.init.normal_(module.get_parameter("parametrizations.weight.original"), 0.0, 0.02)
    # Spectral normalisation still holds the singular vectors of the old weight: each look at the weight takes
    # one power iteration, and as many as at its construction make them fit the new one.
    for _ in range(_POWER_ITERATIONS):
        _ = module.weight

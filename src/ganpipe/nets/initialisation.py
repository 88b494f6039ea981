"""Weight initialisation, drawn from torch's global random generator."""

from torch import nn
from torch.nn.utils import parametrize

_POWER_ITERATIONS = 15


def dcgan_init(network: nn.Module) -> None:
    """Initialise the weights in place as DCGAN does (Radford et al. 2016, section 4).

    Convolutions, transposed ones included: N(0, 0.02^2). Normalisation layers: scale N(1, 0.02^2), shift 0. Other
    layers and biases of convolutions are left unchanged.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            _init_convolution(module)
        elif isinstance(module, nn.BatchNorm2d | nn.InstanceNorm2d) and module.affine:
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)


def _init_convolution(module: nn.Module) -> None:
    if not parametrize.is_parametrized(module, "weight"):
        nn.init.normal_(module.get_parameter("weight"), 0.0, 0.02)
        return
    nn.init.normal_(module.get_parameter("parametrizations.weight.original"), 0.0, 0.02)
    # Spectral normalisation still holds the singular vectors of the previous weight. Each access to the weight runs
    # one power iteration; as many as at construction fit the vectors to the new weight.
    for _ in range(_POWER_ITERATIONS):
        _ = module.weight

"""Layers that several networks share."""

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from ganpipe.common.types import Activation

LEAK = 0.2
"""Negative slope of LeakyReLU in every network (Radford et al. 2016), unless the network says otherwise."""


class NoiseToMap(nn.ConvTranspose2d):
    """Transposed convolution of a 1x1 input, computed as the matrix product that it is.

    (N, latent) -> (N, channels, size, size), laid out channels-last. The parameters are those of
    `ConvTranspose2d(latent, channels, size)`.
    """

    def __init__(self, latent: int, channels: int, size: int, bias: bool) -> None:
        super().__init__(latent, channels, size, bias=bias)

    def forward(self, z: Tensor) -> Tensor:  # type: ignore[override]
        """Project noise (N, latent) to a map (N, channels, size, size)."""
        # Channels last in memory: a view of a channels-last weight, and what the next layers like best.
        weight = self.weight.permute(0, 2, 3, 1)
        grid = (z @ weight.flatten(1)).view(-1, *weight.shape[1:])
        if self.bias is not None:
            grid = grid + self.bias
        return grid.permute(0, 3, 1, 2)


class MapToLogit(nn.Conv2d):
    """Convolution whose kernel covers its whole input, computed as the inner product that it is.

    (N, channels, size, size) -> (N,). The parameters are those of `Conv2d(channels, 1, size)`.
    """

    def __init__(self, channels: int, size: int, bias: bool) -> None:
        super().__init__(channels, 1, size, bias=bias)

    def forward(self, features: Tensor) -> Tensor:
        """Score a map (N, channels, size, size) with one logit each (N,)."""
        weight = self.weight.permute(0, 2, 3, 1).flatten()
        logits: Tensor = features.permute(0, 2, 3, 1).flatten(1) @ weight
        return logits if self.bias is None else logits + self.bias


def norm_layer(norm: str, channels: int) -> nn.Module:
    """Return the normalisation of a map with so many channels; identity for `none` and `spectral`."""
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    if norm == "instance":
        return nn.InstanceNorm2d(channels, affine=True)
    return nn.Identity()


def brings_shift(norm: str) -> bool:
    """Tell whether the normalisation learns a shift, so that a bias before it would be redundant."""
    return norm in ("batch", "instance")


def constrained(layer: nn.Module, norm: str) -> nn.Module:
    """Give a layer spectral normalisation (Miyato et al. 2018) when `norm` asks for it."""
    return spectral_norm(layer) if norm == "spectral" else layer


def activation_layer(activation: Activation) -> nn.Module:
    """Return the activation of that name; it works in place."""
    return nn.ReLU(inplace=True) if activation == "relu" else nn.LeakyReLU(LEAK, inplace=True)


def doublings(size: int) -> int:
    """How often a smallest map, of 4 to 7 pixels a side, is doubled on the way to an image of this size."""
    count = 0
    while size >= 8 and size % 2 == 0:
        size //= 2
        count += 1
    return count

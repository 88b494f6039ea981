"""Layers shared by several networks."""

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from ganpipe.common.types import Activation

LEAKY_SLOPE = 0.2
"""Negative slope of LeakyReLU (Radford et al. 2016), unless a network documents another one."""


class TanhGenerator(nn.Module):
    """Base class of generators whose images are tanh of the last layer; subclasses implement `pre_tanh`."""

    def pre_tanh(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Map z (N, latent) and labels (N,) to u (N, C, H, W), unbounded, where the images are tanh(u).

        2u is the logit of the pixel (tanh(u) + 1) / 2 = sigmoid(2u), with which likelihoods do not saturate.
        """
        raise NotImplementedError

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Map z (N, latent) and labels (N,) to images (N, C, H, W) in [-1, 1]."""
        return torch.tanh(self.pre_tanh(z, labels))


class LatentToMap(nn.ConvTranspose2d):
    """Transposed convolution of a 1x1 input, computed as a matrix product: (N, latent) -> (N, channels, size, size).

    Has the parameters of `ConvTranspose2d(latent, channels, size)`; its output is channels-last in memory.
    """

    def __init__(self, latent: int, channels: int, size: int, bias: bool) -> None:
        super().__init__(latent, channels, size, bias=bias)

    def forward(self, z: Tensor) -> Tensor:  # type: ignore[override]
        """Project z (N, latent) to a feature map (N, channels, size, size)."""
        # For a channels-last weight this permutation is a view, and the next layers are fastest with that layout.
        weight = self.weight.permute(0, 2, 3, 1)
        features = (z @ weight.flatten(1)).view(-1, *weight.shape[1:])
        if self.bias is not None:
            features = features + self.bias
        return features.permute(0, 3, 1, 2)


class MapToLogit(nn.Conv2d):
    """Convolution whose kernel covers its whole input, computed as an inner product: (N, channels, size, size) -> (N,).

    Has the parameters of `Conv2d(channels, 1, size)`.
    """

    def __init__(self, channels: int, size: int, bias: bool) -> None:
        super().__init__(channels, 1, size, bias=bias)

    def forward(self, features: Tensor) -> Tensor:
        """Return one logit per feature map."""
        weight = self.weight.permute(0, 2, 3, 1).flatten()
        logits: Tensor = features.permute(0, 2, 3, 1).flatten(1) @ weight
        return logits if self.bias is None else logits + self.bias


def norm_layer(norm: str, channels: int) -> nn.Module:
    """Return the normalisation layer; identity for `none` and for `spectral`, which acts on weights."""
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    if norm == "instance":
        return nn.InstanceNorm2d(channels, affine=True)
    return nn.Identity()


def norm_has_bias(norm: str) -> bool:
    """Return True if the normalisation layer learns a shift, which makes the bias of the layer before it redundant."""
    return norm in ("batch", "instance")


def with_spectral_norm(layer: nn.Module, norm: str) -> nn.Module:
    """Return the layer, with its weight spectrally normalised (Miyato et al. 2018) if `norm` is `spectral`."""
    return spectral_norm(layer) if norm == "spectral" else layer


def activation_layer(activation: Activation) -> nn.Module:
    """Return the activation, which works in place."""
    return nn.ReLU(inplace=True) if activation == "relu" else nn.LeakyReLU(LEAKY_SLOPE, inplace=True)


def num_doublings(size: int) -> int:
    """Return how often the smallest feature map, 4 to 7 pixels wide, is doubled to reach this image size."""
    count = 0
    while size >= 8 and size % 2 == 0:
        size //= 2
        count += 1
    return count

"""A small style-based GAN in the manner of StyleGAN2 (Karras et al. 2020)."""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganpipe.common.types import Count, ImageShape
from ganpipe.nets.conditional import LabelledNoise, Projection
from ganpipe.nets.layers import LEAK, doublings
from ganpipe.nets.lowering import Conv2d
from ganpipe.nets.resnet import Halving, widths_of

SIZES = (16, 28, 32, 64, 128)


class Generator(nn.Module):
    """Noise -> style; a learned constant map, doubled up to the image by convolutions modulated by the style.

    Each size adds its picture to the doubled picture of the size before; tanh ends the sum. The noise within
    the layers is fresh in training and fixed in evaluation, where an image depends on z alone.

    width: channels f at the image's own size; 2f at half of it, 4f below.
    style: numbers in a style. mapping: linear layers from noise to style.
    """

    def __init__(
        self,
        image: ImageShape,
        latent: int,
        classes: int,
        *,
        width: Count = 32,
        style: Count = 64,
        mapping: Count = 4,
    ) -> None:
        super().__init__()
        self.noise = LabelledNoise(latent, classes)
        self.mapping = nn.Sequential()
        for inputs, outputs in pairwise((self.noise.width, *[style] * mapping)):
            self.mapping.extend([nn.Linear(inputs, outputs), nn.LeakyReLU(LEAK, inplace=True)])
        self.mapping.apply(_keep_scale)
        widths = tuple(reversed(widths_of(image, width)))
        smallest = image.size // 2 ** doublings(image.size)
        self.constant = nn.Parameter(torch.randn(1, widths[0], smallest, smallest))
        self.first = _StyledConv(widths[0], widths[0], smallest, style)
        self.first_picture = _Picture(widths[0], image.channels, style)
        self.levels = nn.ModuleList(
            _Level(inputs, outputs, smallest * 2**step, image.channels, style)
            for step, (inputs, outputs) in enumerate(pairwise(widths), start=1)
        )

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Noise (N, latent) and labels (N,) -> images (N, C, H, W) in [-1, 1]."""
        noise = self.noise(z, labels)
        style = self.mapping(noise * noise.square().mean(dim=1, keepdim=True).rsqrt())
        features = self.first(self.constant, style)
        picture = self.first_picture(features, style)
        for level in self.levels:
            features, picture = level(features, picture, style)
        return torch.tanh(picture)


class Discriminator(nn.Module):
    """Image -> residual halvings down to 4x4 or 7x7 -> dense -> one logit; no normalisation."""

    def __init__(self, image: ImageShape, classes: int, *, width: Count = 32) -> None:
        super().__init__()
        channels = widths_of(image, width)
        smallest = image.size // 2 ** doublings(image.size)
        self.features = nn.Sequential(
            Conv2d(image.channels, channels[0], 3, padding=1),
            *(Halving(inputs, outputs, "none") for inputs, outputs in pairwise(channels)),
            nn.Flatten(),
            nn.Linear(channels[-1] * smallest**2, channels[-1]),
            nn.LeakyReLU(LEAK, inplace=True),
        )
        self.features.apply(_keep_scale)
        self.head = nn.Linear(channels[-1], 1)
        self.projection = Projection(channels[-1], classes)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, C, H, W) and labels (N,) -> logits (N,)."""
        features = self.features(images)
        logits: Tensor = self.projection(self.head(features).squeeze(1), features, labels)
        return logits


def modulated_conv(features: Tensor, weight: Tensor, scales: Tensor) -> Tensor:
    """Convolve each image with a kernel of its own, `weight` times its scales (equation 1 of the paper).

    features (N, inputs, H, W), weight (outputs, inputs, k, k), scales (N, inputs) -> (N, outputs, H, W).
    Scaling the maps in place of the kernels makes it one convolution for the whole batch.
    """
    return F.conv2d(features * scales[:, :, None, None], weight, padding=weight.shape[-1] // 2)


def demodulation(weight: Tensor, scales: Tensor) -> Tensor:
    """Return one over the norm of each image's modulated kernels (equation 3), (N, outputs)."""
    return (scales.square() @ weight.square().sum(dim=(2, 3)).T + 1e-8).rsqrt()


class _StyledConv(nn.Module):
    """Modulated 3x3 convolution, noise, bias, LeakyReLU: (N, inputs, s, s) -> (N, outputs, s, s)."""

    fixed_noise: Tensor

    def __init__(self, inputs: int, outputs: int, size: int, style: int) -> None:
        super().__init__()
        self.scales = _scales(style, inputs)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3) / math.sqrt(9 * inputs))
        self.bias = nn.Parameter(torch.zeros(outputs, 1, 1))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("fixed_noise", torch.randn(1, 1, size, size))

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        scales = self.scales(style)
        mixed = modulated_conv(features, self.weight, scales)
        mixed = torch.addcmul(self.bias, mixed, demodulation(self.weight, scales)[:, :, None, None])
        mixed += self.noise_strength * self._noise(mixed)
        # The gain gives back the variance that the activation takes.
        return F.leaky_relu(mixed, LEAK, inplace=True) * math.sqrt(2)

    def _noise(self, features: Tensor) -> Tensor:
        """One picture of noise for each image in training, one for all of them in evaluation."""
        if not self.training:
            return self.fixed_noise
        return torch.randn(len(features), *self.fixed_noise.shape[1:]).to(features)


class _Picture(nn.Module):
    """Modulated 1x1 convolution to the image's channels: (N, inputs, s, s) -> (N, C, s, s)."""

    def __init__(self, inputs: int, channels: int, style: int) -> None:
        super().__init__()
        self.scales = _scales(style, inputs)
        self.weight = nn.Parameter(torch.randn(channels, inputs, 1, 1) / math.sqrt(inputs))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        return modulated_conv(features, self.weight, self.scales(style)) + self.bias


class _Level(nn.Module):
    """From one size to its double: two styled convolutions, and one more term of the picture."""

    def __init__(self, inputs: int, outputs: int, size: int, channels: int, style: int) -> None:
        super().__init__()
        self.first = _StyledConv(inputs, outputs, size, style)
        self.second = _StyledConv(outputs, outputs, size, style)
        self.picture = _Picture(outputs, channels, style)

    def forward(self, features: Tensor, picture: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        features = self.first(F.interpolate(features, scale_factor=2.0), style)
        features = self.second(features, style)
        return features, F.interpolate(picture, scale_factor=2.0) + self.picture(features, style)


def _keep_scale(module: nn.Module) -> None:
    """Initial weights of He et al. (2015), with which layers pass on the scale of what they are given.

    PyTorch's own shrink it some 30 times on the way from noise to styles, so that all images begin alike, and on
    the way from image to logit. The paper's normalised weights (its equalised learning rate) do what these do.
    """
    if isinstance(module, nn.Linear | nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, LEAK)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _scales(style: int, inputs: int) -> nn.Linear:
    """The affine map from a style to scales, which start around 1 and differ as much as the styles do."""
    layer = nn.Linear(style, inputs)
    nn.init.normal_(layer.weight, std=style**-0.5)
    nn.init.ones_(layer.bias)
    return layer

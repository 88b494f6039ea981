"""Small style-based GAN in the manner of StyleGAN2 (Karras et al. 2020).

Equation numbers in this file refer to that paper.
"""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganpipe.common.types import Count, ImageShape
from ganpipe.nets.conditional import ConditionalLatent, Projection
from ganpipe.nets.layers import LEAKY_SLOPE, TanhGenerator, num_doublings
from ganpipe.nets.matmul_conv import Conv2d
from ganpipe.nets.resnet import DownBlock, channels_per_level

SIZES = (16, 28, 32, 64, 128, 256)


class Generator(TanhGenerator):
    """Latent -> style; a learned constant map, upsampled to the image by convolutions that the style modulates.

    Each resolution adds its own image to the upsampled image of the resolution below; tanh of the sum is the output.
    The noise inputs are random in training mode and fixed in eval mode, where the image is a function of z alone.

    width: channels f at the resolution of the image; 2f at half of it, 4f below.
    style: dimension of the style vector. mapping: linear layers of the mapping network.
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
        self.noise = ConditionalLatent(latent, classes)
        self.mapping = nn.Sequential()
        for inputs, outputs in pairwise((self.noise.width, *[style] * mapping)):
            self.mapping.extend([nn.Linear(inputs, outputs), nn.LeakyReLU(LEAKY_SLOPE, inplace=True)])
        self.mapping.apply(_he_init)
        channels = tuple(reversed(channels_per_level(image, width)))
        smallest = image.size // 2 ** num_doublings(image.size)
        self.constant = nn.Parameter(torch.randn(1, channels[0], smallest, smallest))
        self.first_conv = _StyledConv(channels[0], channels[0], smallest, style)
        self.first_to_image = _ToImage(channels[0], image.channels, style)
        self.blocks = nn.ModuleList(
            _SynthesisBlock(inputs, outputs, smallest * 2**level, image.channels, style)
            for level, (inputs, outputs) in enumerate(pairwise(channels), start=1)
        )

    def pre_tanh(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """See `TanhGenerator`."""
        z = self.noise(z, labels)
        style = self.mapping(z * z.square().mean(dim=1, keepdim=True).rsqrt())
        features = self.first_conv(self.constant, style)
        image: Tensor = self.first_to_image(features, style)
        for block in self.blocks:
            features, image = block(features, image, style)
        return image


class Discriminator(nn.Module):
    """Image -> residual downsampling blocks to 4x4 or 7x7 -> dense -> one logit; no normalisation."""

    def __init__(self, image: ImageShape, classes: int, *, width: Count = 32) -> None:
        super().__init__()
        channels = channels_per_level(image, width)
        smallest = image.size // 2 ** num_doublings(image.size)
        self.features = nn.Sequential(
            Conv2d(image.channels, channels[0], 3, padding=1),
            *(DownBlock(inputs, outputs, "none") for inputs, outputs in pairwise(channels)),
            nn.Flatten(),
            nn.Linear(channels[-1] * smallest**2, channels[-1]),
            nn.LeakyReLU(LEAKY_SLOPE, inplace=True),
        )
        self.features.apply(_he_init)
        self.head = nn.Linear(channels[-1], 1)
        self.projection = Projection(channels[-1], classes)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Map images (N, C, H, W) and labels (N,) to logits (N,)."""
        features = self.features(images)
        logits: Tensor = self.projection(self.head(features).squeeze(1), features, labels)
        return logits


def modulated_conv(features: Tensor, weight: Tensor, scales: Tensor) -> Tensor:
    """Convolve each image with its own kernel, `weight` times the image's scales (equation 1).

    features (N, inputs, H, W), weight (outputs, inputs, k, k), scales (N, inputs) -> (N, outputs, H, W). Scaling the
    feature maps instead of the kernels makes this one convolution for the whole batch.
    """
    return F.conv2d(features * scales[:, :, None, None], weight, padding=weight.shape[-1] // 2)


def demodulation(weight: Tensor, scales: Tensor) -> Tensor:
    """Return the inverse norm of each image's modulated kernels (equation 3), (N, outputs)."""
    return (scales.square() @ weight.square().sum(dim=(2, 3)).T + 1e-8).rsqrt()


class _StyledConv(nn.Module):
    """Modulated 3x3 convolution, noise, bias, LeakyReLU: (N, inputs, s, s) -> (N, outputs, s, s)."""

    fixed_noise: Tensor

    def __init__(self, inputs: int, outputs: int, size: int, style: int) -> None:
        super().__init__()
        self.scales = _scale_layer(style, inputs)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3) / math.sqrt(9 * inputs))
        self.bias = nn.Parameter(torch.zeros(outputs, 1, 1))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("fixed_noise", torch.randn(1, 1, size, size))

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        scales = self.scales(style)
        features = modulated_conv(features, self.weight, scales)
        features = torch.addcmul(self.bias, features, demodulation(self.weight, scales)[:, :, None, None])
        features += self.noise_strength * self._noise(features)
        # The gain restores the variance that the activation removes.
        return F.leaky_relu(features, LEAKY_SLOPE, inplace=True) * math.sqrt(2)

    def _noise(self, features: Tensor) -> Tensor:
        """Return one noise map per image in training mode, one for all images in eval mode."""
        if not self.training:
            return self.fixed_noise
        shape = len(features), *self.fixed_noise.shape[1:]
        return torch.randn(shape, device=features.device).to(features.dtype)


class _ToImage(nn.Module):
    """Modulated 1x1 convolution to the channels of the image: (N, inputs, s, s) -> (N, C, s, s)."""

    def __init__(self, inputs: int, channels: int, style: int) -> None:
        super().__init__()
        self.scales = _scale_layer(style, inputs)
        self.weight = nn.Parameter(torch.randn(channels, inputs, 1, 1) / math.sqrt(inputs))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        return modulated_conv(features, self.weight, self.scales(style)) + self.bias


class _SynthesisBlock(nn.Module):
    """One resolution: upsampling, two styled convolutions, and this resolution's contribution to the image."""

    def __init__(self, inputs: int, outputs: int, size: int, channels: int, style: int) -> None:
        super().__init__()
        self.first = _StyledConv(inputs, outputs, size, style)
        self.second = _StyledConv(outputs, outputs, size, style)
        self.to_image = _ToImage(outputs, channels, style)

    def forward(self, features: Tensor, image: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        features = self.first(F.interpolate(features, scale_factor=2.0), style)
        features = self.second(features, style)
        return features, F.interpolate(image, scale_factor=2.0) + self.to_image(features, style)


def _he_init(module: nn.Module) -> None:
    """Initialise a layer so that it preserves the scale of its input (He et al. 2015).

    PyTorch's default shrinks the signal about 30 times between latent and style, so that all initial images are nearly
    equal, and also between image and logit. In the paper the equalised learning rate has this effect.
    """
    if isinstance(module, nn.Linear | nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, LEAKY_SLOPE)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _scale_layer(style: int, inputs: int) -> nn.Linear:
    """Return the affine map from styles to scales, initially around 1 with unit variance over styles."""
    layer = nn.Linear(style, inputs)
    nn.init.normal_(layer.weight, std=style**-0.5)
    nn.init.ones_(layer.bias)
    return layer

"""Convolutions lowered to a matrix product where that is faster on a CPU.

oneDNN is near a CPU's peak wherever maps have many channels, and far below it where they are spread over a picture of
one channel: the last layer of a generator, and the gradient of a discriminator's first layer at its image. There one
matrix product for all taps of the kernel, each added up where it falls, takes a quarter of the time. The numbers are
the same up to rounding. Elsewhere PyTorch's own convolutions run.
"""

from itertools import product
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function

Pair = tuple[int, ...]


class Conv2d(nn.Conv2d):
    """`nn.Conv2d` that is lowered where it pays, once `lower` allows it."""

    lowered = False

    def forward(self, maps: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, out_channels, H', W')."""
        if not _lowers(self, maps):
            return super().forward(maps)
        margins = cast(Pair, self.padding)
        if self.in_channels == 1:
            result: Tensor = _Gather.apply(maps, self.weight, self.stride, margins)
        elif self.out_channels == 1 and self.stride == (1, 1):
            # At stride 1 a convolution is the transposed one of the mirrored kernel.
            weight = self.weight.transpose(0, 1).flip(2, 3)
            axes = tuple(zip(maps.shape[2:], self.kernel_size, margins, strict=True))
            cropped = tuple(tap - 1 - at for _, tap, at in axes)
            size = tuple(side - tap + 1 + 2 * at for side, tap, at in axes)
            result = _Spread.apply(maps, weight, self.stride, cropped, size)
        else:
            return super().forward(maps)
        return result if self.bias is None else result + self.bias.view(-1, 1, 1)


class ConvTranspose2d(nn.ConvTranspose2d):
    """`nn.ConvTranspose2d` that is lowered where it pays, once `lower` allows it."""

    lowered = False

    def forward(self, maps: Tensor) -> Tensor:  # type: ignore[override]
        """(N, in_channels, H, W) -> (N, out_channels, H', W')."""
        if not (self.out_channels == 1 and _lowers(self, maps)):
            return super().forward(maps)
        margins = cast(Pair, self.padding)
        axes = zip(maps.shape[2:], self.stride, margins, self.kernel_size, self.output_padding, strict=True)
        size = tuple((side - 1) * step - 2 * at + tap + extra for side, step, at, tap, extra in axes)
        result: Tensor = _Spread.apply(maps, self.weight, self.stride, margins, size)
        return result if self.bias is None else result + self.bias.view(-1, 1, 1)


def lower(network: nn.Module, allowed: bool = True) -> None:
    """Allow every convolution of this module within a network to be lowered, or none; parameters stay as they are."""
    for module in network.modules():
        if isinstance(module, Conv2d | ConvTranspose2d):
            module.lowered = allowed


def spread(maps: Tensor, weight: Tensor, stride: Pair, padding: Pair, size: Pair) -> Tensor:
    """Transposed convolution to one channel, as one matrix product.

    maps (..., N, C, h, w), best channels-last; weight (..., C, 1, k, l) -> (..., N, 1, *size). The leading axes are
    those of networks side by side.
    """
    batch, _, height, width = maps.shape[-4:]
    rows, columns = weight.shape[-2:]
    places = maps.movedim(-3, -1).flatten(-4, -2)
    taps = weight.flatten(-3).mT @ places.mT
    taps = taps.view(*taps.shape[:-2], rows, columns, batch, height, width)
    sides = tuple(side + 2 * at for side, at in zip(size, padding, strict=True))
    canvas = maps.new_zeros(*taps.shape[:-5], batch, *sides)
    for row, column in product(range(rows), range(columns)):
        down = slice(row, row + stride[0] * (height - 1) + 1, stride[0])
        right = slice(column, column + stride[1] * (width - 1) + 1, stride[1])
        canvas[..., down, right] += taps[..., row, column, :, :, :]
    return canvas[..., padding[0] : padding[0] + size[0], padding[1] : padding[1] + size[1]].unsqueeze(-3)


def _lowers(layer: Conv2d | ConvTranspose2d, maps: Tensor) -> bool:
    plain = layer.groups == 1 and layer.dilation == (1, 1) and layer.padding_mode == "zeros"
    return layer.lowered and plain and maps.device.type == "cpu"


def _at_weight(wide: Tensor, single: Tensor, weight: Tensor, stride: Pair, padding: Pair) -> Tensor:
    """Gradient of the convolution single -> wide at its weight. The weight is there for its layout in memory alone."""
    once, none = (1, 1), (0, 0)
    wanted = (False, True, False)
    gradients: tuple[Tensor, Tensor, Tensor] = torch.ops.aten.convolution_backward(
        wide, single, weight, None, stride, padding, once, False, none, 1, wanted
    )
    return gradients[1]


class _Spread(Function):
    """`spread`, whose gradient at the maps is `_Gather`; both can be differentiated as often as wanted."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, stride: Pair, padding: Pair, size: Pair) -> Tensor:
        ctx.save_for_backward(maps, weight)
        ctx.stride, ctx.padding = stride, padding
        # Memory of its own: what is changed in place after a function must not be a view.
        return spread(maps, weight, stride, padding, size).clone(memory_format=torch.contiguous_format)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        maps, weight = ctx.saved_tensors
        at_maps = at_weight = None
        if ctx.needs_input_grad[0]:
            at_maps = _Gather.apply(gradient, weight, ctx.stride, ctx.padding)
        if ctx.needs_input_grad[1]:
            at_weight = _at_weight(maps, gradient, weight, ctx.stride, ctx.padding)
        return at_maps, at_weight, None, None, None


class _Gather(Function):
    """Convolution of maps of one channel, whose gradient at the maps is `_Spread`."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, stride: Pair, padding: Pair) -> Tensor:
        ctx.save_for_backward(maps, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(maps, weight, stride=stride, padding=padding)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        maps, weight = ctx.saved_tensors
        at_maps = at_weight = None
        if ctx.needs_input_grad[0]:
            at_maps = _Spread.apply(gradient, weight, ctx.stride, ctx.padding, maps.shape[2:])
        if ctx.needs_input_grad[1]:
            at_weight = _at_weight(gradient, maps, weight, ctx.stride, ctx.padding)
        return at_maps, at_weight, None, None

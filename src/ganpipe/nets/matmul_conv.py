"""Convolutions to or from one channel, computed as matrix products on the CPU.

oneDNN runs close to a CPU's peak where feature maps have many channels, but far below it where one side of a
transposed convolution has a single channel: the last layer of a generator, and the gradient of a discriminator's first
layer with respect to its image. There, one matrix product for all kernel positions, each then added to the output at
its offset, takes a quarter of the time. Results agree up to rounding. All other cases, and other devices, use PyTorch's
own convolutions.
"""

from itertools import product
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function

Pair = tuple[int, ...]


class Conv2d(nn.Conv2d):
    """`nn.Conv2d` that uses a matrix product where that is faster, once `enable_matmul` allows it."""

    use_matmul = False

    def forward(self, maps: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H', W')."""
        if not _matmul_applies(self, maps):
            return super().forward(maps)
        padding = cast(Pair, self.padding)
        if self.in_channels == 1:
            result: Tensor = _ConvFromOneChannel.apply(maps, self.weight, self.stride, padding)
        elif self.out_channels == 1 and self.stride == (1, 1):
            # With stride 1 a convolution equals the transposed convolution with the mirrored kernel.
            weight = self.weight.transpose(0, 1).flip(2, 3)
            axes = tuple(zip(maps.shape[2:], self.kernel_size, padding, strict=True))
            transposed_padding = tuple(kernel - 1 - pad for _, kernel, pad in axes)
            size = tuple(side - kernel + 1 + 2 * pad for side, kernel, pad in axes)
            result = _ConvTransposeToOneChannel.apply(maps, weight, self.stride, transposed_padding, size)
        else:
            return super().forward(maps)
        return result if self.bias is None else result + self.bias.view(-1, 1, 1)


class ConvTranspose2d(nn.ConvTranspose2d):
    """`nn.ConvTranspose2d` that uses a matrix product where that is faster, once `enable_matmul` allows it."""

    use_matmul = False

    def forward(self, maps: Tensor) -> Tensor:  # type: ignore[override]
        """Map (N, in_channels, H, W) to (N, out_channels, H', W')."""
        if not (self.out_channels == 1 and _matmul_applies(self, maps)):
            return super().forward(maps)
        padding = cast(Pair, self.padding)
        axes = zip(maps.shape[2:], self.stride, padding, self.kernel_size, self.output_padding, strict=True)
        size = tuple((side - 1) * step - 2 * pad + kernel + extra for side, step, pad, kernel, extra in axes)
        result: Tensor = _ConvTransposeToOneChannel.apply(maps, self.weight, self.stride, padding, size)
        return result if self.bias is None else result + self.bias.view(-1, 1, 1)


def enable_matmul(network: nn.Module, enabled: bool = True) -> None:
    """Allow or forbid matrix products in every `Conv2d` and `ConvTranspose2d` of this module; parameters stay as is."""
    for module in network.modules():
        if isinstance(module, Conv2d | ConvTranspose2d):
            module.use_matmul = enabled


def conv_transpose_matmul(maps: Tensor, weight: Tensor, stride: Pair, padding: Pair, size: Pair) -> Tensor:
    """Compute a transposed convolution to one channel as one matrix product.

    maps (..., N, C, h, w), fastest channels-last; weight (..., C, 1, k, l) -> (..., N, 1, *size). Leading dimensions
    belong to independent networks.
    """
    batch, _, height, width = maps.shape[-4:]
    rows, columns = weight.shape[-2:]
    positions = maps.movedim(-3, -1).flatten(-4, -2)
    products = weight.flatten(-3).mT @ positions.mT
    products = products.view(*products.shape[:-2], rows, columns, batch, height, width)
    padded_size = tuple(side + 2 * pad for side, pad in zip(size, padding, strict=True))
    canvas = maps.new_zeros(*products.shape[:-5], batch, *padded_size)
    for row, column in product(range(rows), range(columns)):
        down = slice(row, row + stride[0] * (height - 1) + 1, stride[0])
        right = slice(column, column + stride[1] * (width - 1) + 1, stride[1])
        canvas[..., down, right] += products[..., row, column, :, :, :]
    return canvas[..., padding[0] : padding[0] + size[0], padding[1] : padding[1] + size[1]].unsqueeze(-3)


def _matmul_applies(layer: Conv2d | ConvTranspose2d, maps: Tensor) -> bool:
    plain = layer.groups == 1 and layer.dilation == (1, 1) and layer.padding_mode == "zeros"
    return layer.use_matmul and plain and maps.device.type == "cpu"


def _weight_gradient(wide: Tensor, single: Tensor, weight: Tensor, stride: Pair, padding: Pair) -> Tensor:
    """Return the weight gradient of the convolution single -> wide; `weight` only provides the memory layout."""
    dilation, output_padding, groups = (1, 1), (0, 0), 1
    output_mask = (False, True, False)
    gradients: tuple[Tensor, Tensor, Tensor] = torch.ops.aten.convolution_backward(
        wide, single, weight, None, stride, padding, dilation, False, output_padding, groups, output_mask
    )
    return gradients[1]


class _ConvTransposeToOneChannel(Function):
    """`conv_transpose_matmul`; its input gradient is `_ConvFromOneChannel`, so both are differentiable at any order."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, stride: Pair, padding: Pair, size: Pair) -> Tensor:
        ctx.save_for_backward(maps, weight)
        ctx.stride, ctx.padding = stride, padding
        # A copy, because activations work in place and the output of a custom function must then not be a view.
        return conv_transpose_matmul(maps, weight, stride, padding, size).clone(memory_format=torch.contiguous_format)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        maps, weight = ctx.saved_tensors
        maps_gradient = weight_gradient = None
        if ctx.needs_input_grad[0]:
            maps_gradient = _ConvFromOneChannel.apply(gradient, weight, ctx.stride, ctx.padding)
        if ctx.needs_input_grad[1]:
            weight_gradient = _weight_gradient(maps, gradient, weight, ctx.stride, ctx.padding)
        return maps_gradient, weight_gradient, None, None, None


class _ConvFromOneChannel(Function):
    """Convolution of one-channel maps; its input gradient is `_ConvTransposeToOneChannel`."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, stride: Pair, padding: Pair) -> Tensor:
        ctx.save_for_backward(maps, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(maps, weight, stride=stride, padding=padding)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        maps, weight = ctx.saved_tensors
        maps_gradient = weight_gradient = None
        if ctx.needs_input_grad[0]:
            maps_gradient = _ConvTransposeToOneChannel.apply(gradient, weight, ctx.stride, ctx.padding, maps.shape[2:])
        if ctx.needs_input_grad[1]:
            weight_gradient = _weight_gradient(gradient, maps, weight, ctx.stride, ctx.padding)
        return maps_gradient, weight_gradient, None, None

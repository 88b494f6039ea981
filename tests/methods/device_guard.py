"""Detect operations that fail or wait on a GPU, on a machine without one: the meta device stands for CUDA.

Tensors on the meta device have shapes and types but no data, so whatever needs a value on the host fails. The guard
checks every ATen operation, those of the backward pass included, and names the reason.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

GPU = torch.device("meta")

aten = torch.ops.aten

COPIES = {aten._to_copy, aten.copy_, aten._foreach_copy_}

SYNCHRONISING = {
    aten._local_scalar_dense, aten._unique2, aten.equal, aten.is_nonzero, aten.masked_select, aten.nonzero,
    aten.unique_consecutive, aten.unique_dim,
}  # fmt: skip
"""The host waits for a value, or for the size of the result."""

HOST_DATA = {torch.tensor, torch.as_tensor, torch.asarray, Tensor.new_tensor}
"""Copy Python numbers or NumPy arrays from pageable memory, which waits for the device."""

NONDETERMINISTIC = {
    aten._adaptive_avg_pool2d_backward, aten._adaptive_avg_pool3d_backward, aten._ctc_loss_backward,
    aten.adaptive_max_pool2d_backward, aten.avg_pool3d_backward, aten.bincount, aten.fractional_max_pool2d_backward,
    aten.fractional_max_pool3d_backward, aten.grid_sampler_2d_backward, aten.grid_sampler_3d_backward, aten.histc,
    aten.kthvalue, aten.max_unpool2d, aten.max_unpool3d, aten.median, aten.nll_loss2d_forward, aten.put_,
    aten.reflection_pad1d_backward, aten.reflection_pad2d_backward, aten.reflection_pad3d_backward,
    aten.upsample_bicubic2d_backward, aten.upsample_bilinear2d_backward, aten.upsample_linear1d_backward,
    aten.upsample_trilinear3d_backward,
}  # fmt: skip
"""Raise on CUDA in deterministic mode (documentation of `torch.use_deterministic_algorithms`)."""

NOT_ON_MPS = {torch.float64, torch.complex128}


class DeviceError(AssertionError):
    """An operation that a GPU would reject or wait for."""


@contextmanager
def device_guard(*, synchronisation: bool = False) -> Iterator[None]:
    """Raise DeviceError for mixed devices, nondeterministic operations, float64 and, unless allowed, synchronisation.

    With `synchronisation` the size of a result that depends on data is its largest possible one.
    """
    with _FunctionGuard(synchronisation), _DispatchGuard(synchronisation):
        yield


class _FunctionGuard(TorchFunctionMode):
    """Sees the functions that create tensors from host data, which never reach the dispatcher."""

    def __init__(self, synchronisation: bool) -> None:
        super().__init__()
        self.synchronisation = synchronisation

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        if function in HOST_DATA and result.device == GPU and not self.synchronisation:
            data = args[-1] if function is Tensor.new_tensor else args[0]
            if not isinstance(data, Tensor):
                raise DeviceError(f"{function.__name__}: copies host data to the device, which waits for it")
        return result


class _DispatchGuard(TorchDispatchMode):
    def __init__(self, synchronisation: bool) -> None:
        super().__init__()
        self.synchronisation = synchronisation

    def __torch_dispatch__(self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name, packet = str(function), getattr(function, "overloadpacket", None)
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        devices = {tensor.device for tensor in tensors if tensor.ndim > 0}  # scalars on the CPU may join any tensor
        if packet in COPIES:
            target = torch.device(kwargs.get("device") or tensors[0].device)
            if not self.synchronisation and {tensor.device for tensor in tensors} | {target} > {target}:
                raise DeviceError(f"{name}: copies between host and device from pageable memory, which waits for it")
        elif len(devices) > 1:
            raise DeviceError(f"{name}: tensors on different devices, {sorted(map(str, devices))}")
        if GPU in devices and packet in NONDETERMINISTIC:
            raise DeviceError(f"{name}: not deterministic on CUDA")
        if GPU in {tensor.device for tensor in tensors} and (packet in SYNCHRONISING or _selects_by_mask(packet, args)):
            if not self.synchronisation:
                raise DeviceError(f"{name}: the host waits for a result of the device")
            if packet is aten.nonzero:
                return torch.empty(args[0].numel(), args[0].ndim, dtype=torch.int64, device=GPU)
        if packet is aten._fused_sgd_:  # without a kernel for the meta device; updates its arguments in place
            return None
        result = function(*args, **kwargs)
        if any(
            leaf.device == GPU and leaf.dtype in NOT_ON_MPS for leaf in tree_leaves(result) if isinstance(leaf, Tensor)
        ):
            raise DeviceError(f"{name}: float64, which Apple's GPUs do not have")
        return result


def _selects_by_mask(packet: Any, args: tuple[Any, ...]) -> bool:
    """Return True for x[mask], whose size depends on data; x[mask] = number is a fill without waiting."""
    if packet is aten.index or (packet in (aten.index_put, aten.index_put_) and args[2].numel() > 1):
        return any(index.dtype in (torch.bool, torch.uint8) for index in args[1] if index is not None)
    return False

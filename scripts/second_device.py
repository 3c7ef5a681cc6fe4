"""A second device of torch's for machines that have none: its tensors say `second:0` and refuse all others.

Their memory is the processor's, and every operation on them is done by the processor. As on a GPU an operation of
tensors of two devices raises, only copies may cross, and a tensor here has no `numpy()`. What assumes the processor
anywhere fails with it, and what does not gives the processor's numbers to the last bit.

It takes the place of PrivateUse1, torch's device for others' back ends, for the rest of the process, so that tests use
it in a process of their own. How it works: DLPack makes a tensor of another's memory, and what the capsule says of the
device is changed on the way.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import torch
from torch.utils import _pytree as pytree
from torch.utils import backend_registration

NAME = "second"
_CPU, _OTHER = 1, 12  # kDLCPU and kDLExtDev of DLPack
_DEVICE_TYPE = 8  # bytes in front of it in DLManagedTensor: the pointer to the data

_aten = torch.ops.aten
# Which may have tensors of both devices: copies, and as on a GPU indices of the processor's.
_CROSS = {_aten._copy_from.default, _aten._copy_from_and_resize.default, _aten.index.Tensor}
_CROSS |= {_aten.index.Tensor_out, _aten._index_put_impl_.default}
# Which torch leaves to the back end, and a fallback does not reach.
_OVERRIDEABLE = (_aten.convolution_overrideable.default, _aten.convolution_backward_overrideable.default)
# Which the processor has by another name.
_BY_NAME: dict[Any, Callable[..., Any]] = {
    _aten.convolution_overrideable.default: _aten.convolution.default,
    _aten.convolution_backward_overrideable.default: lambda grad, maps, weight, *rest: _aten.convolution_backward(
        grad, maps, weight, None, *rest
    ),
    _aten._copy_from.default: lambda source, target, non_blocking=False: target.copy_(source),
    _aten._copy_from_and_resize.default: lambda source, target: target.resize_(source.shape).copy_(source),
}

_own_deepcopy = torch.Tensor.__deepcopy__
_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
_registered: list[torch.library.Library] = []  # which undo what they registered when they go


def make() -> str:
    """Makes the device, once in a process; returns its name.

    Raises:
        RuntimeError: If this torch lets no Python be a back end (2.10 does).
    """
    if not _registered:
        if not available():
            raise RuntimeError(f"torch {torch.__version__} lets no Python be a back end; a newer one does")
        backend_registration._setup_privateuseone_for_python_backend(NAME)
        every, own = torch.library.Library("_", "IMPL"), torch.library.Library("aten", "IMPL")
        every.fallback(_run, "PrivateUse1")
        for operation in _OVERRIDEABLE:
            own.impl(operation.name().removeprefix("aten::"), partial(_run, operation), "PrivateUse1")
        torch.Tensor.__deepcopy__ = _deepcopy  # type: ignore[method-assign]
        _registered.extend((every, own))
    return NAME


def available() -> bool:
    """Whether this torch lets Python be a back end."""
    return hasattr(backend_registration, "_setup_privateuseone_for_python_backend")


def in_use() -> int:
    """Bytes of the tensors here that Python knows of, views among them."""
    tensors = [each for each in gc.get_objects() if issubclass(type(each), torch.Tensor)]
    return sum(each.nbytes for each in tensors if _is_second(each))


def _seen_as(tensor: torch.Tensor, device: int) -> torch.Tensor:
    """The same memory as a tensor of another device."""
    capsule = torch._C._to_dlpack(tensor.detach())
    ctypes.c_int32.from_address(_pointer(capsule, b"dltensor") + _DEVICE_TYPE).value = device
    return torch._C._from_dlpack(capsule)


def _deepcopy(tensor: torch.Tensor, memo: dict[int, Any]) -> torch.Tensor:
    """In the place of torch's, which asks the device for memory in a way that only a back end in C++ can offer."""
    if not _is_second(tensor) or id(tensor) in memo:
        return _own_deepcopy(tensor, memo)
    memo[id(tensor)] = copied = tensor.detach().clone().requires_grad_(tensor.requires_grad)
    return copied


def _is_second(tensor: torch.Tensor) -> bool:
    return tensor.device.type == NAME


def _run(operation: Any, *args: Any, **kwargs: Any) -> Any:
    """Runs an operation of torch's with at least one tensor here, or one that makes a tensor here."""
    tensors = [leaf for leaf in pytree.tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    if operation not in _CROSS and any(not _is_second(tensor) and tensor.dim() for tensor in tensors):
        raise RuntimeError(
            f"{operation}: expected all tensors to be on the same device, and they are on "
            f"{sorted({str(tensor.device) for tensor in tensors})}"
        )
    own: dict[int, torch.Tensor] = {}  # tensors of this device by what stands for them on the processor

    def of_the_processor(leaf: Any) -> Any:
        if isinstance(leaf, torch.Tensor) and _is_second(leaf):
            seen = _seen_as(leaf, _CPU)
            own[id(seen)] = leaf
            return seen
        return torch.device("cpu") if isinstance(leaf, torch.device) else leaf

    def of_this_device(result: Any) -> Any:
        if not isinstance(result, torch.Tensor):
            return result
        return own[id(result)] if id(result) in own else _seen_as(result, _OTHER)

    # What is only written to may be given another size, which borrowed memory cannot have.
    outs = {name: kwargs.pop(name) for name in _outs(operation) if name in kwargs}
    fresh = {name: torch.empty(0, dtype=out.dtype) for name, out in outs.items()}
    args, kwargs = pytree.tree_map(of_the_processor, (args, kwargs))
    results = _BY_NAME.get(operation, operation)(*args, **kwargs, **fresh)
    if not outs:
        return pytree.tree_map(of_this_device, results)
    for name, out in outs.items():
        if out.shape == fresh[name].shape:
            _seen_as(out, _CPU).copy_(fresh[name])
        else:
            out.data = _seen_as(fresh[name], _OTHER)
    return next(iter(outs.values())) if len(outs) == 1 else tuple(outs.values())


@cache
def _outs(operation: Any) -> tuple[str, ...]:
    """The names of the arguments that an operation only writes to."""
    return tuple(each.name for each in operation._schema.arguments if each.is_out)

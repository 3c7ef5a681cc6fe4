"""One call of a convolution function, whichever way a net calls it, with what it was given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

_ATEN = torch.ops.aten


@dataclass(slots=True)
class ConvCall:
    """One call of a convolution function, as the pass reached it, with what it was given.

    `input` is the layer's own input: for a module with a padding mode other than zeros, that before its padding. The
    weight is as the function takes it: `(F, C_in/groups, *k)`, transposed `(C_in, F/groups, *k)`. The tuples have one
    entry for each of the 1, 2 or 3 spatial axes.

    Attributes:
        function: The function's name, `conv2d`.
        operation: Its place among the pass's operations.
        output: What the function gave.
        name: The name of the layer; of the module that holds the weight, else of the one it ran in, else the
            function's.
    """

    function: str
    operation: int
    input: torch.Tensor
    weight: torch.Tensor
    bias: torch.Tensor | None
    output: torch.Tensor
    stride: tuple[int, ...]
    padding: tuple[int, ...] | str
    padding_mode: str
    dilation: tuple[int, ...]
    groups: int
    transposed: bool
    output_padding: tuple[int, ...]
    name: str = ""

    @property
    def rank(self) -> int:
        """Number of spatial axes."""
        return self.weight.ndim - 2

    @property
    def kernels(self) -> torch.Tensor:
        """The weight as `(F, C_in/groups, *k)`."""
        return in_order(self.weight, self.groups, self.transposed)

    @property
    def items(self) -> int:
        """How many items the convolution was given at once: 1, or as many as the net made of the one image."""
        return self.input.shape[0] if self.input.ndim == self.rank + 2 else 1


def in_order(weight: torch.Tensor, groups: int, transposed: bool) -> torch.Tensor:
    """A weight as `(F, C_in/groups, *k)`; a transposed convolution's is `(C_in, F/groups, *k)`.

    Only the axes are brought into this order: the cells of a transposed kernel stay where PyTorch has them, as the
    stamp that each input pixel leaves on the output.
    """
    if not transposed:
        return weight
    inputs, outputs, *size = weight.shape
    split = weight.reshape(groups, inputs // groups, outputs, *size)
    return split.transpose(1, 2).reshape(groups * outputs, inputs // groups, *size)


def _convolution(
    input: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> dict[str, Any]:
    """The arguments of `torch.conv2d` and its like, by name."""
    return {**locals(), "transposed": False, "output_padding": 0}


def _transposed(
    input: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> dict[str, Any]:
    """The arguments of `torch.conv_transpose2d` and its like, which have another order."""
    return {**locals(), "transposed": True}


def _either(
    input: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    output_padding: Any,
    groups: int,
    *switches: bool,
) -> dict[str, Any]:
    """The arguments of `aten.convolution`, which exported programs call; traced ones add cuDNN's switches."""
    return locals()


_READERS: dict[Any, Callable[..., dict[str, Any]]] = {
    torch.conv1d: _convolution,
    torch.conv2d: _convolution,
    torch.conv3d: _convolution,
    torch.conv_transpose1d: _transposed,
    torch.conv_transpose2d: _transposed,
    torch.conv_transpose3d: _transposed,
    torch.convolution: _either,
    _ATEN.conv1d: _convolution,
    _ATEN.conv2d: _convolution,
    _ATEN.conv3d: _convolution,
    _ATEN.conv_transpose1d: _transposed,
    _ATEN.conv_transpose2d: _transposed,
    _ATEN.conv_transpose3d: _transposed,
    _ATEN.convolution: _either,
    _ATEN.conv1d.default: _convolution,
    _ATEN.conv1d.padding: _convolution,
    _ATEN.conv2d.default: _convolution,
    _ATEN.conv2d.padding: _convolution,
    _ATEN.conv3d.default: _convolution,
    _ATEN.conv3d.padding: _convolution,
    _ATEN.conv_transpose1d.default: _transposed,
    _ATEN.conv_transpose2d.input: _transposed,
    _ATEN.conv_transpose3d.input: _transposed,
    _ATEN.convolution.default: _either,
    _ATEN._convolution.default: _either,
}


def is_convolution(func: Any) -> bool:
    """Whether a function is a convolution whose weight and input can be read."""
    return func in _READERS


def is_packed_convolution(func: Any) -> bool:
    """Whether it is a quantised one, whose weight is packed."""
    return str(getattr(func, "_qualified_op_name", "")).startswith("quantized::conv")


def conv_call(func: Any, operation: int, name: str, output: torch.Tensor, args: Any, kwargs: Any) -> ConvCall:
    """Reads the arguments of a convolution function into a `ConvCall`."""
    given = _READERS[func](*args, **kwargs)
    rank = given["weight"].ndim - 2
    padding = given["padding"]
    return ConvCall(
        function=name,
        operation=operation,
        input=given["input"],
        weight=given["weight"],
        bias=given["bias"],
        output=output,
        stride=_tuple(given["stride"], rank),
        padding=padding if isinstance(padding, str) else _tuple(padding, rank),
        padding_mode="zeros",
        dilation=_tuple(given["dilation"], rank),
        groups=given["groups"],
        transposed=given["transposed"],
        output_padding=_tuple(given["output_padding"], rank),
    )


def weight_owners(net: nn.Module) -> dict[int, str]:
    """The names of the modules that hold each parameter or buffer, by the tensor's id; the first where it is shared."""
    owners: dict[int, str] = {}
    for name, module in net.named_modules():
        for tensor in (*module._parameters.values(), *module._buffers.values()):
            if tensor is not None:
                owners.setdefault(id(tensor), name)
    return owners


def _tuple(value: Any, rank: int) -> tuple[int, ...]:
    if isinstance(value, int):
        return (value,) * rank
    values = tuple(int(item) for item in value)
    return values * rank if len(values) == 1 else values

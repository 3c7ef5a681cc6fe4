"""One call of a convolution function, in any of the ways a net can call it, with its arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from filterscope.nets.plain_tensors import is_transformed, plain
from filterscope.nets.supported import DEFORMABLE, QUANTISED

_ATEN = torch.ops.aten


@dataclass(slots=True)
class ConvCall:
    """One call of a convolution function, with its arguments and its output.

    The tuples have one entry for each of the 1, 2 or 3 spatial axes.

    Attributes:
        function: The function's name, `conv2d`.
        operation: Index of the call among the pass's operations.
        input: The layer's input `(N, C_in, H, W)` or `(C_in, H, W)`. For a module whose padding mode is not `"zeros"`,
            the tensor before its padding.
        weight: The weight as the function takes it: `(F, C_in/groups, *k)`; transposed, `(C_in, F/groups, *k)`.
        bias: The bias `(F,)`, or None.
        output: What the function returned.
        stride: Stride along each spatial axis.
        padding: Padding along each spatial axis, or `"same"` or `"valid"`.
        padding_mode: `"zeros"`, `"reflect"`, `"replicate"` or `"circular"`.
        dilation: Dilation along each spatial axis.
        groups: Number of groups.
        transposed: Whether it is a transposed convolution.
        output_padding: For each spatial axis, what a transposed convolution adds at the end of its output.
        name: The layer's name: that of the module that holds the weight, else of the module it ran in, else the
            function's.
        dynamic: Whether the weight is computed from the image.
        dynamic_bias: Whether the bias is.
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
    dynamic: bool = False
    dynamic_bias: bool = False

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
        """Items in the convolution's input: 1, or more where the net makes a batch of the one image."""
        return self.input.shape[0] if self.input.ndim == self.rank + 2 else 1


def in_order(weight: torch.Tensor, groups: int, transposed: bool) -> torch.Tensor:
    """A weight with its axes in the order `(F, C_in/groups, *k)`.

    The weight of a transposed convolution, `(C_in, F/groups, *k)`, is brought into this order. The cells of its kernels
    stay where PyTorch has them: a kernel is the stamp that each input pixel leaves on the output.
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
    """The arguments of `torch.conv1d`, `conv2d` and `conv3d` by name."""
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
    """The arguments of `torch.conv_transpose1d`, `2d` and `3d` by name; they come in another order."""
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
    """The arguments of `aten.convolution`, which exported programs call, by name; traced programs add cuDNN's flags."""
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


def why_unreadable(func: Any) -> str:
    """Why the weight of a function that convolves in another way cannot be shown; "" for any other function."""
    name = str(getattr(func, "_qualified_op_name", ""))
    if name.startswith("quantized::conv"):
        return QUANTISED
    return DEFORMABLE if "deform_conv" in name else ""


def make_readable(call: ConvCall) -> str:
    """Makes weight and bias of a call plain tensors, where they are of a class of their own.

    Returns:
        Why the call cannot be shown, a few words; "" where it can.
    """
    tensors = [call.input, call.weight, call.output, *([] if call.bias is None else [call.bias])]
    if any(is_transformed(tensor) for tensor in tensors):
        return "inside of torch.vmap or another transform of torch.func"
    if call.weight.is_complex() or call.output.is_complex():
        return "complex"
    weight, bias = plain(call.weight), None if call.bias is None else plain(call.bias)
    maps, output = plain(call.input), plain(call.output)
    if weight is None or maps is None or output is None or (bias is None and call.bias is not None):
        readings = [maps, weight, output, bias]
        kinds = [type(tensor).__name__ for tensor, read in zip(tensors, readings, strict=False) if read is None]
        return f"a tensor of class {kinds[0]}, whose numbers cannot be read"
    call.weight, call.bias, call.input = weight, bias, maps
    return ""


def conv_call(func: Any, operation: int, name: str, output: torch.Tensor, args: Any, kwargs: Any) -> ConvCall:
    """Reads the arguments of a convolution function into a `ConvCall`.

    Args:
        func: The function, one for which `is_convolution` is True.
        operation: Index of the call among the pass's operations.
        name: The function's name.
        output: What the function returned.
        args: Its positional arguments.
        kwargs: Its keyword arguments.
    """
    arguments = _READERS[func](*args, **kwargs)
    rank = arguments["weight"].ndim - 2
    padding = arguments["padding"]
    return ConvCall(
        function=name,
        operation=operation,
        input=arguments["input"],
        weight=arguments["weight"],
        bias=arguments["bias"],
        output=output,
        stride=_tuple(arguments["stride"], rank),
        padding=padding if isinstance(padding, str) else _tuple(padding, rank),
        padding_mode="zeros",
        dilation=_tuple(arguments["dilation"], rank),
        groups=arguments["groups"],
        transposed=arguments["transposed"],
        output_padding=_tuple(arguments["output_padding"], rank),
    )


def weight_owners(net: nn.Module) -> dict[int, str]:
    """The name of the first module that holds each parameter or buffer, by the tensor's `id`."""
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

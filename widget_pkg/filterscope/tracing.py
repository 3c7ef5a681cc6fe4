"""One forward pass, written down: which operations ran, on which values, in which module.

A `TorchFunctionMode` sees functions that hooks cannot (`F.relu` in a `forward`). A *value* is a number for what a
tensor holds at one moment: an in-place operation gives its tensor a new value. Only what depends on the image is
followed, so that parameters, masks and constants never count as a second input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd
from torch.overrides import TorchFunctionMode

_MARK = "_filterscope_value"

# Each convolution function with the number of its spatial axes.
_CONVOLUTIONS = {torch.conv1d: 1, torch.conv2d: 2, torch.conv3d: 3}
_TRANSPOSED = {torch.conv_transpose1d: 1, torch.conv_transpose2d: 2, torch.conv_transpose3d: 3}


@dataclass(slots=True)
class Frame:
    """A module that is running: its name in `named_modules()`, itself, and its first input."""

    name: str
    module: nn.Module
    input: torch.Tensor | None


@dataclass(slots=True)
class Operation:
    """One function call whose result depends on the image.

    Attributes:
        name: The function's name, `relu` for `F.relu`.
        frame: The innermost module it ran in.
        inputs: Values it took that depend on the image.
        outputs: Values it gave.
        shape: Shape of its first output.
    """

    name: str
    frame: Frame
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    shape: tuple[int, ...] = ()


@dataclass(slots=True)
class ConvCall:
    """One call of a convolution function, as the pass reached it, with what it was given.

    `input` is the layer's own input: for a module with a padding mode other than zeros, that before its padding. The
    weight is as the function takes it: `(F, C_in/groups, *k)`, transposed `(C_in, F/groups, *k)`. The tuples have one
    entry for each of the 1, 2 or 3 spatial axes.
    """

    frame: Frame
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

    @property
    def rank(self) -> int:
        """Number of spatial axes."""
        return self.weight.ndim - 2

    @property
    def name(self) -> str:
        """The name of the module it ran in; the function's where that is the net itself."""
        return self.frame.name or self.function

    @property
    def kernels(self) -> torch.Tensor:
        """The weight as `(F, C_in/groups, *k)`."""
        return in_order(self.weight, self.groups, self.transposed)


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


@dataclass
class Trace:
    """What one pass did: its operations in order, and which of them took each value."""

    operations: list[Operation] = field(default_factory=list)
    consumers: dict[int, list[int]] = field(default_factory=dict)


class Recorder(TorchFunctionMode):
    """Follows the image through one pass.

    Args:
        on_conv: Called right after each convolution that depends on the image; what it wants to keep it must clone.
        on_value: Called after each operation with the operation and its output tensors, in order.
    """

    def __init__(
        self,
        on_conv: Callable[[ConvCall], None] | None = None,
        on_value: Callable[[Operation, list[torch.Tensor]], None] | None = None,
    ) -> None:
        super().__init__()
        self.trace = Trace()
        self._on_conv = on_conv
        self._on_value = on_value
        self._frames: list[Frame] = []
        self._values = 0

    @contextmanager
    def watching(self, module: nn.Module, image: torch.Tensor) -> Iterator[None]:
        """Records while the body runs `module` on `image`; the hooks that name modules are gone afterwards."""
        self._frames = [Frame("", module, image)]
        self._mark(image)
        with ExitStack() as stack:
            for name, part in module.named_modules():
                if name:
                    stack.callback(part.register_forward_pre_hook(self._enter(name)).remove)
                    stack.callback(part.register_forward_hook(self._leave).remove)
            stack.enter_context(self)
            yield

    def _enter(self, name: str) -> Callable[[nn.Module, tuple[Any, ...]], None]:
        def hook(module: nn.Module, args: tuple[Any, ...]) -> None:
            first = args[0] if args and isinstance(args[0], torch.Tensor) else None
            self._frames.append(Frame(name, module, first))

        return hook

    def _leave(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        while len(self._frames) > 1:  # more than one only where a call raised inside and the net caught it
            frame = self._frames.pop()
            frame.input = None  # operations keep their frame; it must not keep the tensor
            if frame.module is module:
                break

    def _mark(self, tensor: torch.Tensor) -> int:
        self._values += 1
        setattr(tensor, _MARK, (self, self._values))
        return self._values

    def value_of(self, tensor: torch.Tensor) -> int | None:
        """The value a tensor holds now, None where it does not depend on the image."""
        owner, value = getattr(tensor, _MARK, (None, None))
        return value if owner is self else None

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        taken = [(tensor, self.value_of(tensor)) for tensor in _flat((args, tuple(kwargs.values())))]
        inputs = tuple(dict.fromkeys(value for _, value in taken if value is not None))
        result = func(*args, **kwargs)
        if not inputs:
            return result
        outputs = list(_flat(result))
        if getattr(func, "__name__", "") == "__setitem__":
            outputs = [args[0]]
        if not outputs:
            return result  # a shape, a number: nothing that flows on
        self._note(func, inputs, outputs)
        if self._on_conv is not None and func in _CONVOLUTIONS:
            self._on_conv(self._conv_call(_CONVOLUTIONS[func], result, *args, **kwargs))
        elif self._on_conv is not None and func in _TRANSPOSED:
            self._on_conv(self._transposed_call(_TRANSPOSED[func], result, *args, **kwargs))
        return result

    def _note(self, func: Callable[..., Any], inputs: tuple[int, ...], outputs: list[torch.Tensor]) -> None:
        index = len(self.trace.operations)
        for value in inputs:
            self.trace.consumers.setdefault(value, []).append(index)
        values = tuple(self._mark(tensor) for tensor in outputs)
        operation = Operation(
            getattr(func, "__name__", str(func)), self._frames[-1], inputs, values, tuple(outputs[0].shape)
        )
        self.trace.operations.append(operation)
        if self._on_value is not None:
            self._on_value(operation, outputs)

    def _conv_call(
        self,
        rank: int,
        output: torch.Tensor,
        input: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        transposed: bool = False,
        output_padding: Any = 0,
    ) -> ConvCall:
        frame = self._frames[-1]
        mode = "zeros"
        module = frame.module
        if isinstance(module, _ConvNd) and module.padding_mode != "zeros" and frame.input is not None:
            # The module padded its input itself and convolved without padding.
            mode, input, padding = module.padding_mode, frame.input, module.padding
        return ConvCall(
            frame=frame,
            function=self.trace.operations[-1].name,
            operation=len(self.trace.operations) - 1,
            input=input,
            weight=weight,
            bias=bias,
            output=output,
            stride=_tuple(stride, rank),
            padding=padding if isinstance(padding, str) else _tuple(padding, rank),
            padding_mode=mode,
            dilation=_tuple(dilation, rank),
            groups=groups,
            transposed=transposed,
            output_padding=_tuple(output_padding, rank),
        )

    def _transposed_call(
        self,
        rank: int,
        output: torch.Tensor,
        input: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None = None,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        dilation: Any = 1,
    ) -> ConvCall:
        return self._conv_call(
            rank, output, input, weight, bias, stride, padding, dilation, groups, True, output_padding
        )


def _tuple(value: Any, rank: int) -> tuple[int, ...]:
    if isinstance(value, int):
        return (value,) * rank
    values = tuple(int(item) for item in value)
    return values * rank if len(values) == 1 else values


def _flat(value: Any) -> Iterator[torch.Tensor]:
    """The tensors in what a function took or gave."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _flat(item)
    elif isinstance(value, dict):
        yield from _flat(list(value.values()))

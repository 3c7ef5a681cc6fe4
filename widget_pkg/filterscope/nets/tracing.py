"""One forward pass, written down: which operations ran, on which values, in which module.

A `TorchFunctionMode` sees functions that hooks cannot (`F.relu` in a `forward`). A *value* is a number for what a
tensor holds at one moment: an in-place operation gives its tensor a new value. Only what depends on the image is
followed, so that parameters, masks and constants never count as a second input.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from filterscope.nets.conv_call import ConvCall, conv_call, is_convolution, is_packed_convolution, weight_owners

_MARK = "_filterscope_value"

# Modules that are one step whatever they are written in: `FrozenBatchNorm2d` multiplies and adds, `Swish` is
# `x * sigmoid(x)`. torch's own call one function each, which is seen as it is.
_STEPS = {
    "module norm": re.compile(r"Norm([123]d)?$", re.IGNORECASE),
    "module nonlinearity": re.compile(
        r"(ReLU\d?|Swish|SiLU|Mish|[GCS]?ELU|Sigmoid|Tanh|Softplus|Snake)$", re.IGNORECASE
    ),
}


@dataclass(slots=True, eq=False)
class Frame:
    """A module that is running.

    Attributes:
        name: Its name in `named_modules()`.
        module: Itself.
        input: Its first input.
        value: The value which that input holds when the module begins.
        step: What it counts as where it is one step, whatever happens inside; else "".
    """

    name: str
    module: nn.Module
    input: torch.Tensor | None
    value: int | None = None
    step: str = ""


@dataclass(slots=True)
class Operation:
    """One function call whose result depends on the image, or a module that is one step.

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


@dataclass
class Trace:
    """What one pass did: its operations in order, and which of them took each value.

    Attributes:
        operations: In execution order.
        consumers: For each value the indices of the operations that took it.
        living: Of these, the ones from which something reaches the net's output; once the pass is over.
        packed: Names of the modules that ran a quantised convolution, whose weight nobody can read.
    """

    operations: list[Operation] = field(default_factory=list)
    consumers: dict[int, list[int]] = field(default_factory=dict)
    living: dict[int, list[int]] = field(default_factory=dict)
    packed: list[str] = field(default_factory=list)

    def find_living(self, output: set[int]) -> None:
        """Finds the consumers from which something reaches the net's output: no copy that is kept, no mean for a log.

        Where nothing at all is seen to reach it (the net computes a part outside of torch), all count.
        """
        living = set(output)
        for operation in reversed(self.operations):
            if living.intersection(operation.outputs):
                living.update(operation.inputs)
        for value, consumers in self.consumers.items():
            kept = [k for k in consumers if living.intersection(self.operations[k].outputs)]
            self.living[value] = kept or consumers

    def following(self, value: int) -> list[int]:
        """The operations that go on with a value."""
        return self.living.get(value, self.consumers.get(value, []))


class Recorder(TorchFunctionMode):
    """Follows the image through one pass.

    Args:
        on_conv: Called right after each convolution; what it wants to keep it must clone.
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
        self._owners: dict[int, str] = {}
        self._values = 0

    @contextmanager
    def watching(self, module: nn.Module, image: torch.Tensor) -> Iterator[None]:
        """Records while the body runs `module` on `image`; the hooks that name modules are gone afterwards."""
        self._frames = [Frame("", module, image, self._mark(image))]
        self._owners = weight_owners(module)
        with ExitStack() as stack:
            for name, part in module.named_modules():
                if name and not isinstance(part, torch.jit.ScriptModule):  # these take no hooks
                    stack.callback(part.register_forward_pre_hook(self._enter(name), with_kwargs=True).remove)
                    stack.callback(part.register_forward_hook(self._leave).remove)
            stack.enter_context(self)
            if any(isinstance(part, torch.jit.ScriptModule) for part in module.modules()):
                stack.enter_context(_Surfacing())
            yield

    def let_go(self) -> None:
        """Forgets whom it told and what is running, so that a tensor of the pass holds nothing but numbers by it."""
        self._on_conv = self._on_value = None
        for frame in self._frames:
            frame.input = None
        self._frames = []

    def finish(self, output: Any) -> Trace:
        """The trace, after the net gave its output: values that do not reach it count no longer as consumed."""
        values = {self.value_of(tensor) for tensor in _flat(output)} - {None}
        if values:
            self.trace.find_living(values)  # type: ignore[arg-type]
        return self.trace

    def _enter(self, name: str) -> Callable[[nn.Module, tuple[Any, ...], dict[str, Any]], None]:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            first = args[0] if args and isinstance(args[0], torch.Tensor) else None
            value = None if first is None else self.value_of(first)
            taken = {self.value_of(tensor) for tensor in _flat((args, kwargs))} - {None}
            step = _step(module) if taken == {value} and not self._frames[-1].step else ""
            self._frames.append(Frame(name, module, first, value, step))

        return hook

    def _leave(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        while len(self._frames) > 1:  # more than one only where a call raised inside and the net caught it
            frame = self._frames.pop()
            shape = None if frame.input is None else frame.input.shape
            frame.input = None  # operations keep their frame; it must not keep the tensor
            if frame.module is module:
                self._close(frame, shape, output)
                break

    def _close(self, frame: Frame, shape: torch.Size | None, output: Any) -> None:
        """Notes a module that is one step, or from whose output the image could not be followed back to its input.

        The latter happens where a module computes outside of torch's functions, in an `autograd.Function` say. One that
        makes something of its own for an image's size, a position code say, is told by its output's size.
        """
        if frame.value is None or not isinstance(output, torch.Tensor):
            return
        if frame.step or (self.value_of(output) is None and output.shape == shape and _is_leaf(frame.module)):
            self._note(frame.step or type(frame.module).__name__, frame, (frame.value,), [output])

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
        if is_packed_convolution(func):
            self.trace.packed.append(self._frames[-1].name)
        convolution = is_convolution(func)
        if not inputs and not convolution:
            return result
        outputs = [args[0]] if getattr(func, "__name__", "") == "__setitem__" else list(_flat(result))
        if not outputs:
            return result  # a shape, a number: nothing that flows on
        frame = self._frames[-1]
        if convolution:
            frame.step = ""  # whatever it is called
        if frame.step:
            for tensor in outputs:
                self._mark(tensor)  # it depends on the image; what the module gives is noted when it ends
            return result
        self._note(_name(func), frame, inputs, outputs)
        if convolution and self._on_conv is not None:
            self._on_conv(self._read(func, result, args, kwargs))
        return result

    def _note(self, name: str, frame: Frame, inputs: tuple[int, ...], outputs: list[torch.Tensor]) -> None:
        index = len(self.trace.operations)
        for value in inputs:
            self.trace.consumers.setdefault(value, []).append(index)
        values = tuple(self._mark(tensor) for tensor in outputs)
        operation = Operation(name, frame, inputs, values, tuple(outputs[0].shape))
        self.trace.operations.append(operation)
        if self._on_value is not None:
            self._on_value(operation, outputs)

    def _read(self, func: Any, output: torch.Tensor, args: Any, kwargs: Any) -> ConvCall:
        frame = self._frames[-1]
        call = conv_call(func, len(self.trace.operations) - 1, _name(func), output, args, kwargs)
        holds = any(tensor is call.weight for tensor in frame.module._parameters.values())
        owner = frame.name if holds else self._owners.get(id(call.weight), frame.name)
        call.name = owner or frame.name or call.function
        if frame.input is not None and self._padded_by_itself(frame, call):
            module: Any = frame.module
            call.padding_mode, call.input, call.padding = module.padding_mode, frame.input, module.padding
        return call

    def _padded_by_itself(self, frame: Frame, call: ConvCall) -> bool:
        """Whether the module padded its own input and then convolved without padding, as torch's padding modes do."""
        if not isinstance(frame.module, _ConvNd) or frame.module.padding_mode == "zeros":
            return False
        *_, before, convolved = [None, *self.trace.operations[-2:]]
        if before is None or convolved is None or not set(convolved.inputs) & set(before.outputs):
            return False
        return before.name == "pad" and before.frame is frame and before.inputs == (frame.value,)


class _Surfacing(TorchDispatchMode):
    """Brings the operations inside of scripted modules, which run without Python, to where the recorder sees them."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


def _name(func: Any) -> str:
    """`relu` for `F.relu`, `torch.relu` and `aten.relu.default`."""
    return str(getattr(func, "__name__", func)).partition(".")[0]


def _is_leaf(module: nn.Module) -> bool:
    return next(module.children(), None) is None


def _step(module: nn.Module) -> str:
    """What a module counts as where it is one step, else "": see `_STEPS`."""
    kind = type(module)
    if kind.__module__.startswith("torch.nn.") or not _is_leaf(module):
        return ""
    return next((step for step, pattern in _STEPS.items() if pattern.search(kind.__name__)), "")


def _flat(value: Any) -> Iterator[torch.Tensor]:
    """The tensors in what a function took or gave."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _flat(item)
    elif isinstance(value, dict):
        yield from _flat(list(value.values()))
    elif hasattr(value, "__dataclass_fields__"):
        yield from _flat(list(vars(value).values()))

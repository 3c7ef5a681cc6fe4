"""Records one forward pass: which operations ran, on which values, in which module.

A `TorchFunctionMode` sees functions that hooks cannot see (`F.relu` in a `forward`). A *value* is a number that stands
for the contents of a tensor at one moment: an in-place operation gives its tensor a new value. Only what depends on the
image has a value, so that parameters, masks and constants never count as a second input.
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

from filterscope.attributes import attributes_of
from filterscope.nets.conv_call import ConvCall, conv_call, is_convolution, make_readable, weight_owners, why_unreadable
from filterscope.nets.extra_inputs import all_inputs
from filterscope.nets.plain_tensors import is_transformed

_MARK = "_filterscope_value"

# Modules that count as one operation, however many functions they call: `FrozenBatchNorm2d` multiplies and adds,
# `Swish` is `x * sigmoid(x)`. torch's own modules call one function each, which is recorded itself.
_STEPS = {
    "module norm": re.compile(r"Norm([123]d)?$", re.IGNORECASE),
    "module nonlinearity": re.compile(
        r"(ReLU\d?|Swish|SiLU|Mish|[GCS]?ELU|Sigmoid|Tanh|Softplus|Snake)$", re.IGNORECASE
    ),
}


# Functions that take no more than shape, dtype and device of their first tensor, or of all but the first.
# fmt: off
_LIKE_FIRST = frozenset([
    "empty_like", "full_like", "new_empty", "new_empty_strided", "new_full", "new_ones", "new_tensor", "new_zeros",
    "ones_like", "rand_like", "randint_like", "randn_like", "zeros_like",
])
_LIKE_OTHERS = frozenset(["expand_as", "reshape_as", "to", "type_as", "view_as"])
_WRITERS = frozenset(["__set__", "__setitem__"])  # `tensor.data = …`, `tensor[…] = …`: they return None
# fmt: on


@dataclass(slots=True, eq=False)
class RunningModule:
    """One run of a module's `forward`.

    Attributes:
        name: The module's name in `named_modules()`.
        module: The module.
        input: Its first positional argument, where that is a tensor; None once the module has ended.
        value: The value of that input when the module begins; None where it does not depend on the image.
        step: `"module norm"` or `"module nonlinearity"` where the module counts as one operation; else "".
    """

    name: str
    module: nn.Module
    input: torch.Tensor | None
    value: int | None = None
    step: str = ""


@dataclass(slots=True)
class Operation:
    """One function call whose result depends on the image, or one run of a module that counts as one operation.

    Attributes:
        name: The function's name, `relu` for `F.relu`.
        running: The innermost module in which it ran.
        inputs: Values of its arguments that depend on the image.
        outputs: Values of its results.
        shape: Shape of its first output.
    """

    name: str
    running: RunningModule
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    shape: tuple[int, ...] = ()


@dataclass
class Trace:
    """The operations of one pass, and which of them took each value.

    Attributes:
        operations: The operations in execution order.
        consumers: For each value the indices of the operations that took it.
        living: For each value those of its consumers from which something reaches the net's output; empty until
            `find_living`.
        left_out: Why convolutions that ran cannot be shown, by name.
    """

    operations: list[Operation] = field(default_factory=list)
    consumers: dict[int, list[int]] = field(default_factory=dict)
    living: dict[int, list[int]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def find_living(self, output: set[int]) -> None:
        """Finds the consumers from which something reaches the net's output.

        A copy that the net keeps or a mean that it logs does not. If none of a value's consumers is seen to reach the
        output, because the net computes a part outside of torch, all of them count.

        Args:
            output: The values of the net's output.
        """
        living = set(output)
        for operation in reversed(self.operations):
            if living.intersection(operation.outputs):
                living.update(operation.inputs)
        for value, consumers in self.consumers.items():
            kept = [k for k in consumers if living.intersection(self.operations[k].outputs)]
            self.living[value] = kept or consumers

    def following(self, value: int) -> list[int]:
        """Indices of the operations that take a value and, once that is known, reach the net's output."""
        return self.living.get(value, self.consumers.get(value, []))


class Recorder(TorchFunctionMode):
    """Records the operations of one pass.

    Args:
        on_conv: Called right after each convolution with its call; it must clone the tensors that it keeps.
        on_value: Called after each operation with the operation and its output tensors, in order.

    Attributes:
        trace: The operations so far.
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
        self._running: list[RunningModule] = []
        self._owners: dict[int, str] = {}
        self._values = 0
        # Addresses of the net's parameters and buffers, and of those into which it wrote what depends on the image.
        self._own_memory: frozenset[int] = frozenset()
        self._written: set[int] = set()

    @contextmanager
    def watching(self, module: nn.Module, image: torch.Tensor) -> Iterator[None]:
        """Records while the body runs `module` on `image`; its hooks on the module are removed afterwards."""
        # The other inputs of a pair are the image as well as this one.
        for tensor in (*_flat(all_inputs(image)), image):
            self._mark(tensor)
        self._running = [RunningModule("", module, image, self.value_of(image))]
        self._owners = weight_owners(module)
        with ExitStack() as stack:
            for name, part in module.named_modules():
                if name and not isinstance(part, torch.jit.ScriptModule):  # scripted modules take no hooks
                    stack.callback(part.register_forward_pre_hook(self._enter(name), with_kwargs=True).remove)
                    stack.callback(part.register_forward_hook(self._leave).remove)
            stack.enter_context(self)
            if any(isinstance(part, torch.jit.ScriptModule) for part in module.modules()):
                stack.enter_context(_Surfacing())  # type: ignore[no-untyped-call]
            yield

    def let_go(self) -> None:
        """Drops all references to functions, modules and tensors: the tensors of the pass refer to this recorder."""
        self._on_conv = self._on_value = None
        for running in self._running:
            running.input = None
        self._running = []

    def finish(self, output: Any) -> Trace:
        """The trace of the whole pass, with the consumers that reach the net's output.

        Args:
            output: What the net returned.
        """
        values = {value for tensor in _flat(output) if (value := self.value_of(tensor)) is not None}
        if values:
            self.trace.find_living(values)
        return self.trace

    def _enter(self, name: str) -> Callable[[nn.Module, tuple[Any, ...], dict[str, Any]], None]:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            first = args[0] if args and isinstance(args[0], torch.Tensor) else None
            value = None if first is None else self.value_of(first)
            values = {self.value_of(tensor) for tensor in _flat((args, kwargs))} - {None}
            step = _step(module) if values == {value} and not self._running[-1].step else ""
            self._running.append(RunningModule(name, module, first, value, step))

        return hook

    def _leave(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        while len(self._running) > 1:  # it ends others only where a part raised and the net caught that
            running = self._running.pop()
            shape = None if running.input is None else running.input.shape
            running.input = None  # operations refer to the run, which must not keep the tensor
            if running.module is module:
                self._close(running, shape, output)
                break

    def _close(self, running: RunningModule, shape: torch.Size | None, output: Any) -> None:
        """Records a module's run as an operation, if it counts as one or if it computes outside of torch's functions.

        A module that computes in an `autograd.Function`, say, gives an output without a value. A module whose output
        really does not depend on the image, a position code say, mostly has another output shape than input shape.
        """
        if running.value is None or not isinstance(output, torch.Tensor):
            return
        if running.step or (self.value_of(output) is None and output.shape == shape and _is_leaf(running.module)):
            self._note(running.step or type(running.module).__name__, running, (running.value,), [output])

    def _mark(self, tensor: torch.Tensor) -> int:
        self._values += 1
        setattr(tensor, _MARK, (self, self._values))
        return self._values

    def value_of(self, tensor: torch.Tensor) -> int | None:
        """The value of a tensor's contents now; None where they do not depend on the image."""
        owner, value = getattr(tensor, _MARK, (None, None))
        return value if owner is self else None

    def _is_constant(self, value: Any) -> bool:
        return isinstance(value, torch.Tensor) and self.value_of(value) is None

    def _note_write(self, tensor: torch.Tensor) -> None:
        """Remembers what the net wrote into its own parameters and buffers, also by a view or by `.data`."""
        if not self._own_memory:
            own = {**dict(self._running[0].module.named_parameters()), **dict(self._running[0].module.named_buffers())}
            self._own_memory = frozenset(map(_address, own.values()))
        if id(tensor) in self._owners or _address(tensor) in self._own_memory:
            self._written.add(_address(tensor))

    def _depends_on_image(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor has a value, or its memory was written through another tensor: a view, `.data`."""
        if self.value_of(tensor) is not None:
            return True
        return bool(self._written) and _address(tensor) in self._written

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        values = map(self.value_of, _flat(_contents(_name(func), args, kwargs)))
        inputs = tuple(dict.fromkeys(value for value in values if value is not None))
        constant = args[0] if inputs and args and self._is_constant(args[0]) else None
        result = func(*args, **kwargs)
        if constant is not None and (result is constant or getattr(func, "__name__", "") in _WRITERS):
            self._note_write(constant)
        unreadable = why_unreadable(func)
        if unreadable:
            self.trace.left_out[self._running[-1].name or _name(func)] = unreadable
        convolution = is_convolution(func)
        if not inputs and not convolution:
            return result
        outputs = [args[0]] if getattr(func, "__name__", "") == "__setitem__" else list(_flat(result))
        if not outputs:
            return result  # a shape or a number: no tensor
        running = self._running[-1]
        if convolution:
            running.step = ""  # a module with a convolution is more than one operation, whatever its name
        if running.step:
            for tensor in outputs:
                self._mark(tensor)  # it depends on the image; the operation is recorded when the module ends
            return result
        self._note(_name(func), running, inputs, outputs)
        if convolution and self._on_conv is not None:
            call = self._read(func, result, args, kwargs)
            reason = make_readable(call)
            if reason:
                self.trace.left_out[call.name] = reason
            else:
                self._on_conv(call)
        return result

    def _note(self, name: str, running: RunningModule, inputs: tuple[int, ...], outputs: list[torch.Tensor]) -> None:
        index = len(self.trace.operations)
        for value in inputs:
            self.trace.consumers.setdefault(value, []).append(index)
        values = tuple(self._mark(tensor) for tensor in outputs)
        # Inside of torch.vmap a tensor hides an axis: no walk to an activation goes on there.
        shape = () if is_transformed(outputs[0]) or outputs[0].is_nested else tuple(outputs[0].shape)
        operation = Operation(name, running, inputs, values, shape)
        self.trace.operations.append(operation)
        if self._on_value is not None:
            self._on_value(operation, outputs)

    def _read(self, func: Any, output: torch.Tensor, args: Any, kwargs: Any) -> ConvCall:
        running = self._running[-1]
        call = conv_call(func, len(self.trace.operations) - 1, _name(func), output, args, kwargs)
        holds = any(tensor is call.weight for tensor in running.module._parameters.values())
        owner = running.name if holds else self._owners.get(id(call.weight), running.name)
        call.name = owner or running.name or call.function
        call.dynamic = self._depends_on_image(call.weight)
        call.dynamic_bias = call.bias is not None and self._depends_on_image(call.bias)
        if running.input is not None and self._padded_by_itself(running, call):
            module: Any = running.module
            call.padding_mode, call.input, call.padding = module.padding_mode, running.input, module.padding
        return call

    def _padded_by_itself(self, running: RunningModule, call: ConvCall) -> bool:
        """Whether the module padded its own input and then convolved without padding, as torch's padding modes do."""
        if not isinstance(running.module, _ConvNd) or running.module.padding_mode == "zeros":
            return False
        *_, before, convolved = [None, *self.trace.operations[-2:]]
        if before is None or convolved is None or not set(convolved.inputs) & set(before.outputs):
            return False
        return before.name == "pad" and before.running is running and before.inputs == (running.value,)


class _Surfacing(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Calls every operation from Python, so that the recorder sees those inside of scripted modules, too."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


def _address(tensor: torch.Tensor) -> int:
    """Where a tensor's memory begins, that of the whole for a view; 0 where it has none of its own."""
    return tensor.untyped_storage().data_ptr() if tensor.layout == torch.strided else 0


def _contents(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """The arguments on whose contents a function's result may depend: `weight.type_as(image)` is made of the weight."""
    if name in _LIKE_FIRST:
        return (*args[1:], *kwargs.values())
    if name in _LIKE_OTHERS:
        return args[:1]
    return (args, tuple(kwargs.values()))


def _name(func: Any) -> str:
    """`relu` for `F.relu`, `torch.relu` and `aten.relu.default`."""
    return str(getattr(func, "__name__", func)).partition(".")[0]


def _is_leaf(module: nn.Module) -> bool:
    return next(module.children(), None) is None


def _step(module: nn.Module) -> str:
    """A key of `_STEPS` where the module counts as one operation, else ""."""
    kind = type(module)
    if kind.__module__.startswith("torch.nn.") or not _is_leaf(module):
        return ""
    return next((step for step, pattern in _STEPS.items() if pattern.search(kind.__name__)), "")


def _flat(value: Any) -> Iterator[torch.Tensor]:
    """The tensors in a function's arguments or result, also in nested lists, tuples, dicts and dataclasses."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _flat(item)
    elif isinstance(value, dict):
        yield from _flat(list(value.values()))
    elif hasattr(type(value), "__dataclass_fields__"):
        yield from _flat(list(attributes_of(value).values()))

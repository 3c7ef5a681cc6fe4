"""How a net is called with an image: as a batch, in a list, or by the user's `forward=`; and error messages for it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd

from filterscope.errors import NetError, describe_exception, foreign_code, kind_of
from filterscope.host.sigint import let_sigint_through
from filterscope.inputs import picture_shape
from filterscope.nets.conv_call import ConvCall
from filterscope.nets.extra_inputs import all_inputs, inputs_of
from filterscope.nets.layers import net_inputs

Forward = Callable[[nn.Module, torch.Tensor], Any]
"""The user's function `forward=`, which calls a net with an image and returns its output."""
Convention = Callable[[nn.Module, torch.Tensor], Any]
"""A function that runs a module on a batch and returns its output."""
_Result = TypeVar("_Result")


class Calling:
    """Calls a net in the first convention that works for it.

    A net is called with a batch `(1, C, H, W)`. If that raises, it is called with a list of one image `(C, H, W)`, as
    torchvision's detection nets expect; then, if there is one channel, without the channel axis, `(1, H, W)` or
    `(1, L)`, as nets of signals expect that add it themselves; then with the channels last, `(1, H, W, C)`. A vector
    `(1, 1, Z)` for a net without 1-D convolutions is a generator's: there `(1, Z)` comes first.

    Args:
        net: The user's net.
        forward: The user's function of a net and an image. It is called with a batch of one, `(1, C, H, W)`; if that
            raises, with all inputs of the sample, where it has several; then with the image alone, `(C, H, W)`.
            Inputs that are one part of the sample, as in `((a, b), label)` or a dictionary, come before the batch of
            one.

    Raises:
        TypeError: If `forward` is not a function.
        ValueError: If `forward` runs the user's net itself and not the net it receives.
    """

    def __init__(self, net: nn.Module, forward: Forward | None = None) -> None:
        if forward is not None and not callable(forward):
            raise TypeError(f"forward is {kind_of(forward)}; give a function of net and image, or None")
        if forward is not None:
            _refuse_own_net(net, forward)
        self.forward = forward
        self._signals = any(rank == 1 for rank, _ in net_inputs(net))
        self._convention: Convention = _as_batch if forward is None else _by(forward)
        self._conventions: dict[Convention, str] = {}

    def __call__(self, module: nn.Module, batch: torch.Tensor) -> Any:
        """Runs a module on a batch and returns its output.

        Raises:
            Exception: What the net raises; `ForeignExit` for what is no `Exception`.
        """
        with let_sigint_through(), foreign_code():
            return self._convention(module, batch)

    def take(self, other: Calling) -> None:
        """Calls nets in the convention that works for another one of the same architecture."""
        self._convention, self._conventions = other._convention, other._conventions

    @property
    def takes_batches(self) -> bool:
        """Whether the net is called with a batch; False with a `forward=`, which is called with one image."""
        if self.forward is not None:
            return self._of_a_library and self._convention is next(iter(self._conventions), None)
        return self._convention in (_as_batch, _without_channel_axis, _channels_last)

    @property
    def _of_a_library(self) -> bool:
        """Whether `forward` is an adapter's way of calling a library's net, with batches; else it is the user's."""
        return bool(getattr(self.forward, "takes_batches", False))

    @property
    def note(self) -> str:
        """A sentence on the convention, for people; empty where the net is given a batch of images."""
        return self._conventions.get(self._convention, "")

    def find_convention(self, net: nn.Module, batch: torch.Tensor, attempt: Callable[[Convention], _Result]) -> _Result:
        """Tries the conventions in turn and keeps the first that raises nothing.

        Args:
            net: The user's net, for the error message.
            batch: The image to try, `(1, C, H, W)`.
            attempt: Runs a whole pass in the convention it receives, which it calls where Ctrl-C is let through.

        Returns:
            What `attempt` returned.

        Raises:
            NetError: If all conventions raise; the message has the error of the first.
        """
        refused: list[Exception] = []
        self._conventions = self._conventions_for(batch)
        for convention in self._conventions:
            convention_of_net = convention if self.forward is None else _calling_the_net(convention)
            try:
                with foreign_code():
                    result = attempt(convention_of_net)
            except NetError:  # the net ran, and cannot be shown
                raise
            except Exception as error:
                refused.append(error)
            else:
                self._convention = convention
                return result
        inputs = inputs_of(batch)
        # What forward= makes of all inputs tells more than that one image is not enough for it.
        telling = refused[1 if self.forward is not None and inputs is not None and not inputs.together else 0]
        raise NetError(self.refusal(net, batch, telling)) from telling

    def _conventions_for(self, batch: torch.Tensor) -> dict[Convention, str]:
        """The conventions to try with a batch of one, the likeliest first, each with the sentence that says it."""
        forward, inputs = self.forward, inputs_of(batch)
        if forward is not None:
            as_batch: dict[Convention, str] = {_by(forward): ""}
            if inputs is not None:
                sentence = f"forward= receives all {len(inputs)} inputs of the sample; this one is shown."
                everything: dict[Convention, str] = {_by(forward, all_inputs): sentence}
                pair = isinstance(inputs.values, tuple | list)
                alone = f"forward= receives this one of the sample's {len(inputs)} inputs." if pair else ""
                as_batch = {**everything, _by(forward): alone} if inputs.together else {**as_batch, **everything}
            return {**as_batch, _by(forward, lambda batch: batch[0]): ""}
        channels_first: dict[Convention, str] = {_as_batch: "", _as_list: "The net receives a list of images."}
        alone = str(tuple(batch.shape[:1] + batch.shape[2:]))
        without = {_without_channel_axis: f"The net receives it without a channel axis, as {alone}."}
        if self._is_vector(batch):
            return {_without_channel_axis: f"The net receives the vector as {alone}.", **channels_first}
        last = str((1, *batch.shape[2:], batch.shape[1]))
        channels_last = {_channels_last: f"The net receives its channels last, as {last}."}
        return {**channels_first, **(without if batch.shape[1] == 1 else {}), **channels_last}

    def _is_vector(self, batch: torch.Tensor) -> bool:
        return batch.ndim == 3 and batch.shape[1] == 1 and not self._signals

    def check(self, convention: Convention, batch: torch.Tensor, calls: Sequence[ConvCall]) -> None:
        """Refuses a pass in which the net took what it was given for something else.

        A convolution takes `(C, H, W)` as well as `(N, C, H, W)`. A net that adds the channel axis itself, or moves it
        to the front, gives its first convolution a batch; any other one reads the axes wrongly.

        Args:
            convention: The convention of the pass.
            batch: The image, `(1, C, H, W)`.
            calls: The convolutions of the pass.

        Raises:
            ValueError: If the net's convolutions saw no batch, or not the image's channels.
        """
        if self.forward is not None or not calls:
            return
        vector = self._is_vector(batch)
        batched = all(call.input.ndim == call.rank + 2 for call in calls)
        if (convention is _without_channel_axis or vector) and not batched:
            raise ValueError("its convolutions received no batch")
        if convention is _channels_last and not (batched and calls[0].input.shape[1] == batch.shape[1]):
            raise ValueError("its first convolution did not receive the image's channels")

    def refusal(self, net: nn.Module, batch: torch.Tensor, error: Exception) -> str:
        """The error message for a net that raised in its forward pass.

        Args:
            net: The user's net.
            batch: The image, `(1, C, H, W)`.
            error: What the net raised.
        """
        shape = tuple(batch.shape[1:])
        axes = {2: "(C, L)", 4: "(C, D, H, W)"}.get(len(shape), "(C, H, W)")
        image = f"an image of shape {axes} = {shape}, {_short(batch.dtype)}"
        cause = describe_exception(error)
        if self.forward is None and self._is_vector(batch):
            row = ", ".join(map(str, picture_shape(shape[1]) or ("H", "W")))
            return (
                f"the net refused a vector of {shape[1]} values, {_short(batch.dtype)}: {cause}. Rows of pixels become "
                f"pictures by transform=lambda row: row.reshape({row}); forward=lambda net, vector: net(vector[:, 0]) "
                f"gives the net a batch {(1, shape[1])}."
            )
        if self.forward is not None and not self._of_a_library:
            inputs = inputs_of(batch)
            others = "" if inputs is None else f", and with all {len(inputs)} inputs of the sample"
            called = f"It is called as forward(net, image), with a batch of one{others}."
            return f"forward= raised for {image}: {cause}. {called}"
        needed = _required_inputs(net)
        if isinstance(error, TypeError) and len(needed) > 1:
            more = ", ".join(needed[1:])
            return (
                f"the net's forward takes {len(needed)} inputs ({', '.join(needed)}), and was given the image alone: "
                f"{cause}. Give the others by forward=lambda net, image: net(image, {more}). Where each sample has "
                "them, as a pair of images has, forward=lambda net, pair: net(*pair) gives the net all of them."
            )
        devices = sorted({f"{tensor.device}" for tensor in (*net.parameters(), *net.buffers())})
        if len(devices) > 1:
            return (
                f"the net is split over several devices ({', '.join(devices)}), and its image was on {batch.device}: "
                f"{cause}. Move the net to one device, or say how it is called by forward=lambda net, image: ..."
            )
        return (
            f"the net refused {image}: {cause}. Give images as the net was trained on; transform= brings others into "
            "that shape, forward= (a function of net and image) is for nets with an unusual call."
        )


def _calling_the_net(convention: Convention) -> Convention:
    """The convention, with a NetError where it calls no part of the net it receives."""

    def watched(module: nn.Module, batch: torch.Tensor) -> Any:
        called: list[nn.Module] = []
        # Scripted modules take no hooks.
        parts = [part for part in module.modules() if not isinstance(part, torch.jit.ScriptModule)]
        hooks = [part.register_forward_pre_hook(lambda part, args: called.append(part)) for part in parts]
        try:
            output = convention(module, batch)
        finally:
            for hook in hooks:
                hook.remove()
        if parts and not called:
            raise NetError(
                "forward never calls the net that it is given, so there is nothing to show; write "
                "forward=lambda net, image: net(image, ...)"
            )
        return output

    return watched


def _by(forward: Forward, part: Callable[[torch.Tensor], Any] = lambda batch: batch) -> Convention:
    """The convention in which `forward=` is called with a part of the batch."""
    return lambda module, batch: forward(module, part(batch))


def _as_batch(module: nn.Module, batch: torch.Tensor) -> Any:
    return module(batch)


def _as_list(module: nn.Module, batch: torch.Tensor) -> Any:
    return module(list(batch))


def _without_channel_axis(module: nn.Module, batch: torch.Tensor) -> Any:
    return module(batch.squeeze(1))


def _channels_last(module: nn.Module, batch: torch.Tensor) -> Any:
    return module(batch.movedim(1, -1))


def like_input(net: nn.Module, batch: torch.Tensor) -> torch.Tensor:
    """The batch on the device and in the dtype of the net's first convolution, or else of its first floating tensor.

    Whole numbers, as those of an input beside the image, keep their dtype.
    """
    weights = [m._parameters.get("weight") for m in net.modules() if isinstance(m, _ConvNd)]
    tensors = [*weights, *net.parameters(), *net.buffers()]
    example = next((tensor for tensor in tensors if tensor is not None and tensor.is_floating_point()), None)
    if example is None:
        return batch
    return copied_to(batch, example.device, example.dtype if batch.is_floating_point() else batch.dtype)


def copied_to(batch: torch.Tensor, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """A batch on a device and in a dtype; a GPU copies one of several images while it computes the one before."""
    if device.type == "cuda" and batch.device.type == "cpu" and len(batch) > 1:
        return batch.pin_memory().to(device, dtype, non_blocking=True)
    return batch.to(device, dtype)


def _required_inputs(net: nn.Module) -> list[str]:
    """Names of the parameters of the net's `forward` that have no default value."""
    try:
        parameters = inspect.signature(net.forward).parameters.values()
    except (TypeError, ValueError):  # not a Python function
        return []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [
        parameter.name
        for parameter in parameters
        if parameter.kind in kinds and parameter.default is inspect.Parameter.empty
    ]


def _refuse_own_net(net: nn.Module, forward: Forward) -> None:
    """Refuses a `forward` that uses the user's net: it would run in its own mode, and no layer of it would be seen.

    Raises:
        ValueError: If a variable of the function is the net or a part of it.
    """
    used = [getattr(forward, "__self__", None)]
    if inspect.isfunction(forward):
        names = inspect.getclosurevars(forward)
        used += [*names.nonlocals.values(), *names.globals.values()]
    parts = {id(module) for module in net.modules()}
    if any(id(value) in parts for value in used):
        raise ValueError(
            "forward uses the net itself and not the one that it is given, a copy with the same weights; write "
            "forward=lambda net, image: net(image, ...) and use its argument"
        )


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")

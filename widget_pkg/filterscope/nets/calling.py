"""How a net is called with an image: as a batch, in a list, or by the user's `forward=`; and error messages for it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd

from filterscope.errors import NetError, describe_exception, foreign_code, kind_of
from filterscope.host.sigint import let_sigint_through

Forward = Callable[[nn.Module, torch.Tensor], Any]
"""The user's function `forward=`, which calls a net with an image and returns its output."""
Convention = Callable[[nn.Module, torch.Tensor], Any]
"""A function that runs a module on a batch and returns its output."""
_Result = TypeVar("_Result")


class Calling:
    """Calls a net in the first convention that works for it.

    A net is called with a batch `(1, C, H, W)`. If that raises, it is called with a list of one image `(C, H, W)`, as
    torchvision's detection nets expect.

    Args:
        net: The user's net.
        forward: The user's function of a net and an image. It is called with a batch of one, `(1, C, H, W)`; if that
            raises, with the image alone, `(C, H, W)`.

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
        self._conventions: tuple[Convention, ...] = (_as_batch, _as_list)
        if forward is not None:
            self._conventions = (forward, lambda module, batch: forward(module, batch[0]))
        self._convention = self._conventions[0]

    def __call__(self, module: nn.Module, batch: torch.Tensor) -> Any:
        """Runs a module on a batch and returns its output.

        Raises:
            Exception: What the net raises; `ForeignExit` for what is no `Exception`.
        """
        with let_sigint_through(), foreign_code():
            return self._convention(module, batch)

    @property
    def takes_batches(self) -> bool:
        """Whether several images may go in one pass; False with a `forward=`, which was only tried with one image."""
        return self._convention is _as_batch

    def find_convention(self, net: nn.Module, batch: torch.Tensor, attempt: Callable[[Convention], _Result]) -> _Result:
        """Tries the conventions in turn and keeps the first that raises nothing.

        Args:
            net: The user's net, for the error message.
            batch: The image to try, `(1, C, H, W)`.
            attempt: Runs a whole pass in the convention it receives.

        Returns:
            What `attempt` returned.

        Raises:
            NetError: If all conventions raise; the message has the error of the first.
        """
        refused: list[Exception] = []
        for convention in self._conventions:
            convention_of_net = convention if self.forward is None else _calling_the_net(convention)
            try:
                with foreign_code():
                    result = attempt(_interruptible(convention_of_net))
            except NetError:  # the net ran, and cannot be shown
                raise
            except Exception as error:
                refused.append(error)
            else:
                self._convention = convention
                return result
        raise NetError(self.refusal(net, batch, refused[0])) from refused[0]

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
        if self.forward is not None:
            return f"forward= raised for {image}: {cause}. It is called as forward(net, image), with a batch of one."
        needed = _required_inputs(net)
        if isinstance(error, TypeError) and len(needed) > 1:
            more = ", ".join(needed[1:])
            return (
                f"the net's forward takes {len(needed)} inputs ({', '.join(needed)}), and was given the image alone: "
                f"{cause}. Give the others by forward=lambda net, image: net(image, {more})."
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


def _interruptible(convention: Convention) -> Convention:
    """The convention, with Ctrl-C let through while the net runs."""

    def interruptible(module: nn.Module, batch: torch.Tensor) -> Any:
        with let_sigint_through():
            return convention(module, batch)

    return interruptible


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


def _as_batch(module: nn.Module, batch: torch.Tensor) -> Any:
    return module(batch)


def _as_list(module: nn.Module, batch: torch.Tensor) -> Any:
    return module(list(batch))


def like_input(net: nn.Module, batch: torch.Tensor) -> torch.Tensor:
    """The batch on the device and in the dtype of the net's first convolution, or else of its first floating tensor."""
    weights = [m._parameters.get("weight") for m in net.modules() if isinstance(m, _ConvNd)]
    tensors = [*weights, *net.parameters(), *net.buffers()]
    example = next((tensor for tensor in tensors if tensor is not None and tensor.is_floating_point()), None)
    return batch if example is None else batch.to(example.device, example.dtype)


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

"""What an adapter says of a model, and how the words of several adapters come together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from filterscope.outputs.kind import OutputKind


@dataclass(frozen=True, eq=False)
class Adaptation:
    """What an adapter says of a model. What it does not know stays as it is by default.

    Attributes:
        net: The net inside of the model; None where that is the model itself. It may be another library's object in its
            turn, for which its adapter is asked next.
        data: The data set to read in place of the user's; None for the user's own.
        forward: Calls the net with a batch `(N, C, H, W)` and returns its output; None where `net(batch)` does.
        inputs: The kinds of images that the net takes, pairs of spatial axes and channels; None where its convolutions
            tell.
        transform: The library's own preprocessing of a picture, used where the user gives no `transform=`.
        for_given_transform: Whether `transform` is what the user's `transform=` stands for, an image processor, say.
        mean: Of the Normalize that the data set's images have gone through; None where its transforms tell.
        std: Its standard deviation.
        classes: Names of the net's classes, where the data set has no fitting ones.
        output: What the net's output is; None where its form tells.
    """

    net: Any = None
    data: Any = None
    forward: Callable[[nn.Module, torch.Tensor], Any] | None = None
    inputs: Sequence[tuple[int, int | None]] | None = None
    transform: Callable[[Any], Any] | None = None
    for_given_transform: bool = False
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    classes: tuple[str, ...] = ()
    output: OutputKind | None = None

    def with_inner(self, inner: Adaptation) -> Adaptation:
        """This, and where it says nothing, what the adapter of the net inside of it says."""
        return replace(
            self,
            net=self.net if inner.net is None else inner.net,
            data=self.data if inner.data is None else inner.data,
            forward=self.forward or inner.forward,
            inputs=self.inputs or inner.inputs,
            transform=self.transform or inner.transform,
            for_given_transform=self.for_given_transform or (self.transform is None and inner.for_given_transform),
            mean=inner.mean if self.mean is None else self.mean,
            std=inner.std if self.mean is None else self.std,
            classes=self.classes or inner.classes,
            output=self.output or inner.output,
        )


class BatchForward:
    """A way of calling a net that takes any number of images, which a user's `forward=` need not.

    Args:
        call: Calls a net with a batch `(N, C, H, W)` and returns its output.
    """

    takes_batches = True

    def __init__(self, call: Callable[[nn.Module, torch.Tensor], Any]) -> None:
        self.call = call

    def __call__(self, net: nn.Module, batch: torch.Tensor) -> Any:
        """Calls it."""
        return self.call(net, batch)


def defined_in(thing: Any, package: str) -> bool:
    """Whether the class of an object, or one that it inherits from, was defined in a package."""
    return any(f"{kind.__module__}.".startswith(f"{package}.") for kind in type(thing).__mro__)

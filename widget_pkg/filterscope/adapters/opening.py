"""From what a user gives as net and data to the net that is run and the samples that it is given."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from filterscope.adapters.registry import adapt
from filterscope.data.source import SampleSource
from filterscope.nets.calling import Forward
from filterscope.nets.layers import net_inputs, vector_length
from filterscope.outputs.score import Objective, as_score


@dataclass(frozen=True, eq=False)
class Opened:
    """A net and its data set.

    Attributes:
        net: The net inside of what the user gave.
        source: The data set.
        forward: How the net is called; None for with a batch.
    """

    net: Any
    source: SampleSource
    forward: Forward | None


def open_net(
    model: Any,
    data: Any,
    *,
    classes: Any = None,
    transform: Any = None,
    mean: Any = None,
    std: Any = None,
    layout: Any = None,
    forward: Forward | None = None,
    score: Any = None,
    isolated: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Opened:
    """Opens what a user gives; what the user says counts, then what the adapters say.

    Args:
        model: A net, or another library's object with a net inside.
        data: As `SampleSource` takes it, or another library's object.
        classes: The user's `classes=`, and so on.
        transform: Of an image.
        mean: Of the Normalize that the images went through.
        std: Its standard deviation.
        layout: Of the axes.
        forward: Calls the net.
        score: How good an output is.
        isolated: As for `SampleSource`.

    Raises:
        TypeError: If `score` is no function, or the data set is none.
        ValueError: If an option does not fit.
        NetError: If there is no net inside.
    """
    own_score = as_score(score)
    adapted = adapt(model, data, transform)
    net = model if adapted.net is None else adapted.net
    if transform is None or adapted.for_given_transform:
        transform = adapted.transform
    if mean is None and std is None:
        mean, std = adapted.mean, adapted.std
    source = SampleSource(
        data if adapted.data is None else adapted.data,
        classes=classes,
        transform=transform,
        mean=mean,
        std=std,
        layout=layout,
        inputs=adapted.inputs or net_inputs(net),
        vector=vector_length(net),
        several=forward is not None,
        isolated=isolated,
        net_classes=adapted.classes,
        # A call of the user's own may return any part of what the library's would.
        objective=Objective(adapted.output if forward is None else None, own_score),
    )
    return Opened(net, source, forward or adapted.forward)


def net_inside(model: Any, data: Any, forward: Forward | None = None) -> tuple[Any, Forward | None]:
    """The net inside of what a user gives and how it is called, where its data set is open already.

    Args:
        model: A net, or another library's object with a net inside.
        data: What the user gave as data.
        forward: Calls the net.

    Raises:
        NetError: If there is no net inside.
    """
    adapted = adapt(model, data, None)
    return model if adapted.net is None else adapted.net, forward or adapted.forward

"""The receptive fields of every layer, found in one pass; and the effective one of a position, by its gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from filterscope.nets.conv_call import ConvCall
from filterscope.nets.layer_watch import LayerWatch, Place
from filterscope.nets.passes import Feed
from filterscope.nets.tracing import Operation
from filterscope.nets.twin import Twin
from filterscope.receptive_field.fields import MapFields, map_fields
from filterscope.receptive_field.footprint_mode import FootprintMode, Interrupted


@dataclass
class Geometry:
    """What every layer of a net sees of an image of one shape.

    Attributes:
        maps: For each layer that the pass reached the fields of its map, the convolution's output; None where nothing
            of the image reaches it.
        activations: For each of these layers the fields of its activation, which a pool may have made smaller.
        lost: Names of the operations that could not be followed, and how often each ran.
    """

    maps: dict[int, MapFields | None] = field(default_factory=dict)
    activations: dict[int, MapFields | None] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)


def find_geometry(
    twin: Twin,
    batch: torch.Tensor,
    places: Sequence[Place],
    feed: Feed = nn.Module.__call__,
    interrupted: Callable[[], bool] = lambda: False,
) -> Geometry:
    """Runs the twin on one image and notes what each position of each layer's map sees of it.

    Args:
        twin: The net's twin.
        batch: The image as the net takes it, `(1, C, H, W)`.
        places: The layers in execution order.
        feed: Gives the batch to the twin's module; by default calls it.
        interrupted: Whether something else is wanted first: then `Interrupted` is raised.
    """
    image = tuple(batch.shape[2:])
    mode, found = FootprintMode(interrupted), Geometry()

    def fields(tensor: torch.Tensor) -> MapFields | None:
        footprint = mode.footprint_of(tensor)
        return None if footprint is None else map_fields(footprint, image)

    def on_conv(layer: int, call: ConvCall) -> None:
        output = call.output if call.output.ndim == call.rank + 2 else call.output[None]
        found.maps[layer] = fields(output)
        note(layer, output, not places[layer].activation.path)

    def on_step(layer: int, operation: Operation, output: torch.Tensor, last: bool) -> None:
        note(layer, output, last)

    def note(layer: int, output: torch.Tensor, last: bool) -> None:
        if last:
            found.activations[layer] = fields(output)
        if len(found.activations) == len(places):
            watch.stop()

    watch = LayerWatch(places, on_conv, on_step)
    try:
        with twin.ready() as module, torch.no_grad(), mode, watch.watching(module, batch):
            mode.begin(batch, len(image))
            feed(module, batch)
    except Exception:
        if mode.given_up:  # TorchScript's interpreter makes an error of its own of whatever is raised in it
            raise Interrupted from None
        raise
    found.lost = dict(mode.lost)
    return found


def gradient(
    twin: Twin,
    batch: torch.Tensor,
    places: Sequence[Place],
    layer: int,
    index: tuple[int, ...],
    feed: Feed = nn.Module.__call__,
) -> np.ndarray | None:
    """Size of the gradient of one value of a layer's pre-activation with respect to the image.

    Args:
        twin: The net's twin.
        batch: The image as the net takes it, `(1, C, H, W)`.
        places: The layers in execution order.
        layer: Which layer.
        index: Filter and position, `(filter, row, column)`.
        feed: Gives the batch to the twin's module; by default calls it.

    Returns:
        float32 `(H, W)`, the magnitudes summed over the image's channels; None where no gradient reaches the image, or
        the pass does not reach the layer.
    """
    values: list[torch.Tensor] = []
    late: list[tuple[torch.Tensor, int, int]] = []

    def on_conv(reached: int, call: ConvCall) -> None:
        if reached == layer:
            output = call.output[0] if call.output.ndim == call.rank + 2 else call.output
            values.append(output[index])
            if output.requires_grad:
                watch.stop()
            # Inside of a scripted module torch gives it its gradient only after it was seen here.
            late.append((call.output, call.output._version, call.rank))

    watch = LayerWatch(places, on_conv)
    image = batch.detach().clone().requires_grad_()
    with twin.ready() as module, torch.enable_grad(), watch.watching(module, image):
        feed(module, image)
    for output, version, rank in late:
        if output.requires_grad and output._version == version:
            with torch.enable_grad():
                values = [(output[0] if output.ndim == rank + 2 else output)[index]]
    if not values or not values[0].requires_grad:
        return None
    (found,) = torch.autograd.grad(values[0], image, allow_unused=True)
    return None if found is None else found[0].abs().sum(dim=0).to("cpu", torch.float32).numpy()

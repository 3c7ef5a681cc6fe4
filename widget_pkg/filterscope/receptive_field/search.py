"""Finds the receptive fields of every layer in one pass, and the gradient of one position with respect to the image."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from filterscope.host.sigint import defer_sigint, let_sigint_through
from filterscope.nets.conv_call import ConvCall
from filterscope.nets.extra_inputs import attach_inputs, inputs_of
from filterscope.nets.global_hooks import silent_global_hooks
from filterscope.nets.layer_watch import LayerWatch
from filterscope.nets.modes import plain_modes
from filterscope.nets.runner import NetRunner
from filterscope.nets.tracing import Operation
from filterscope.receptive_field.fields import MapFields, map_fields
from filterscope.receptive_field.footprint_mode import FootprintMode


@dataclass
class Geometry:
    """The receptive fields of every layer of a net, for images of one shape.

    Attributes:
        maps: For each layer that the pass reached, the fields of the convolution's output; None where nothing of the
            image reaches it.
        activations: For each of these layers, the fields of its activation, which a pool may have made smaller.
        lost: Names of the operations that could not be followed, and how often each ran.
    """

    maps: dict[int, MapFields | None] = field(default_factory=dict)
    activations: dict[int, MapFields | None] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)


def find_geometry(runner: NetRunner, batch: torch.Tensor) -> Geometry:
    """Runs the net on one image and finds the receptive fields of every layer.

    Args:
        runner: Runs the net.
        batch: The image as the net takes it, `(1, C, H, W)`.
    """
    image, layers = tuple(batch.shape[2:]), runner.layers
    mode, geometry = FootprintMode(), Geometry()

    def fields(tensor: torch.Tensor) -> MapFields | None:
        footprint = mode.footprint_of(tensor)
        return None if footprint is None else map_fields(footprint, image)

    def on_conv(layer: int, call: ConvCall) -> None:
        output = call.output if call.output.ndim == call.rank + 2 else call.output[None]
        geometry.maps[layer] = fields(output)
        note(layer, output, not layers[layer].activation.path)

    def on_step(layer: int, operation: Operation, output: torch.Tensor, last: bool) -> None:
        note(layer, output, last)

    def note(layer: int, output: torch.Tensor, last: bool) -> None:
        if last:
            geometry.activations[layer] = fields(output)
        if len(geometry.activations) == len(layers):
            watch.stop()

    watch = LayerWatch(layers, on_conv, on_step)
    # A class of tensors that makes its results such tensors again does so unseen by a dispatch mode.
    with runner.ready() as module, mode, watch.watching(module, batch), torch._C.DisableTorchFunctionSubclass():
        mode.begin(batch, len(image))
        runner.call(module, batch)
    geometry.lost = dict(mode.lost)
    return geometry


def gradient(runner: NetRunner, batch: torch.Tensor, layer: int, index: tuple[int, ...]) -> np.ndarray | None:
    """Magnitude of the gradient of one value of a layer's pre-activation with respect to the image.

    Args:
        runner: Runs the net.
        batch: The image as the net takes it, `(1, C, H, W)`.
        layer: Index of the layer.
        index: Filter and position, `(filter, row, column)`.

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
            # Inside of a scripted module torch connects the output to the gradient only after this call.
            late.append((call.output, call.output._version, call.rank))

    watch = LayerWatch(runner.layers, on_conv)
    with defer_sigint(), plain_modes(), silent_global_hooks(), let_sigint_through():  # on the way back as well
        leaf = batch.detach().clone().requires_grad_()
        with torch.enable_grad():
            # Autograd lets no net write into a leaf.
            image = attach_inputs(leaf.clone(), inputs_of(batch))
        with runner.ready(gradients=True) as module, watch.watching(module, image):
            runner.call(module, image)
        for output, version, rank in late:
            if output.requires_grad and output._version == version:
                with torch.enable_grad():
                    values = [(output[0] if output.ndim == rank + 2 else output)[index]]
        if not values or not values[0].requires_grad:
            return None
        (of_image,) = torch.autograd.grad(values[0], leaf, allow_unused=True)
    return None if of_image is None else of_image[0].abs().sum(dim=0).to("cpu", torch.float32).numpy()

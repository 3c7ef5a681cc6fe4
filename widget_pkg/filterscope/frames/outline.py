"""What a page asks first: what does not change with the selection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from filterscope.nets.layers import ConvLayer


class LayerBody(TypedDict):
    """A layer in words and numbers; `filters` and `channels` are how many there are, of kernels in one filter."""

    name: str
    call: int
    title: str
    filters: int
    channels: int
    kernel: list[int]
    out_shape: list[int]
    activation_name: str


class OutlineBody(TypedDict):
    """The layers in execution order, the checkpoints, and how many images there are, as far as is known.

    `two_nets`: another net stands beside this one.
    """

    version: str
    revision: int
    images: int
    input: list[int]
    layers: list[LayerBody]
    checkpoints: list[str]
    two_nets: bool


def outline(
    version: str,
    revision: int,
    images: int,
    image_shape: Sequence[int],
    layers: Sequence[ConvLayer],
    checkpoints: Sequence[str] = (),
    two_nets: bool = False,
) -> OutlineBody:
    """What does not change with the selection: the layers, and how many images there are.

    Args:
        version: Of the package.
        revision: Of the net itself.
        images: How many there are.
        image_shape: Of the image with which the layers were found.
        layers: The net's convolutions.
        checkpoints: What each checkpoint is called.
        two_nets: Whether another net stands beside this one.
    """
    return {
        "version": version,
        "revision": revision,
        "images": images,
        "input": list(image_shape),
        "layers": [
            {
                "name": layer.name,
                "call": layer.call,
                "title": layer.title,
                "filters": layer.out_channels,
                "channels": layer.channels,
                "kernel": list(layer.kernel_size),
                "out_shape": list(layer.out_shape),
                "activation_name": layer.activation.name,
            }
            for layer in layers
        ],
        "checkpoints": list(checkpoints),
        "two_nets": two_nets,
    }

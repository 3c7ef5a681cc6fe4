"""What is said below a picture: which kernels these are, what filter2D runs over, which tensor of the net it is."""

from __future__ import annotations

from filterscope.engine.moment import Moment
from filterscope.filters.response import matches_image
from filterscope.nets.layers import ConvLayer
from filterscope.session.selection import Selection
from filterscope.text import well_formed


def kernel_note(channels: list[int], of: int) -> str:
    """Which of a filter's kernels are shown, in words."""
    return f"kernel {channels[0]} of {of}" if len(channels) == 1 else f"all {of} kernels"


def dynamic_note(dynamic: bool) -> str:
    """What follows a note of kernels where the net makes them from the image; "" elsewhere."""
    return "; made by the net from the image, so each image has its own" if dynamic else ""


def response_note(moment: Moment, selection: Selection, channels: list[int]) -> str:
    """What filter2D runs over, in words.

    Args:
        moment: The selection's image and layer.
        selection: Has the source.
        channels: Which of a filter's kernels are summed.
    """
    layer = moment.layer
    several = len(channels) > 1
    if selection.source == "input":
        where = "the layer's own input, summed over its channels" if several else "its channel of the layer's own input"
        where += "; without the bias"
    else:
        image = moment.sample.image
        if image.shape[0] == 1:
            where = "the image itself"
        elif matches_image(image, layer):
            where = "the image, summed over its channels" if several else "its channel of the image"
        else:
            where = "the image's luma" if image.shape[0] == 3 else "the mean of the image's channels"
    return f"cv2.filter2D of {kernel_note(channels, layer.channels)} over {where}"


def activation_note(layer: ConvLayer, which_slice: str = "") -> str:
    """Which tensor of the net the activation is, in words."""
    items = f"; the first of {layer.items} that the net made of the image" if layer.items > 1 else ""
    return well_formed(f"{layer.activation.name}{which_slice}{items}")

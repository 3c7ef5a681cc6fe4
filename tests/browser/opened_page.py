"""A saved page in a browser, and what its pictures are to show."""

import numpy as np
from torch import nn

from expected import colours, gray
from explorer_page import ExplorerPage


def small_net():
    last = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), last)


class SavedPage(ExplorerPage):
    """A page opened from disk; there is no Python behind it."""

    def __init__(self, page):
        self.page = page


def whole_layer(explorer, name):
    chosen = explorer.filter_index
    found = [getattr(explorer.select(filter=k), name) for k in range(explorer.layer.out_channels)]
    explorer.filter_index = chosen
    return np.stack(found)


def in_eight_bits(values):
    """Each map rounded to 253 levels over its own range, as float32."""
    rounded = []
    for one in values.astype(float):
        low, high = one.min(), one.max()
        low, high = (-max(-low, high), max(-low, high)) if low < 0 else (0.0, high)
        step = (high - low) / 252
        place = np.floor((one - low) / (high - low) * 252 + 0.5) if high > low else np.zeros_like(one)
        rounded.append(low + place * step)
    return np.float32(rounded)


def shows(page, explorer, scale="layer"):
    """Every large canvas, against the arrays that Python has."""
    image, layer, one = explorer.image_index, explorer.layer_index, explorer.filter_index
    page.ready(image=image, layer=layer, filter=one)
    np.testing.assert_array_equal(page.canvas_pixels("image")[..., :3], gray(explorer.display))
    for view in ("response", "activation"):
        whole = whole_layer(explorer, view)
        of = whole if scale == "layer" else whole[one]
        np.testing.assert_array_equal(page.canvas_pixels(view)[..., :3], colours(in_eight_bits(whole)[one], of=of))
    if explorer.channel is not None or len(explorer.kernel) == 1:
        kernel = explorer.kernel[explorer.channel or 0]
        of = explorer.layer.kernels[:, explorer.channel or 0]
        of = of if scale == "layer" else kernel
        np.testing.assert_array_equal(page.canvas_pixels("kernel")[..., :3], colours(kernel, of=of))

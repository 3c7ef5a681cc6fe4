"""Nets over signals and volumes: strips that can be seen, and slices that can be chosen."""

import numpy as np
import pytest
from playwright.sync_api import expect

from expected import colours

pytestmark = pytest.mark.browser

SIGNALS = """
import torch
from torch import nn
from filterscope import Explorer
torch.manual_seed(0)
net = nn.Sequential(nn.Conv1d(2, 6, 5), nn.ReLU(), nn.Conv1d(6, 4, 3), nn.AdaptiveAvgPool1d(1), nn.Flatten())
explorer = Explorer(net, torch.randn(4, 2, 44))
explorer
"""

VOLUMES = """
import torch
from torch import nn
from filterscope import Explorer
torch.manual_seed(0)
net = nn.Sequential(
    nn.Conv3d(1, 4, 3), nn.MaxPool3d(2), nn.ReLU(), nn.Conv3d(4, 2, (1, 3, 3)), nn.AdaptiveAvgPool3d(1), nn.Flatten()
)
explorer = Explorer(net, torch.rand(3, 1, 10, 14, 12))
explorer
"""


def values(notebook, code):
    return np.array(notebook.python(f"({code}).tolist()"), np.float32)


def painted(notebook, view):
    return notebook.canvas_pixels(view)[..., :3]


def test_a_signal_is_a_strip_that_can_be_seen(lab):
    notebook = lab.open([SIGNALS])
    root = notebook.ready(image=0, layer=0, filter=0)
    notebook.python("explorer.select(filter=2, channel=1); None")
    notebook.ready(filter=2)
    maps = values(notebook, "explorer.session.engine.moment(0, 0).responses.of_all_filters(1, 'input')")
    assert np.array_equal(painted(notebook, "response"), colours(maps[2], of=maps)[None])
    maps = values(notebook, "explorer.session.engine.moment(0, 0).activations")
    assert np.array_equal(painted(notebook, "activation"), colours(maps[2], of=maps)[None])
    kernels = values(notebook, "explorer.layer.kernels[:, 1]")
    assert np.array_equal(painted(notebook, "kernel"), colours(kernels[2], of=kernels)[None])
    numbers = root.locator(".fs-numbers > *").all_inner_texts()
    assert [float(text.replace("−", "-")) for text in numbers] == pytest.approx(kernels[2], abs=0.005)
    for view in ("response", "activation", "kernel"):
        assert notebook.canvas(view).bounding_box()["height"] >= 24, view
    *_, high = map(float, notebook.canvas("grid").get_attribute("data-map-rect").split())
    assert high >= 11
    assert root.locator("input[name=slice]").is_hidden()
    notebook.screenshot("signals")


def test_the_slice_of_a_volume_is_chosen(lab):
    notebook = lab.open([VOLUMES])
    root = notebook.ready(image=0, layer=0, filter=0)
    maps = values(
        notebook, "explorer.session.engine.moment(0, 0).responses.of_all_filters(None, 'input')"
    )  # (4, 8, 12, 10)
    kernels = values(notebook, "explorer.layer.kernels")
    slider = notebook.slider("slice")
    expect(slider).to_have_value("4")
    expect(root.get_by_text("of 8 in the maps of layer 0")).to_be_visible()
    assert np.array_equal(painted(notebook, "response"), colours(maps[0, 4], of=maps[:, 4]))
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    notebook.ready()
    assert np.array_equal(painted(notebook, "response"), colours(maps[0, 6], of=maps[:, 6]))
    assert np.array_equal(painted(notebook, "kernel"), colours(kernels[0, 0, 1], of=kernels[:, :, 1]))
    root.locator("select[name=kernel-slice]").select_option("2")
    notebook.ready()
    assert np.array_equal(painted(notebook, "kernel"), colours(kernels[0, 0, 2], of=kernels[:, :, 2]))
    # Kept from image to image, filter to filter; where a layer has no such slice, its middle one.
    notebook.python("explorer.select(image=1, filter=3); None")
    notebook.ready(image=1, filter=3)
    maps = values(notebook, "explorer.session.engine.moment(1, 0).responses.of_all_filters(None, 'input')")
    assert np.array_equal(painted(notebook, "response"), colours(maps[3, 6], of=maps[:, 6]))
    assert np.array_equal(painted(notebook, "kernel"), colours(kernels[3, 0, 2], of=kernels[:, :, 2]))
    activation = values(notebook, "explorer.session.engine.moment(1, 0).activations")
    assert np.array_equal(painted(notebook, "activation"), colours(activation[3, 3], of=activation[:, 3]))
    expect(root.locator(".fs-activation .fs-notes")).to_contain_text("slice 3 of 4")
    expect(root.locator(".fs-image .fs-notes")).to_contain_text("Slice 5 of 10")
    notebook.screenshot("volumes")
    notebook.python("explorer.layer_index = 1")
    notebook.ready(layer=1, filter=1)
    expect(slider).to_have_value("2")
    deeper = values(notebook, "explorer.response")
    of = values(notebook, "explorer.session.engine.moment(1, 1).responses.of_all_filters(None, 'input')")
    assert np.array_equal(painted(notebook, "response"), colours(deeper[2], of=of[:, 2]))
    notebook.python("explorer.layer_index = 0")
    notebook.ready(layer=0)
    expect(slider).to_have_value("6")
    assert notebook.python("explorer.response.ndim") == 3

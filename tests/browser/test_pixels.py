"""Every canvas shows what Python says: its pixels are computed a second time, from the arrays."""

import numpy as np
import pytest
import torch

from expected import colours, gray
from filterscope import Explorer, demo

pytestmark = pytest.mark.browser

DEMO = """
from filterscope import Explorer, demo
explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
explorer
"""


@pytest.fixture(scope="module", name="twin")
def same_explorer_in_this_process():
    """The same explorer here: its arrays are what the page must show."""
    explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
    yield explorer
    explorer.close()


def whole_layer(explorer, read):
    """A property of every filter of the selected layer."""
    chosen = explorer.filter_index
    found = []
    for f in range(explorer.layer.out_channels):
        explorer.select(filter=f)
        found.append(read())
    explorer.select(filter=chosen)
    return np.stack(found)


def mosaic(tiles):
    """Tiles in ceil(sqrt(n)) columns with one transparent pixel between; (pixels RGB, which are painted)."""
    columns = int(np.ceil(np.sqrt(len(tiles))))
    rows = -(-len(tiles) // columns)
    height, width = tiles[0].shape[:2]
    pixels = np.zeros((rows * (height + 1) - 1, columns * (width + 1) - 1, 3), np.uint8)
    painted = np.zeros(pixels.shape[:2], bool)
    for index, tile in enumerate(tiles):
        top, left = index // columns * (height + 1), index % columns * (width + 1)
        pixels[top : top + height, left : left + width] = tile
        painted[top : top + height, left : left + width] = True
    return pixels, painted


# Of two in a row the image, the layer or the filter is another one: all that is selected changes with it.
SELECTIONS = (
    {"image": 0, "layer": "conv1", "filter": 0},
    {"image": 9, "layer": "conv1", "filter": 7, "source": "image"},
    {"image": 5, "layer": "conv2", "filter": 3},
    {"image": 5, "layer": "conv2", "filter": 19, "channel": 4},
    {"image": 7, "layer": "conv2", "filter": 11, "channel": 9, "source": "image"},
    {"image": 7, "layer": "conv2", "filter": 0, "channel": None, "source": "image"},
)


def test_large_pictures(lab, twin):
    notebook = lab.open([DEMO])
    for selection in SELECTIONS:
        shows_large_pictures(notebook, twin, {"channel": None, "source": "input", **selection})


def shows_large_pictures(notebook, twin, selection):
    twin.select(**selection)
    notebook.python(f"explorer.select(**{selection!r}); None")
    notebook.ready(image=twin.image_index, layer=twin.layer_index, filter=twin.filter_index)
    # The source and the channel have no attribute of their own: the root is ready only when they are painted too.
    assert np.array_equal(notebook.canvas_pixels("image")[..., :3], gray(twin.display)), selection

    responses = whole_layer(twin, lambda: twin.response)
    assert np.array_equal(notebook.canvas_pixels("response")[..., :3], colours(twin.response, of=responses)), selection
    activations = whole_layer(twin, lambda: twin.activation)
    expected = colours(twin.activation, of=activations)
    assert np.array_equal(notebook.canvas_pixels("activation")[..., :3], expected), selection

    shown = [twin.channel] if twin.channel is not None else [0] if twin.source == "image" else slice(None)
    kernels = twin.layer.kernels[:, shown]
    pixels, painted = mosaic([colours(kernel, of=kernels) for kernel in twin.kernel[shown]])
    found = notebook.canvas_pixels("kernel")
    assert np.array_equal(found[painted][:, :3], pixels[painted]), selection
    assert (found[painted][:, 3] == 255).all()
    assert (found[~painted][:, 3] == 0).all()


def test_the_grid_shows_every_filter(lab, twin):
    notebook = lab.open([DEMO])
    twin.select(image=2, layer="conv1", filter=4, channel=None, source="input")
    notebook.python("explorer.select(image=2, filter=4); None")
    root = notebook.ready(image=2, layer=0, filter=4)
    for kind in ("response", "activation"):
        root.locator("select[name=grid-map]").select_option(kind)
        notebook.ready(image=2, layer=0, filter=4)
        grid_shows_every_filter(notebook, twin, kind)


def grid_shows_every_filter(notebook, twin, kind):
    canvas = notebook.canvas("grid")
    geometry = canvas.evaluate("e => ({...e.dataset})")
    cell = np.array([float(geometry["cellHeight"]), float(geometry["cellWidth"])])
    ratio = notebook.page.evaluate("devicePixelRatio")
    pixels = notebook.canvas_pixels("grid")
    maps = whole_layer(twin, lambda: getattr(twin, kind))
    kernels = twin.layer.kernels[:, 0]
    for f in range(10):
        corner = np.array(divmod(f, int(geometry["columns"]))) * cell
        for name, values, of in (("kernel", kernels[f], kernels), ("map", maps[f], maps)):
            x, y, width, height = map(float, geometry[f"{name}Rect"].split())
            top, left = corner[0] + y, corner[1] + x
            middles = [
                np.floor((start + (np.arange(n) + 0.5) * size / n) * ratio).astype(int)
                for start, size, n in ((top, height, values.shape[0]), (left, width, values.shape[1]))
            ]
            found = pixels[np.ix_(*middles)][..., :3]
            assert np.array_equal(found, colours(values, of=of)), f"{name} of filter {f}"


def test_one_scale_a_map_and_gray(lab, twin):
    notebook = lab.open([DEMO])
    twin.select(image=1, layer="conv1", filter=2, channel=None, source="input")
    notebook.python("explorer.select(image=1, filter=2); None")
    root = notebook.ready(image=1, layer=0, filter=2)
    together = notebook.canvas_pixels("response")
    root.locator("select[name=scale]").select_option("map")
    notebook.ready(image=1, layer=0, filter=2)
    alone = notebook.canvas_pixels("response")
    assert np.array_equal(alone[..., :3], colours(twin.response))
    assert not np.array_equal(alone, together)
    root.locator("select[name=palette]").select_option("gray")
    assert np.array_equal(notebook.canvas_pixels("response")[..., :3], colours(twin.response, palette="gray"))


SPOILT = """
import torch
from torch import nn
from filterscope import Explorer
net = nn.Sequential(nn.Conv2d(1, 4, 1, bias=False), nn.ReLU())
with torch.no_grad():
    net[0].weight[:, 0, 0, 0] = torch.tensor([1.0, -1.0, 0.0, 3e38])
data = torch.linspace(0, 3, 48).reshape(1, 1, 6, 8)
data[0, 0, 0, :3] = torch.tensor([float("nan"), float("inf"), -float("inf")])
explorer = Explorer(net, data)
explorer
"""


def test_nan_infinity_and_constant_maps_are_marked_and_said(lab):
    notebook = lab.open([SPOILT])
    root = notebook.ready(image=0, layer=0, filter=0)
    data = torch.linspace(0, 3, 48).reshape(6, 8)
    data[0, :3] = torch.tensor([float("nan"), float("inf"), -float("inf")])
    weights = torch.tensor([1.0, -1.0, 0.0, 3e38])
    root.locator("select[name=scale]").select_option("map")
    notebook.ready(image=0, layer=0, filter=0)
    assert np.array_equal(notebook.canvas_pixels("response")[..., :3], colours(data * weights[0]))
    assert "NaN" in root.inner_text()
    assert "infinite" in root.inner_text()
    notebook.python("explorer.filter_index = 3")
    notebook.ready(filter=3)
    assert np.array_equal(notebook.canvas_pixels("response")[..., :3], colours(data * weights[3]))
    assert len(np.unique(notebook.canvas_pixels("activation")[..., :3].reshape(-1, 3), axis=0)) > 3


def test_a_colour_image_non_square_and_large_layers(lab):
    notebook = lab.open(
        [
            """
import torch
from torch import nn
from filterscope import Explorer
torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(3, 64, 7, padding=3), nn.ReLU(), nn.Conv2d(64, 300, 3, stride=4))
data = torch.rand(2, 3, 60, 90)
explorer = Explorer(net, data)
explorer
"""
        ]
    )
    notebook.ready(image=0, layer=0, filter=0)
    display = np.array(notebook.python("explorer.display.tolist()"))
    assert np.array_equal(notebook.canvas_pixels("image")[..., :3], gray(display))
    assert notebook.canvas_pixels("response").shape == (60, 90, 4)
    notebook.python("explorer.select(layer=1, filter=299); None")
    notebook.ready(image=0, layer=1, filter=299)
    found = notebook.canvas_pixels("activation")[..., :3]
    activation = np.array(notebook.python("explorer.activation.tolist()"))
    layer = np.array(notebook.python("explorer.session.engine.moment(0, 1).activations.tolist()"))
    assert np.array_equal(found, colours(activation, of=layer))

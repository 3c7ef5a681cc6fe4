"""Two nets on one page: pictures of both on one scale, what changed most, and which filters explain a disagreement."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from playwright.sync_api import expect

from expected import colours
from explorer_page import read_canvas
from filterscope import demo

pytestmark = pytest.mark.browser

DEMO = """
import copy, torch
from filterscope import Explorer, demo
a = demo.fashion_net()
b = copy.deepcopy(a)
with torch.no_grad():
    b.conv1.weight.copy_(a.conv1.weight.flip(0))  # filter k of a is filter 9 - k of b
    b.conv1.bias.copy_(a.conv1.bias.flip(0))
    b.conv2.weight.copy_(a.conv2.weight.flip(1))
    b.conv2.bias[4] += 8  # and one filter is broken
explorer = Explorer.compare(a, b, demo.fashion_test_data(), images=200)
explorer
"""


def compared(root, image, layer, filter):
    """Wait until both pictures of this filter are on the page."""
    panel = root.locator("section[data-panel=comparison]")
    root.page.locator(f".fs-compared[data-pair='{image} {layer} {filter}']").wait_for()
    return panel


def test_two_nets_stand_side_by_side_on_one_scale(lab):
    notebook = lab.open([DEMO])
    root = notebook.ready(image=0, layer=0, filter=0)
    panel = compared(root, 0, 0, 0)
    expect(panel).to_contain_text("conv1: all 10 found again")
    notebook.slider("filter").press("ArrowRight")
    notebook.expect_python("explorer.filter_index", 1)
    compared(root, 0, 0, 1)
    expect(panel).to_contain_text("Filter 1 of a is filter 8 of b, correlation 1.00.")
    a, data = demo.fashion_net(), demo.fashion_test_data()
    with torch.no_grad():
        kernel, values = a.conv1.weight[1].numpy(), F.relu(a.conv1(data[0][0][None]))[0, 1].numpy()
    for name, shown in (("kernel", kernel[0]), ("map", values)):
        pictures = [shown, shown, np.zeros_like(shown)]
        for side, picture in zip(("a", "b", "difference"), pictures, strict=True):
            painted = read_canvas(panel.locator(f"canvas[data-view=compared-{name}-{side}]"))[..., :3]
            np.testing.assert_array_equal(painted, colours(picture, of=np.stack(pictures)), err_msg=f"{name} {side}")

    # The broken filter: the first in its layer's list; a click selects it.
    notebook.slider("layer").press("ArrowRight")
    notebook.expect_python("explorer.layer_index", 1)
    rows = panel.locator("tbody tr")
    expect(rows).to_have_count(10)
    panel.locator("button[name=all-compared]").click()
    expect(rows).to_have_count(20)
    row = panel.locator("tr[data-filter='4']")
    row.locator("button").click()
    notebook.expect_python("explorer.filter_index", 4)
    expect(row).to_have_attribute("aria-current", "true")

    # An image on which a alone is right, and why.
    explain = panel.locator("button[name=explain]")
    expect(explain).to_be_hidden()
    image = notebook.python("int(explorer.comparison.only_a[0])")
    panel.get_by_role("button", name=str(image), exact=True).first.click()
    notebook.expect_python("explorer.image_index", image)
    compared(root, image, 1, 4)
    broken = copy.deepcopy(a)
    with torch.no_grad():
        broken.conv2.bias[4] += 8
        images = data[image][0][None]
        maps = [F.relu(net.conv2(net.pool(F.relu(net.conv1(images)))))[0, 4].numpy() for net in (a, broken)]
    pictures = [*maps, maps[1] - maps[0]]
    for side, picture in zip(("a", "b", "difference"), pictures, strict=True):
        painted = read_canvas(panel.locator(f"canvas[data-view=compared-map-{side}]"))[..., :3].astype(int)
        # The twin's order of additions is another one: a value on the border of two colours may fall to either side.
        assert np.abs(painted - colours(picture, of=np.stack(pictures))).max() <= 8, side
    explain.click()
    expect(panel).to_contain_text("in b with the map that a has\nof filter 4: ")

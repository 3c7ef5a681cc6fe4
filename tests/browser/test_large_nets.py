"""Layers of thousands of filters and of channels."""

import numpy as np
import pytest
from playwright.sync_api import expect

from demo_page import as_number, at_pixel, readout
from expected import colours

pytestmark = pytest.mark.browser


# Large layers


LARGE = """
import torch
from torch import nn
from filterscope import Explorer
torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(1, 2048, 3), nn.ReLU(), nn.Conv2d(2048, 64, 1), nn.ReLU(), nn.Conv2d(64, 16, 3))
explorer = Explorer(net, torch.rand(2, 1, 9, 9))
explorer
"""


def test_2048_filters_are_scrolled_through_and_picked_from(lab):
    notebook = lab.open([LARGE])
    root = notebook.ready(image=0, layer=0, filter=0)
    canvas = notebook.canvas("grid")
    scroller = root.locator(".fs-scroller")
    assert canvas.evaluate("e => e.height / devicePixelRatio") <= 500  # what is in view, not all 2,048
    of = np.array(
        notebook.python("explorer.session.engine.moment(0, 0).responses.of_all_filters(None, 'input').tolist()")
    )
    geometry = canvas.evaluate("e => ({...e.dataset})")
    columns, width, height = int(geometry["columns"]), float(geometry["cellWidth"]), float(geometry["cellHeight"])
    x, y, wide, high = map(float, geometry["mapRect"].split())
    for top in (0, 3 * height, 1234, 1e6):
        scroller.evaluate("(e, top) => { e.scrollTop = top }", top)
        top = scroller.evaluate("e => e.scrollTop")
        expect(canvas).to_have_attribute("data-scroll", f"{top:g}" if top % 1 else str(int(top)))
        row = int(top // height) + 1  # the first that is wholly in view
        filter = row * columns + 2
        pixels = notebook.canvas_pixels("grid")
        found = [
            [
                pixels[int(row * height - top + y + (r + 0.5) * high / 7), int(2 * width + x + (c + 0.5) * wide / 7)]
                for c in range(7)
            ]
            for r in range(7)
        ]
        assert np.array_equal(np.array(found)[..., :3], colours(of[filter], of=of)), f"filter {filter} at {top}"
        canvas.click(position={"x": 2.3 * width, "y": (row + 0.5) * height - top})
        notebook.ready(filter=filter)
        notebook.expect_python("explorer.filter_index", filter)
        assert scroller.evaluate("e => e.scrollTop") == top  # what was clicked stays under the pointer
    canvas.press("End")
    canvas.press("Enter")
    notebook.ready(filter=2047)
    assert np.array_equal(notebook.canvas_pixels("response")[..., :3], colours(of[2047], of=of))


def test_a_kernel_of_2048_channels_keeps_its_signs_and_a_layer_is_found_by_name(lab):
    notebook = lab.open([LARGE])
    root = notebook.ready(image=0, layer=0, filter=0)
    names = root.get_by_role("combobox", name="layer by name")
    names.fill("2048")
    rows = root.locator(".fs-matches > *")
    assert rows.all_inner_texts() == notebook.python("[l.title for l in explorer.layers][:2]")
    rows.nth(1).click()
    notebook.ready(layer=1, filter=0)
    notebook.expect_in_step()
    kernels = np.array(notebook.python("explorer.layer.kernels.tolist()"))  # (64, 2048, 1, 1)
    found = notebook.canvas_pixels("kernel")
    assert found.shape[:2] == (89, 91)  # 45 rows and 46 columns of one value, and the lines between
    for channel in (0, 1, 45, 46, 2047):
        row, column = divmod(channel, 46)
        expected = colours(kernels[0, channel], of=kernels)[0, 0]
        assert np.array_equal(found[2 * row, 2 * column, :3], expected), f"channel {channel}"
    notebook.canvas("kernel").hover(position=at_pixel(notebook, "kernel", 2, 4))
    where, value = readout(notebook, "kernel")
    assert where == "channel 48 (0, 0)"
    assert as_number(value) == np.float32(kernels[0, 48, 0, 0])

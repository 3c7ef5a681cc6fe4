"""Nothing moves from selection to selection, also while an answer is slow."""

import pytest
from playwright.sync_api import expect

from demo_page import at_pixel, open_demo, set_width

pytestmark = pytest.mark.browser


# Calm


def places(notebook):
    """Where everything stands, from the widget's corner on."""
    return notebook.widget().evaluate(
        """root => {
            const {left, top, width, height} = root.getBoundingClientRect();
            const parts = root.querySelectorAll('canvas[data-view], .fs-box, .fs-legend, .fs-readout, select, input');
            const shown = [...parts].filter(part => part.getClientRects().length > 0);
            return [width, height, ...shown.map(part => {
                const box = part.getBoundingClientRect();
                const name = part.name ?? part.dataset.view ?? part.classList[0];
                const own = part.dataset.view in {image: 0, kernel: 0} ? [] : [box.width, box.height];
                return [name, box.left - left, box.top - top, ...own];
            })];
        }"""
    )


@pytest.mark.parametrize("width", [400, 768, 1000, 1400])
def test_nothing_moves_from_filter_to_filter_and_image_to_image(lab, width):
    notebook, root = open_demo(lab, image=9, layer="conv2", filter=0)
    set_width(notebook, width)
    first = places(notebook)
    filter = notebook.slider("filter")
    for expected in range(1, 11):
        filter.press("ArrowRight")
        notebook.ready(filter=expected)
        assert places(notebook) == first, f"filter {expected}"
    image = notebook.slider("image")
    for expected in range(10, 20):  # the net gets 12 and 17 wrong
        image.press("ArrowRight")
        notebook.ready(image=expected)
        assert places(notebook) == first, f"image {expected}"
    notebook.canvas("response").hover(position=at_pixel(notebook, "response", 3, 3))
    assert places(notebook) == first
    for name in ("diverging", "gray", "sequential"):
        root.locator("select[name=palette]").select_option(name)
        assert places(notebook) == first, name


SLOW = """
import time, torch
from torch import nn
from filterscope import Explorer
class Slow:
    def __len__(self):
        return 100
    def __getitem__(self, index):
        time.sleep(0.8 if index == 40 else 0)
        return torch.rand(1, 9, 9) * index / 40, index % 2  # image 0 is black
torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
net[0].bias.data.fill_(-0.01)  # so that the whole layer is constant for image 0, and warned of
explorer = Explorer(net, Slow())
explorer
"""


def test_a_slow_answer_is_said_to_be_computed_and_moves_nothing(lab):
    notebook = lab.open([SLOW])
    root = notebook.ready(image=0)
    expect(root.locator(".fs-activation .fs-warning")).to_have_text("every value in the layer is the same")
    before = places(notebook)
    busy = root.get_by_text("computing …")
    expect(busy).to_have_css("opacity", "0")
    notebook.python("explorer.image_index = 40")
    expect(root).to_have_attribute("data-busy", "true")
    expect(root).to_have_attribute("data-image", "0")  # the old picture, under its own label
    expect(root.locator(".fs-image .fs-title")).to_have_text("image 0")
    expect(busy).to_have_css("opacity", "1")
    assert places(notebook) == before
    notebook.ready(image=40)
    expect(root).not_to_have_attribute("data-busy", "true")
    expect(busy).to_have_css("opacity", "0")
    expect(root.locator(".fs-activation .fs-warning")).to_have_text("")
    assert places(notebook) == before

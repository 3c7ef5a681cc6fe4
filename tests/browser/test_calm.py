"""Nothing moves from selection to selection, also while an answer is slow."""

import pytest
from playwright.sync_api import expect

from demo_page import at_pixel, lay_out, open_demo, set_width

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


def test_nothing_moves_from_filter_to_filter_and_image_to_image(lab):
    notebook, root = open_demo(lab, image=9, layer="conv2", filter=0)
    filter, image = notebook.slider("filter"), notebook.slider("image")
    ways = [*range(1, 11), *range(9, -1, -1)] * 2, [*range(10, 20), *range(18, 8, -1)] * 2
    for k, width in enumerate((400, 768, 1000, 1400)):  # there and back again
        set_width(notebook, width)
        first = places(notebook)
        key = "ArrowLeft" if k % 2 else "ArrowRight"
        for expected in ways[0][10 * k : 10 * (k + 1)]:
            filter.press(key)
            notebook.ready(filter=expected)
            assert places(notebook) == first, f"filter {expected}, {width}"
        for expected in ways[1][10 * k : 10 * (k + 1)]:  # the net gets 12 and 17 wrong
            image.press(key)
            notebook.ready(image=expected)
            assert places(notebook) == first, f"image {expected}, {width}"
        notebook.canvas("response").hover(position=at_pixel(notebook, "response", 3, 3))
        assert places(notebook) == first, width
        for name in ("diverging", "gray", "sequential"):
            root.locator("select[name=palette]").select_option(name)
            assert places(notebook) == first, (name, width)
        notebook.page.mouse.move(1, 1)


# The kernel's own thread may be what waits: a file ends it.
LATE = """
import time, torch
from pathlib import Path
from torch import nn
from filterscope import Explorer
class Late:
    classes = ["no", "the name of a class"]
    def __len__(self):
        return 100
    def __getitem__(self, index):
        while index and not Path({!r}).exists():
            time.sleep(0.02)
        return torch.full((1, 9, 9), index / 100), index % 2
net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
explorer = Explorer(net, Late())
explorer
"""


def test_the_strips_images_and_class_names_come_later_and_move_nothing(lab, tmp_path):
    may_come = tmp_path / "they may come"
    notebook = lab.open([LATE.format(str(may_come))])
    notebook.ready(image=0)
    strip = notebook.widget().locator("[data-strip]")
    classes = strip.locator("select[name=class] option")
    widths = (400, 768, 868, 1000, 1400)
    layouts = []
    for _ in ("before", "after"):
        for width in widths:
            lay_out(notebook, width)
            layouts.append(places(notebook))
        if len(layouts) == len(widths):
            assert (strip.get_attribute("data-ready"), classes.count()) == ("false", 1)
            may_come.touch()
            notebook.settled()
            assert classes.count() == 3
    assert layouts[: len(widths)] == layouts[len(widths) :]


SLOW = """
import time, torch
from pathlib import Path
from torch import nn
from filterscope import Explorer
class Slow:
    def __len__(self):
        return 100
    def __getitem__(self, index):
        while index == 40 and not Path({!r}).exists():
            time.sleep(0.02)
        return torch.rand(1, 9, 9) * index / 40, index % 2  # image 0 is black
torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
net[0].bias.data.fill_(-0.01)  # so that the whole layer is constant for image 0, and warned of
explorer = Explorer(net, Slow())
explorer
"""


def test_a_slow_answer_is_said_to_be_computed_and_moves_nothing(lab, tmp_path):
    may_come = tmp_path / "it may come"
    notebook = lab.open([SLOW.format(str(may_come))])
    notebook.ready(image=0)
    root = notebook.settled()
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
    may_come.touch()
    notebook.ready(image=40)
    expect(root).not_to_have_attribute("data-busy", "true")
    expect(busy).to_have_css("opacity", "0")
    expect(root.locator(".fs-activation .fs-warning")).to_have_text("")
    assert places(notebook) == before

"""The grid sorted by what matters for the image on screen: each filter's maximum, mean, effect on the prediction."""

import itertools
import json

import numpy as np
import pytest
from playwright.sync_api import expect

from axe import AXE, WCAG
from demo_page import THEMES, open_demo, set_width

pytestmark = pytest.mark.browser

# Each pass takes its time, so that leaving out 20 filters one by one does too.
SLOW = """
import time
from torch import nn
from filterscope import Explorer, demo
class Slow(nn.Module):
    def __init__(self):
        super().__init__()
        self.net, self.seconds = demo.fashion_net(), 0.0
    def forward(self, x):
        time.sleep(self.seconds)
        return self.net(x)
net = Slow()
explorer = Explorer(net, demo.fashion_test_data())
explorer.select(layer=1)
explorer
"""

NO_CLASSES = """
import torch
from torch import nn
from filterscope import Explorer
torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 1, 3))
explorer = Explorer(net, torch.rand(4, 1, 12, 12))
explorer
"""

VALUES = {
    "maximum": "explorer.session.engine.moment(explorer.image_index, 1).activations.max((1, 2)).tolist()",
    "mean": "explorer.session.engine.moment(explorer.image_index, 1).activations.mean((1, 2)).tolist()",
    "effect": "explorer.filter_effects().tolist()",
}


def order(notebook):
    return [int(part) for part in notebook.canvas("grid").get_attribute("data-order").split()]


def sort(root):
    return root.locator("select[name=grid-sort]")


def line(root):
    return root.locator(".fs-order")


def expect_order(notebook, by):
    """Wait until the grid stands in the order of Python's values."""
    values = notebook.python(VALUES[by])
    expected = sorted(range(len(values)), key=lambda index: (-np.float32(values[index]), index))
    expect(notebook.canvas("grid")).to_have_attribute("data-order", " ".join(map(str, expected)))
    return values, expected


def test_it_stands_in_the_order_of_pythons_values_at_every_image(lab):
    notebook, root = open_demo(lab, image=17, layer=1, filter=3)
    assert order(notebook) == list(range(20))
    expect(line(root)).to_be_hidden()
    orders = []
    for by in VALUES:
        sort(root).select_option(by)
        _, expected = expect_order(notebook, by)
        orders.append(expected)
        expect(line(root)).to_contain_text(f"(filter {expected[0]}) … ")
        expect(line(root)).to_contain_text(f"(filter {expected[-1]})")
        assert notebook.canvas("grid").get_attribute("data-labels") == "true"
    assert len({tuple(one) for one in [*orders, range(20)]}) == 4
    expect(line(root)).to_contain_text("Fall of the log-probability of Shirt without each filter, in nats: +")
    for image in (18, 19):
        notebook.slider("image").press("ArrowRight")
        notebook.ready(image=image, layer=1, filter=3)
        notebook.expect_in_step()
        expect_order(notebook, "effect")
        expect(root.locator(".fs-order:not(.fs-old)")).to_be_visible()
    # Another layer is sorted by the same.
    notebook.python("explorer.layer_index = 0; None")
    notebook.ready(image=19, layer=0)
    expect_order(notebook, "effect")
    sort(root).select_option("index")
    assert order(notebook) == list(range(10))
    expect(line(root)).to_be_hidden()


def test_by_keys_alone_it_is_sorted_and_gone_through(lab):
    notebook, root = open_demo(lab, image=17, layer=1, filter=3)
    sort(root).focus()
    for by in ("maximum", "mean", "effect"):
        sort(root).press("ArrowDown")
        expect(sort(root)).to_have_value(by)
    _, expected = expect_order(notebook, "effect")
    described = sort(root).get_attribute("aria-describedby")
    expect(root.locator(f"[id='{described}']")).to_contain_text("without each filter")
    grid = notebook.canvas("grid")
    grid.press("Home")
    grid.press("ArrowRight")
    assert int(grid.get_attribute("aria-valuenow")) == expected[1]
    assert ", effect on the prediction +" in grid.get_attribute("aria-valuetext")
    grid.press("Enter")
    notebook.ready(filter=expected[1])


def test_what_takes_longer_says_how_far_it_is_while_the_sliders_go_on(lab):
    notebook = lab.open([SLOW])
    root = notebook.ready(image=0, layer=1)
    notebook.settled()
    notebook.python("net.seconds = 1.0; explorer.session.examiner.net_copy().net.seconds = 1.0; None")
    sort(root).select_option("effect")
    expect(line(root)).to_contain_text("without each filter: ")
    expect(line(root)).to_contain_text(" of 20")
    notebook.python("net.seconds = 0.0; explorer.refresh(); None")  # pictures are quick, the copy's passes were not
    notebook.ready(image=0, layer=1)
    for image in (1, 2, 3):
        notebook.slider("image").press("ArrowRight")
        notebook.ready(image=image, layer=1)
    notebook.expect_in_step()
    expect_order(notebook, "effect")
    sort(root).select_option("index")
    assert order(notebook) == list(range(20))


def test_a_net_without_classes_says_so_and_one_filter_is_not_sorted(lab):
    notebook = lab.open([NO_CLASSES])
    root = notebook.ready(image=0, layer=0)
    sort(root).select_option("effect")
    expect(line(root)).to_contain_text("the net's output is not one score a class, so there is no prediction")
    assert order(notebook) == list(range(4))
    notebook.python("explorer.layer_index = 1; None")
    notebook.ready(image=0, layer=1)
    expect(sort(root)).to_be_hidden()
    expect(line(root)).to_be_hidden()


def test_after_a_diagnosis_it_is_the_one_list_to_sort_by(lab):
    notebook, root = open_demo(lab, image=17, layer=1, filter=3)
    sort(root).select_option("effect")
    expect_order(notebook, "effect")
    notebook.python("explorer.diagnose(images=300).wait(); None")
    root.locator("section.fs-verdicts[data-status=done][data-badges='20']").wait_for()
    assert sort(root).locator("option").evaluate_all("all => all.map(e => e.value)") == [
        *("index", "maximum", "mean", "effect", "verdict", "use", "name")
    ]
    _, expected = expect_order(notebook, "effect")
    expect(sort(root)).to_have_value("effect")
    root.locator("select[name=grid-show]").select_option("used")
    used = notebook.python("[f.filter for f in explorer.diagnosis.of_layer('conv2') if f.use == 'used']")
    assert order(notebook) == [index for index in expected if index in used] != []
    shown = root.locator(".fs-badges [data-badge]").evaluate_all("all => all.map(e => +e.dataset.badge)")
    assert shown == order(notebook)
    assert root.locator("select[name=grid-sort]").count() == 1


def test_axe_finds_nothing_and_nothing_sticks_out(lab):
    notebook, root = open_demo(lab, image=17, layer=1, filter=3)
    sort(root).select_option("effect")
    expect_order(notebook, "effect")
    notebook.page.evaluate(AXE.read_text())
    for theme, width in itertools.product(THEMES, (1600, 700, 400)):
        notebook.theme(theme)
        set_width(notebook, width)
        options = f"{{resultTypes: ['violations'], runOnly: {WCAG}}}"
        results = notebook.page.evaluate(f"() => axe.run('.fs-grid', {options})")
        found = [(v["id"], [node["html"] for node in v["nodes"]]) for v in results["violations"]]
        assert found == [], (theme, width, json.dumps(found)[:800])
        out = root.evaluate("""e => [...e.querySelectorAll('.fs-grid .fs-head *')].filter(n => n.getClientRects().length
            && n.getBoundingClientRect().right > e.getBoundingClientRect().right).map(n => n.className.toString())""")
        assert out == [], (theme, width)
        root.locator(".fs-grid").scroll_into_view_if_needed()
        notebook.screenshot(f"sorted-{theme}-{width}")
    expect(line(root)).to_contain_text("; filter 3: ")  # which a narrow grid's cells have no room for

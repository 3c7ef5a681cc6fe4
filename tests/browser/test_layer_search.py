"""A list of 300 layers: found by a part of a name, a kind or a size, by keyboard and by mouse."""

import pytest
from playwright.sync_api import expect

from demo_page import boxes

pytestmark = pytest.mark.browser

MANY = """
import torch
from torch import nn
from filterscope import Explorer
class Block(nn.Module):
    def __init__(self, k):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1, groups=4) if k % 100 == 50 else nn.Conv2d(4, 4, 1)
    def forward(self, x):
        return self.conv(x)
class Many(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(*(Block(k) for k in range(300)))
    def forward(self, x):
        return self.blocks(x).mean((2, 3))
torch.manual_seed(0)
explorer = Explorer(Many(), torch.rand(2, 4, 11, 11))
explorer
"""


@pytest.fixture(name="notebook")
def net_of_300_layers(lab):
    notebook = lab.open([MANY])
    notebook.ready(image=0, layer=0, filter=0)
    return notebook


def search(notebook):
    return notebook.widget().get_by_role("combobox", name="layer by name")


def rows(notebook):
    return notebook.widget().get_by_role("option").filter(has_text="·")


def title(notebook, layer):
    return notebook.python(f"explorer.layers[{layer}].title")


def test_a_layer_is_found_by_keyboard(notebook):
    field, keyboard = search(notebook), notebook.page.keyboard
    expect(field).to_have_value(title(notebook, 0))
    notebook.widget().locator("button[aria-label='next layer']").focus()
    keyboard.press("Tab")
    expect(field).to_be_focused()
    expect(rows(notebook)).to_have_count(0)  # passing by opens nothing
    keyboard.type("blocks.12")
    expect(rows(notebook)).to_have_count(11)  # 12 and 120 … 129
    keyboard.press("ArrowDown")
    keyboard.press("ArrowDown")
    active = field.get_attribute("aria-activedescendant")
    expect(notebook.page.locator(f"#{active}")).to_have_text(title(notebook, 121))
    keyboard.press("Enter")
    notebook.ready(layer=121)
    notebook.expect_python("explorer.layer.name", "blocks.121.conv")
    expect(field).to_have_value(title(notebook, 121))
    expect(field).to_be_focused()
    expect(rows(notebook)).to_have_count(0)
    keyboard.type("depthwise 3x3")
    expect(rows(notebook)).to_have_count(3)
    keyboard.press("Escape")
    expect(rows(notebook)).to_have_count(0)
    expect(field).to_have_value(title(notebook, 121))
    notebook.ready(layer=121)
    keyboard.press("ArrowDown")
    expect(rows(notebook)).to_have_count(300)
    keyboard.press("PageDown")
    keyboard.press("Enter")
    notebook.ready(layer=131)
    keyboard.press("Escape")
    expect(field).not_to_be_focused()
    assert notebook.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell").count() == 1


def test_a_layer_is_found_by_mouse(notebook):
    field = search(notebook)
    notebook.python("explorer.layer_index = 200")
    notebook.ready(layer=200)
    field.click()
    expect(rows(notebook)).to_have_count(300)
    expect(rows(notebook).nth(200)).to_be_in_viewport()  # the list opens where the layer is
    expect(rows(notebook).nth(200)).to_have_attribute("aria-selected", "true")
    rows(notebook).nth(203).click()
    notebook.ready(layer=203)
    notebook.expect_python("explorer.layer_index", 203)
    field.fill("CONV2D(4→4, 1x1) 29")
    expect(rows(notebook)).to_have_count(13)  # 29, 129, 229 and 290 … 299
    field.fill("no such layer")
    expect(notebook.widget().get_by_text("no layer matches")).to_be_visible()
    notebook.canvas("grid").click(position={"x": 2, "y": 2})
    expect(notebook.widget().get_by_text("no layer matches")).to_have_count(0)
    expect(field).to_have_value(title(notebook, 203))
    notebook.ready(layer=203)


INTO_SHADOW = """root => {
    const host = document.createElement('div');
    root.parentElement.append(host);
    const styles = [...document.querySelectorAll('style')].filter(s => s.textContent.includes('.fs-search'));
    host.attachShadow({mode: 'open'}).append(...styles.map(s => s.cloneNode(true)), root);
}"""


def test_a_layer_is_found_in_a_shadow_root(notebook):
    """As marimo shows widgets: no id, and no place on the page, may be looked up in the document."""
    root = notebook.widget()
    root.evaluate(INTO_SHADOW)
    notebook.settled()
    field, keyboard = search(notebook), notebook.page.keyboard
    field.focus()
    keyboard.type("blocks.7")
    expect(rows(notebook)).to_have_count(11)
    place, shown = boxes(field, root.locator(".fs-matches"))
    assert shown["y"] == pytest.approx(place["y"] + place["height"], abs=2)
    assert shown["x"] == pytest.approx(place["x"], abs=1)
    keyboard.press("ArrowDown")
    keyboard.press("Enter")
    notebook.ready(layer=70)
    field.click()
    rows(notebook).nth(72).click()
    notebook.ready(layer=72)
    notebook.expect_python("explorer.layer_index", 72)

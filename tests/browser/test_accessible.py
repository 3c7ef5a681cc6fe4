"""For everybody: axe-core in every state, every control and the whole tour by keyboard, no motion, high contrast."""

import itertools

import cv2
import numpy as np
import pytest
from playwright.sync_api import expect

from axe import AXE, WCAG
from demo_page import DEMO, PICTURES, THEMES, at_pixel, lay_out, open_demo, set_width
from expected import colours
from tour import activations, shows

pytestmark = pytest.mark.browser

WITH_ERRORS = """
import torch
from torch import nn
from filterscope import Explorer
class Data:
    classes = ["dark", "light"]
    def __len__(self):
        return 40
    def __getitem__(self, index):
        if index == 3:
            raise OSError("disk on fire")
        return torch.rand(1, 12, 12), index % 2
torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
net(torch.rand(1, 1, 12, 12))
explorer = Explorer(net, Data())
explorer
"""


def violations(notebook):
    found = notebook.page.evaluate(f"() => axe.run('.filterscope', {{runOnly: {WCAG}, resultTypes: ['violations']}})")
    assert "color-contrast" in [rule["id"] for rule in found["passes"]]
    return [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found["violations"]]


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_in_any_state(lab, theme):
    notebook = lab.open([WITH_ERRORS])
    root = notebook.ready(image=0)
    notebook.theme(theme)
    notebook.page.evaluate(AXE.read_text())
    strip = root.locator("[data-strip]")

    # A filter on the strip: some are left, then perhaps none.
    for mark in ("wrong", "right"):
        root.get_by_role("combobox", name="prediction").select_option(f"{mark} only")
        strip.and_(notebook.page.locator("[data-ready=true]")).wait_for()
        assert violations(notebook) == [], mark
    root.get_by_role("combobox", name="class").select_option("light")
    strip.and_(notebook.page.locator("[data-ready=true]")).wait_for()
    assert violations(notebook) == []
    # The layer search, open over the pictures.
    root.get_by_role("combobox", name="layer by name").fill("conv")
    assert violations(notebook) == []
    notebook.page.keyboard.press("Escape")
    # A sample that cannot be read.
    notebook.python("explorer.image_index = 3")
    expect(root.locator(".fs-alert")).to_contain_text("disk on fire")
    for width in (1200, 400, 240):
        lay_out(notebook, width)
        strip.and_(notebook.page.locator("[data-ready=true]")).wait_for()
        assert violations(notebook) == [], width


def tab_to(notebook, name, key="Tab"):
    """Press Tab until that control has the focus, as it must be seen to."""
    for _ in range(40):
        notebook.page.keyboard.press(key)
        found = notebook.page.evaluate(FOCUS)
        if found and found[0] == name:
            assert found[1], f"the focus on {name} is not seen"
            return
    raise AssertionError(f"{name} is not reached by {key}")


def test_the_whole_tour_by_keyboard_alone(lab):
    notebook = lab.open([DEMO, "'the next cell'"])
    root = notebook.ready(image=0)
    root.locator("[data-strip][data-ready=true]").wait_for()  # before that the arrows find no image
    press = notebook.page.keyboard.press
    root.locator("input, button, select, [tabindex='0']").first.focus()
    press("Shift+Tab")
    assert notebook.page.evaluate(FOCUS) is None  # before the widget
    thumbs = root.locator(".fs-thumbs")
    for _ in range(10):
        press("Tab")
        if thumbs.evaluate("e => e === document.activeElement"):
            break
    press("ArrowRight")
    press("ArrowRight")
    press("Enter")
    shows(notebook, 2, 0, 0)
    tab_to(notebook, "image")
    press("ArrowRight")
    shows(notebook, 3, 0, 0)
    tab_to(notebook, "layer")
    press("ArrowUp")
    shows(notebook, 3, 1, 0)
    tab_to(notebook, "layer-name")
    notebook.page.keyboard.type("conv1")
    press("Enter")
    shows(notebook, 3, 0, 0)
    tab_to(notebook, "filter")
    press("ArrowRight")
    shows(notebook, 3, 0, 1)
    tab_to(notebook, "source")
    press("ArrowDown")
    notebook.expect_python("explorer.source", "image")
    tab_to(notebook, "palette")
    press("g")  # gray
    expect(root.locator("select[name=palette]")).to_have_value("gray")
    tab_to(notebook, "activation")
    press("ArrowDown")
    press("Enter")
    expect(root.locator(".fs-activation .fs-readout")).to_contain_text("row")
    press("Escape")
    tab_to(notebook, "grid")
    press("ArrowRight")
    press("ArrowRight")
    press("Enter")
    notebook.ready(image=3, layer=0, filter=3)
    # Out at the end, and back in.
    for _ in range(10):
        press("Tab")
        if notebook.page.evaluate(FOCUS) is None:
            break
    else:
        raise AssertionError("the widget keeps the focus")
    tab_to(notebook, "grid", "Shift+Tab")


def test_nothing_moves_by_itself(lab):
    """Also where nobody asked for reduced motion: there is nothing to reduce."""
    _, root = open_demo(lab, image=2, layer="conv2", filter=3)
    moving = root.evaluate(
        """root => [root, ...root.querySelectorAll('*')].flatMap(element => ['', '::before', '::after'].map(part => {
            const style = getComputedStyle(element, part || null);
            const times = `${style.transitionDuration}, ${style.animationDuration}`.split(',').map(parseFloat);
            const still = Math.max(...times) <= 0.001 && style.scrollBehavior === 'auto';
            return still ? null : element.outerHTML.slice(0, 80);
        })).filter(Boolean)"""
    )
    assert moving == []


def test_high_contrast_of_the_system_leaves_what_stands_for_numbers(lab):
    notebook, root = open_demo(lab, image=2, layer="conv2", filter=3)
    notebook.canvas("response").click()
    notebook.page.emulate_media(forced_colors="active")
    try:
        expect(root).to_have_css("forced-color-adjust", "auto")
        marker = root.locator(".fs-response .fs-marker")
        assert marker.evaluate("e => getComputedStyle(e).boxShadow") != "none"
        maps = activations(2, 1)
        assert np.array_equal(notebook.canvas_pixels("activation")[..., :3], colours(maps[3], of=maps))
        bar = cv2.imdecode(np.frombuffer(root.locator(".fs-response .fs-bar").screenshot(), np.uint8), cv2.IMREAD_COLOR)
        row = bar[bar.shape[0] // 2, :, ::-1].astype(int)
        assert row[4, 2] > row[4, 0] + 50  # blue below zero
        assert row[-4, 0] > row[-4, 2] + 50  # red above
        fill = root.locator(".fs-fill").first
        assert fill.evaluate("e => getComputedStyle(e).backgroundColor") not in (
            "rgba(0, 0, 0, 0)",
            "rgb(255, 255, 255)",
        )
        notebook.screenshot("high_contrast")
    finally:
        notebook.page.emulate_media(forced_colors="none")


def test_axe_finds_nothing(lab):
    assert AXE.is_file(), "axe-core is missing: run `npm ci` in js/"
    notebook, root = open_demo(lab, image=2, layer="conv2", filter=3)
    notebook.page.evaluate(AXE.read_text())
    # The first image whose prediction is wrong, and a mark on a pixel.
    notebook.canvas("response").click(position=at_pixel(notebook, "response", 2, 2))
    for theme, width in itertools.product(THEMES, (1000, 400)):
        notebook.theme(theme)
        set_width(notebook, width)
        results = notebook.page.evaluate("() => axe.run('.filterscope', {resultTypes: ['violations']})")
        found = [(v["id"], [node["html"] for node in v["nodes"]]) for v in results["violations"]]
        assert found == [], (theme, width)
        assert "color-contrast" in [rule["id"] for rule in results["passes"]]
        # The list of layers, open: with matches, and without.
        layers = root.get_by_role("combobox", name="layer by name")
        for typed in ("conv", "no such layer"):
            layers.fill(typed)
            results = notebook.page.evaluate("() => axe.run('.fs-search', {resultTypes: ['violations']})")
            assert [(v["id"], v["nodes"][0]["html"]) for v in results["violations"]] == [], typed
        layers.press("Escape")


FOCUS = """() => {
    const element = document.activeElement;
    if (!element.closest('.filterscope')) return null;
    const shown = getComputedStyle(element.dataset.focusOn ? element.querySelector(element.dataset.focusOn) : element);
    const name = element.name || element.dataset.view || element.getAttribute('aria-label') || element.className;
    return [name, shown.outlineStyle !== 'none' && parseFloat(shown.outlineWidth) >= 2];
}"""


def test_tab_reaches_every_control_and_the_focus_is_seen(lab):
    notebook, root = open_demo(lab, image=2, layer="conv1", filter=3)
    root.locator("input, button, select, [tabindex='0']").first.focus()
    notebook.page.keyboard.press("Shift+Tab")
    reached = []
    for _ in range(60):
        notebook.page.keyboard.press("Tab")
        found = notebook.page.evaluate(FOCUS)
        if found is None and reached:
            break
        if found is not None:
            reached.append(found)
    names = [name for name, _ in reached]
    sliders = [
        part
        for name in ("image", "layer", "filter")
        for part in (name, f"previous {name}", f"{name}-number", f"next {name}")
    ]
    sliders.insert(sliders.index("next layer") + 1, "layer-name")
    wanted = [*sliders, "source", "channel", "scale", "palette", *PICTURES, "grid-sort", "grid-map", "grid"]
    assert [name for name in names if name in wanted] == wanted
    assert [name for name, seen in reached if not seen and name in wanted] == []

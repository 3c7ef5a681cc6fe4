"""Palettes, JupyterLab's themes, widths, and sharp pixels at any zoom."""

import numpy as np
import pytest
from playwright.sync_api import expect

from demo_page import PICTURES, THEMES, open_demo, set_width
from expected import ANCHORS, colours, rgb

pytestmark = pytest.mark.browser


# Colours


def test_every_palette(lab):
    notebook, root = open_demo(lab, image=4, layer="conv2", filter=6)
    root.locator("select[name=scale]").select_option("map")
    notebook.ready()
    activation, response = (
        np.array(notebook.python(f"explorer.{view}.tolist()")) for view in ("activation", "response")
    )
    assert activation.min() >= 0 > response.min()

    def shows(view, values, palette):
        found = notebook.canvas_pixels(view)[..., :3]
        assert np.array_equal(found, colours(values, palette=palette)), f"{view}, {palette}"

    for chosen, positive, signed in (
        ("gray", "gray", "gray"),
        ("sequential", "sequential", "sequential"),
        ("auto", "sequential", "diverging"),
    ):
        root.locator("select[name=palette]").select_option(chosen)
        shows("activation", activation, positive)
        shows("response", response, signed)
    root.locator("select[name=palette]").select_option("diverging")
    shows("response", response, "diverging")
    # Where nothing is negative: the upper half, as it would be on the range from −maximum to maximum.
    white, darkest = (rgb(ANCHORS["diverging"][place]) for place in (6, 12))
    found = notebook.canvas_pixels("activation")[..., :3]
    assert (found[activation == 0] == white).all()
    assert (found[activation == activation.max()] == darkest).all()
    bar = root.locator(".fs-activation .fs-bar").evaluate("e => getComputedStyle(e).backgroundImage")
    assert bar.count("rgb(") == 7


JUPYTERLABS = """() => {
    const probe = document.createElement('div');
    probe.style.cssText = 'background: var(--jp-layout-color0); color: var(--jp-content-font-color1)';
    document.body.append(probe);
    const {backgroundColor, color} = getComputedStyle(probe);
    probe.remove();
    return [backgroundColor, color];
}"""


def test_background_text_and_lists_follow_jupyterlabs_theme(lab):
    notebook, root = open_demo(lab, image=0)
    seen = []
    for theme in (*THEMES, THEMES[0]):
        notebook.theme(theme)
        background, text = notebook.page.evaluate(JUPYTERLABS)
        expect(root).to_have_css("background-color", background)
        expect(root).to_have_css("color", text)
        expect(root).to_have_css("color-scheme", theme.removeprefix("JupyterLab ").lower())
        seen.append((background, text))
    assert seen[0] == seen[2] != seen[1]


# Widths


OVERFLOWING = """root => {
    const edge = root.getBoundingClientRect();
    const inside = [...root.querySelectorAll('*')].filter(e => !e.closest('.fs-live, option'));
    const out = inside.filter(e => {
        const {left, right, width} = e.getBoundingClientRect();
        return width > 0 && (left < edge.left - 0.5 || right > edge.right + 0.5);
    });
    return [root.scrollWidth <= root.clientWidth, out.map(e => e.outerHTML.slice(0, 80))];
}"""


def test_nothing_is_wider_than_the_widget(lab):
    notebook, root = open_demo(lab, image=0, layer="conv2", filter=6)
    for width in (180, 220, 300, 400, 560, 700, 768, 1000, 1240, 1600):
        set_width(notebook, width)
        assert root.evaluate(OVERFLOWING) == [True, []], width
        for view in PICTURES:
            assert notebook.canvas(view).bounding_box()["width"] >= 130, (view, width)  # of a readable size


GRID_IS_SHARP = """ratio => {
    const canvas = document.querySelector('canvas[data-view=grid]');
    return devicePixelRatio === ratio && Math.abs(canvas.width / canvas.clientWidth - ratio) < 0.02;
}"""


def test_zoomed_in_every_value_is_a_block_of_whole_device_pixels(lab):
    notebook, root = open_demo(lab, image=0, layer="conv1", filter=6)
    session = notebook.page.context.new_cdp_session(notebook.page)
    try:
        for ratio, width in ((1.25, 1120), (2, 700), (3, 1000)):  # zoom 125 %, zoom 200 %, a dense screen
            size = {"width": width, "height": 600}
            session.send("Emulation.setDeviceMetricsOverride", {**size, "deviceScaleFactor": ratio, "mobile": False})
            notebook.page.wait_for_function(GRID_IS_SHARP, arg=ratio)
            notebook.laid_out()  # the width may come behind the ratio
            assert root.evaluate(OVERFLOWING) == [True, []], ratio
            for view in PICTURES:
                width, columns = notebook.canvas(view).evaluate(
                    "e => [parseFloat(e.parentElement.style.width), e.width]"
                )
                block = width * ratio / columns
                assert block == pytest.approx(round(block), abs=1e-6)
                assert block >= 1
    finally:
        session.send("Emulation.clearDeviceMetricsOverride")
        session.detach()

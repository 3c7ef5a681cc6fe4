"""Every slider, by mouse, by keys, by its buttons and its number: the trait in Python and the pixels follow."""

import numpy as np
import pytest
from playwright.sync_api import expect

from expected import colours

pytestmark = pytest.mark.browser

DEMO = """
from filterscope import Explorer, demo
explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
explorer
"""
INDICES = "[explorer.image_index, explorer.layer_index, explorer.filter_index]"


def shows(notebook, image, layer, filter):
    """Waits for that selection on the page and in Python, and compares the activation's pixels with Python's array."""
    notebook.ready(image=image, layer=layer, filter=filter)
    notebook.expect_python(INDICES, [image, layer, filter])
    activation, of = notebook.python(
        "[explorer.activation.tolist(),"
        " [explorer.session.engine.moment(explorer.image_index, explorer.layer_index).activation(f).tolist()"
        " for f in range(explorer.layer.out_channels)]]"
    )
    assert np.array_equal(notebook.canvas_pixels("activation")[..., :3], colours(activation, of=of))


def test_each_slider_dragged_by_mouse(lab):
    notebook = lab.open([DEMO])
    notebook.ready(image=0, layer=0, filter=0)
    filter = notebook.drag("filter", 0.5)
    assert 3 <= filter <= 6
    shows(notebook, 0, 0, filter)
    layer = notebook.drag("layer", 1.0)
    assert layer == 1
    shows(notebook, 0, 1, filter)
    image = notebook.drag("image", 0.3, steps=40)
    assert 2_000 < image < 4_000
    shows(notebook, image, 1, filter)
    assert notebook.drag("filter", 1.0) == 19
    shows(notebook, image, 1, 19)
    # Back to the layer with fewer filters: the filter is clamped.
    assert notebook.drag("layer", 0.0) == 0
    shows(notebook, image, 0, 9)


def test_keys_on_a_focused_slider(lab):
    notebook = lab.open([DEMO])
    notebook.ready(image=0, layer=0, filter=0)
    for name, presses, expected in [
        ("image", ["ArrowRight"] * 60, (60, 0, 0)),  # a burst ends at its last value
        ("image", ["ArrowLeft", "ArrowUp", "ArrowUp"], (61, 0, 0)),
        ("image", ["End"], (9999, 0, 0)),
        ("image", ["Home"], (0, 0, 0)),
        ("filter", ["ArrowRight"] * 7, (0, 0, 7)),
        ("layer", ["ArrowRight", "ArrowRight"], (0, 1, 7)),
        ("filter", ["End"], (0, 1, 19)),
        ("filter", ["ArrowDown"], (0, 1, 18)),
        ("filter", ["a", "b", "d", "d", "x", "m"], (0, 1, 18)),  # commands of JupyterLab's
    ]:
        for key in presses:
            notebook.slider(name).press(key)
        shows(notebook, *expected)
    # JupyterLab took none of these keys for itself: the cell is still the only one, and not in edit mode.
    assert notebook.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell").count() == 1
    expect(notebook.slider("filter")).to_be_focused()
    assert notebook.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell").count() == 1
    assert notebook.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell").count() == 1


def test_buttons_and_typed_numbers(lab):
    notebook = lab.open([DEMO])
    root = notebook.ready(image=0, layer=0, filter=0)
    root.get_by_role("button", name="next image").click()
    root.get_by_role("button", name="next layer").click()
    root.get_by_role("button", name="next filter").click()
    shows(notebook, 1, 1, 1)
    root.get_by_role("button", name="previous image").click()
    shows(notebook, 0, 1, 1)
    number = root.locator("input[name=image-number]")
    number.fill("1234")
    number.press("Enter")
    shows(notebook, 1234, 1, 1)
    number.fill("999999")  # beyond the last: taken to the last, not refused
    number.press("Enter")
    shows(notebook, 9999, 1, 1)


# What a turn of the wheel does comes some time behind it.
COUNT_WHEELS = """() => {
    window.wheels = 0;
    document.addEventListener('wheel', () => { window.wheels += 1 }, {passive: true});
}"""


def test_the_wheel_moves_a_slider_only_while_it_has_the_focus(lab):
    notebook = lab.open([DEMO])
    notebook.ready(image=0)
    slider = notebook.slider("image")
    slider.hover()
    notebook.page.evaluate(COUNT_WHEELS)
    notebook.page.mouse.wheel(0, 100)
    notebook.page.wait_for_function("window.wheels > 0")
    notebook.ready(image=0)
    notebook.expect_python("explorer.image_index", 0)
    slider.focus()
    slider.hover()  # the notebook may have scrolled under the pointer
    notebook.page.mouse.wheel(0, 100)
    expect(slider).not_to_have_value("0")
    moved = int(slider.input_value())
    assert 0 < moved <= 3
    shows(notebook, moved, 0, 0)


def test_a_click_in_the_grid_selects_and_so_do_its_keys(lab):
    notebook = lab.open([DEMO])
    notebook.ready(image=0, layer=0, filter=0)
    canvas = notebook.canvas("grid")
    data = canvas.evaluate("e => ({...e.dataset})")
    row, column = divmod(6, int(data["columns"]))
    width, height = float(data["cellWidth"]), float(data["cellHeight"])
    canvas.click(position={"x": (column + 0.5) * width, "y": (row + 0.5) * height})
    shows(notebook, 0, 0, 6)
    canvas.press("ArrowRight")
    notebook.expect_python("explorer.filter_index", 6)  # the cursor moves, the selection waits
    canvas.press("Enter")
    shows(notebook, 0, 0, 7)


def test_channel_and_source_are_chosen_on_the_page(lab):
    notebook = lab.open([DEMO])
    root = notebook.ready(image=0, layer=0, filter=0)
    notebook.python("explorer.select(layer='conv2', filter=2); None")
    notebook.ready(layer=1, filter=2)
    root.locator("[name=channel]").select_option("4")
    notebook.expect_python("explorer.channel", 4)
    root.locator("select[name=source]").select_option("image")
    notebook.expect_python("explorer.source", "image")
    notebook.ready(layer=1, filter=2)
    response, of = notebook.python(
        "[explorer.response.tolist(),"
        " explorer.session.engine.moment(0, 1).responses.of_all_filters(4, 'image').tolist()]"
    )
    assert np.array_equal(notebook.canvas_pixels("response")[..., :3], colours(response, of=of))
    expect(root).to_contain_text("kernel 4 of 10")
    root.locator("[name=channel]").select_option(index=0)
    notebook.expect_python("explorer.channel", None)

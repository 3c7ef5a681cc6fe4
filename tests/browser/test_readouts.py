"""The values under the pictures, by pointer and by keys: those of Python, in full."""

import numpy as np
import pytest
from playwright.sync_api import expect

from demo_page import as_number, at_pixel, boxes, open_demo, readout

pytestmark = pytest.mark.browser


def test_keys_step_the_pixel_of_a_focused_picture(lab):
    notebook, _ = open_demo(lab, image=4, layer="conv1", filter=6)
    response = np.array(notebook.python("explorer.response.tolist()"), np.float32)
    canvas = notebook.canvas("response")
    canvas.focus()
    for _ in range(30):
        canvas.press("ArrowUp")
        canvas.press("ArrowLeft")
    assert readout(notebook, "response")[0] == "row 0, col 0"
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown"):
        canvas.press(key)
    where, value = readout(notebook, "response")
    assert where == "row 2, col 3"
    assert as_number(value) == response[2, 3]
    assert canvas.get_attribute("aria-valuetext") == f"{where}: {value}"
    assert notebook.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell").count() == 1
    expect(canvas).to_be_focused()
    canvas.press("Escape")
    assert "row" not in readout(notebook, "response")[0]


# Readouts


def test_the_value_under_the_pointer_is_pythons_in_full(lab):
    notebook, _ = open_demo(lab, image=4, layer="conv2", filter=6, channel=2)
    for view in ("kernel", "response", "activation"):
        values = notebook.python(f"explorer.{view}.tolist()")
        values = np.array(values[2] if view == "kernel" else values, np.float32)
        before = notebook.canvas_pixels(view)
        for row, column in ((0, 0), (1, 2), (values.shape[0] - 1, values.shape[1] - 1)):
            notebook.canvas(view).hover(position=at_pixel(notebook, view, row, column))
            where, value = readout(notebook, view)
            assert where == f"row {row}, col {column}"
            assert as_number(value) == values[row, column]
        assert np.array_equal(notebook.canvas_pixels(view), before)  # the marker is not drawn into it
    display = np.array(notebook.python("explorer.display.tolist()"))
    notebook.canvas("image").hover(position=at_pixel(notebook, "image", 20, 12))
    assert readout(notebook, "image") == ["row 20, col 12", f"{round(display[20, 12] * 255)}/255"]
    notebook.page.mouse.move(0, 0)
    assert readout(notebook, "image")[0] == "values"


def test_a_click_pins_a_pixel_and_it_is_followed_from_filter_to_filter(lab):
    notebook, _ = open_demo(lab, image=4, layer="conv2", filter=6)
    canvas = notebook.canvas("response")
    canvas.click(position=at_pixel(notebook, "response", 3, 5))
    canvas.hover(position=at_pixel(notebook, "response", 8, 8))
    notebook.page.mouse.move(0, 0)
    for filter in (6, 7, 8):
        notebook.python(f"explorer.filter_index = {filter}")
        notebook.ready(filter=filter)
        response, activation, bias = notebook.python(
            f"[explorer.response[3, 5], explorer.activation[3, 5], explorer.layer.bias[{filter}]]"
        )
        assert readout(notebook, "response")[0] == "row 3, col 5"
        assert as_number(readout(notebook, "response")[1]) == np.float32(response)
        # The activation shows the same pixel, for the eye to compare; conv2 is followed by a ReLU alone.
        assert as_number(readout(notebook, "activation")[1]) == np.float32(activation)
        assert activation == pytest.approx(max(0, response + bias), abs=1e-5)
    marker = notebook.widget().locator(".fs-response .fs-marker")
    box, canvas_box = boxes(marker, canvas)
    assert box["x"] + box["width"] / 2 == pytest.approx(canvas_box["x"] + canvas_box["width"] * 5.5 / 11, abs=1)
    assert box["y"] + box["height"] / 2 == pytest.approx(canvas_box["y"] + canvas_box["height"] * 3.5 / 11, abs=1)
    canvas.press("Escape")
    assert readout(notebook, "response")[0] == "values"
    expect(marker).to_be_hidden()
    canvas.click(position=at_pixel(notebook, "response", 3, 5))
    canvas.click(position=at_pixel(notebook, "response", 3, 5))
    notebook.page.mouse.move(0, 0)
    assert readout(notebook, "response")[0] == "values"


def test_a_click_on_one_of_many_kernels_shows_its_channel(lab):
    notebook, root = open_demo(lab, image=4, layer="conv2", filter=6)
    notebook.canvas("kernel").hover(position=at_pixel(notebook, "kernel", 5, 10))  # row 1 of tiles, column 2
    where, value = readout(notebook, "kernel")
    assert where == "channel 6 (1, 2)"
    assert as_number(value) == np.float32(notebook.python("float(explorer.kernel[6, 1, 2])"))
    notebook.canvas("kernel").click(position=at_pixel(notebook, "kernel", 5, 10))
    notebook.expect_python("explorer.channel", 6)
    notebook.ready(layer=1, filter=6)
    expect(root.locator("select[name=channel]")).to_have_value("6")
    assert notebook.canvas_pixels("kernel").shape == (3, 3, 4)


def test_what_filter2d_and_the_net_compute_is_said_to_agree(lab):
    notebook, root = open_demo(lab, image=4, layer="conv2", filter=6)
    words = root.locator(".fs-response .fs-notes")
    bias = notebook.python("float(explorer.layer.bias[6])")
    sign = "−" if bias < 0 else "+"
    expect(words).to_contain_text(f"response {sign} bias {abs(bias):.3g} = the net's pre-activation")
    root.locator("select[name=channel]").select_option("3")
    expect(words).not_to_contain_text("pre-activation")
    expect(root).to_contain_text("Over channel 3 of what conv2 is given")
    root.locator("select[name=source]").select_option("image")
    expect(root).to_contain_text("The classic notebook technique")

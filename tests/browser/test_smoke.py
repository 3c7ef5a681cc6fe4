"""The harness itself: JupyterLab opens, a cell runs, and a widget's value goes both ways."""

import numpy as np
import pytest
from playwright.sync_api import expect

from lab_server import PythonError
from patience import MILLISECONDS

pytestmark = pytest.mark.browser

SLIDER = """
import ipywidgets
slider = ipywidgets.IntSlider(value=3, min=0, max=10, description="smoke")
slider
"""
# A widget with the page contract's names and nothing behind them: the harness is tested before, and apart from, ours.
STAND_IN = """
import anywidget, traitlets
class StandIn(anywidget.AnyWidget):
    _esm = '''
    export default { render({ model, el }) {
        const root = document.createElement("div");
        root.className = "filterscope";
        root.innerHTML = `<input type=range name=image min=0 max=20 data-lm-suppress-shortcuts=true>
            <canvas data-view=kernel width=3 height=2></canvas>`;
        const [slider, canvas] = root.children;
        const paint = () => {
            const image = model.get("image_index");
            const context = canvas.getContext("2d");
            context.fillStyle = `rgb(255 128 ${image})`;
            context.fillRect(1, 0, 1, 1);
            slider.value = image;
            Object.assign(root.dataset, { image, ready: true, panels: true });
        };
        slider.oninput = () => { model.set("image_index", +slider.value); model.save_changes(); };
        model.on("change:image_index", paint);
        el.append(root);
        paint();
    } };
    '''
    image_index = traitlets.Int(5).tag(sync=True)
stand_in = StandIn()
stand_in
"""


def test_a_slider_moved_by_keyboard_moves_in_python_and_back(lab):
    notebook = lab.open([SLIDER])
    handle = notebook.page.locator(".widget-slider .noUi-handle")
    handle.focus()
    handle.press("ArrowRight")
    expect(notebook.page.locator(".widget-readout")).to_have_text("4")
    notebook.expect_python("slider.value", 4)

    notebook.python("slider.value = 9")
    expect(notebook.page.locator(".widget-readout")).to_have_text("9")


def pixels(image):
    expected = np.zeros((2, 3, 4), np.uint8)
    expected[0, 1] = (255, 128, image, 255)
    return expected


def test_the_helpers_find_drag_and_read_a_widget(lab):
    notebook = lab.open([STAND_IN])
    notebook.ready(image=5)
    np.testing.assert_array_equal(notebook.canvas_pixels("kernel"), pixels(5))

    assert notebook.drag("image", 0.75) == 15
    notebook.ready(image=15)
    notebook.expect_python("stand_in.image_index", 15)
    notebook.slider("image").press("ArrowLeft")
    notebook.ready(image=14)
    notebook.expect_python("stand_in.image_index", 14)

    notebook.python("stand_in.image_index = 0")
    notebook.ready(image=0)
    np.testing.assert_array_equal(notebook.canvas_pixels("kernel"), pixels(0))
    assert notebook.drag("image", 1.0) == 20
    assert notebook.drag("image", 0.0) == 0


def test_ready_says_what_is_there_instead(lab):
    notebook = lab.open([STAND_IN])
    notebook.page.set_default_timeout(500)
    try:
        with pytest.raises(AssertionError, match=r"data-image=.6.*'image': '5'"):
            notebook.ready(image=6)
    finally:
        notebook.page.set_default_timeout(MILLISECONDS)


def test_the_theme_switches(lab):
    notebook = lab.open(["1"])
    background = "() => getComputedStyle(document.body).getPropertyValue('--jp-layout-color0').trim()"
    light = notebook.page.evaluate(background)
    notebook.theme("JupyterLab Dark")
    assert notebook.page.evaluate(background) != light


def test_a_reload_and_a_second_tab_show_the_same_kernel(lab):
    notebook = lab.open([SLIDER])
    notebook.python("slider.value = 7")
    readout = notebook.page.locator(".widget-readout")
    expect(readout).to_have_text("7")
    notebook.reload()
    expect(readout).to_have_text("7")

    tab = notebook.another_tab()
    expect(tab.page.locator(".widget-readout")).to_have_text("7")
    notebook.python("slider.value = 2")
    expect(readout).to_have_text("2")
    expect(tab.page.locator(".widget-readout")).to_have_text("2")


def test_python_returns_values_and_raises_the_kernels_errors(lab):
    notebook = lab.open(["answer = 42"])
    assert notebook.python("import numpy\nnumpy.arange(answer - 40, dtype='float32')") == [0.0, 1.0]
    assert notebook.python("answer += 1") is None
    assert notebook.python("answer") == 43
    notebook.expect_python("answer", 43)
    with pytest.raises(AssertionError, match="answer is 43, not 44"):
        notebook.expect_python("answer", 44, limit=0)
    with pytest.raises(PythonError, match="ZeroDivisionError"):
        notebook.python("1 / 0")
    with pytest.raises(PythonError, match="NameError"):
        notebook.python("missing = nothing\nmissing")


def test_what_goes_wrong_in_the_page_is_noticed(lab):
    notebook = lab.open(["1"])
    with notebook.page.expect_event("pageerror"):
        notebook.page.evaluate("() => { console.error('said on purpose') }")
        notebook.page.evaluate("() => { setTimeout(() => { throw Error('thrown on purpose') }) }")
    problems = "\n".join(lab.problems())
    assert "said on purpose" in problems
    assert "thrown on purpose" in problems
    lab.allow("on purpose")
    assert lab.problems() == []

    with pytest.raises(AssertionError, match="raised on purpose"):
        lab.open(["raise RuntimeError('raised on purpose')"])

"""The explorer in VS Code's own widget manager: it renders, moves both ways, keeps its keys, and follows the theme."""

import numpy as np
import pytest
from playwright.sync_api import expect

from tour import CELL, STEPS, as_pixels, faint_texts, follows_theme, luminance, rgb, shows, tour

pytestmark = pytest.mark.browser

DEMO = f"{CELL}\n"
BESIDE = """
from ipywidgets import HTML, Accordion, Button, Checkbox, Dropdown, HBox, IntSlider, Label, Text, ToggleButton, VBox
controls = [Button(description="next mistake"), Label("before → after training"), Dropdown(options=["a", "b"])]
more = [Text("typed"), Checkbox(description="all"), ToggleButton(description="on"), IntSlider(description="epoch")]
VBox([HBox(controls), HBox([*more, HTML("<b>words</b>")]), Accordion([Label("inside")], titles=["more"]), explorer])
"""
WHITE = "rgb(255, 255, 255)"


@pytest.fixture
def vscode(vscode_for_the_run, request):
    """VS Code's widget manager in a page. Anything wrong on the console or outside this machine fails the test."""
    host = vscode_for_the_run
    failures = request.session.testsfailed
    yield host
    problems = host.problems()
    if problems or request.session.testsfailed > failures:
        print(f"screenshots: {host.screenshot_pages(request.node.name)}")
    host.tidy()
    assert not problems, "\n".join(problems)


def test_it_renders_as_high_as_it_needs_and_shows_what_python_says(vscode):
    opened = vscode.open(DEMO)
    root = opened.ready(image=0, layer=0, filter=0)
    shows(opened, 0, 0, 0)
    # The page's window is 11,000 px tall: nothing may be laid out by it.
    assert opened.page.evaluate("innerHeight") == 11_000
    assert 500 < root.bounding_box()["height"] < 2_000
    # VS Code's messenger may say twice what has not changed.
    opened.page.evaluate("id => host.changeNothing(id)", opened.python("explorer.model_id"))
    shows(opened, 0, 0, 0)


def test_keys_move_the_focused_slider_again_and_again(vscode):
    opened = vscode.open(DEMO)
    opened.ready(image=0, layer=0, filter=0)
    opened.slider("image").focus()
    at = 0
    for key, step in [("ArrowRight", 1), ("ArrowUp", 1), ("ArrowLeft", -1), ("ArrowUp", 1), ("ArrowDown", -1)] * 3:
        opened.page.keyboard.press(key)
        at += step
        opened.ready(image=at)
        opened.editor_takes_its_turn()
        expect(opened.slider("image")).to_be_focused()
    for key, at in [("End", 9999), ("Home", 0)] * 2:
        opened.page.keyboard.press(key)
        opened.ready(image=at)
        opened.editor_takes_its_turn()
        expect(opened.slider("image")).to_be_focused()
    opened.page.keyboard.press("PageUp")
    opened.ready()
    assert int(opened.slider("image").input_value()) > 0
    # Letters are commands of the notebook: none may reach it.
    for key in ("a", "b", "d", "d", "x", "m", "Shift+Enter"):
        opened.page.keyboard.press(key)
    assert opened.page.evaluate("host.keys") == []
    shows(opened, int(opened.slider("image").input_value()), 0, 0)


SHORTCUTS = ["Control+s", "Control+p", "Control+Shift+P", "Control+Shift+C", "F1", "Alt+z", "Meta+s"]


def test_the_editors_shortcuts_are_the_editors_wherever_the_focus_is(vscode):
    opened = vscode.open(DEMO)
    root = opened.ready(image=0, layer=0, filter=0)
    # A click on what cannot have the focus: the editor gives it to the first element that can.
    root.locator(".fs-activation b").click()
    opened.editor_takes_its_turn()
    focused = "document.activeElement.closest('.filterscope') !== null"
    assert opened.page.evaluate(focused)
    for place in (None, opened.slider("image"), opened.canvas("grid"), root.locator("input[name=layer-name]")):
        if place is not None:
            place.focus()
        for key in SHORTCUTS:
            opened.page.keyboard.press(key)
        pressed = [key for key in opened.page.evaluate("host.keys.splice(0)") if key.split("+")[-1] not in MODIFIERS]
        assert pressed == SHORTCUTS
    # A text's own are the text's, and letters everywhere the widget's.
    for key in ("Control+a", "Control+c", "Control+v", "Control+z", "a", "Escape"):
        opened.page.keyboard.press(key)
    assert set(opened.page.evaluate("host.keys")) <= {"Control+Control"}
    shows(opened, 0, 0, 0)


MODIFIERS = {"Control", "Shift", "Alt", "Meta"}


def test_a_layer_is_found_by_name(vscode):
    opened = vscode.open(DEMO)
    root = opened.ready(image=0, layer=0, filter=0)
    field = root.get_by_role("combobox", name="layer by name")
    field.focus()
    opened.page.keyboard.type("conv2")
    expect(root.locator(".fs-matches > *")).to_have_count(1)
    opened.page.keyboard.press("Enter")
    shows(opened, 0, 1, 0)
    field.click()
    root.locator(".fs-matches > *").first.click()
    shows(opened, 0, 0, 0)


def test_the_editor_takes_keys_that_reach_it(vscode):
    """The host's own check: without the widget's care the focus would be gone."""
    opened = vscode.open("import ipywidgets\nipywidgets.HTML('<input type=range id=bare>')")
    opened.page.locator("#bare").focus()
    opened.page.keyboard.press("ArrowUp")
    expect(opened.page.locator("#bare")).not_to_be_focused()
    assert opened.page.evaluate("host.keys") == ["ArrowUp"]


def test_the_wheel_is_the_editors_until_a_slider_has_the_focus(vscode):
    opened = vscode.open(DEMO)
    opened.ready(image=0)
    slider = opened.slider("image")
    slider.hover()
    opened.page.mouse.wheel(0, 100)
    opened.page.wait_for_function("host.scrolled === 100")
    opened.expect_python("explorer.image_index", 0)
    slider.focus()
    opened.page.mouse.wheel(0, 100)
    expect(slider).not_to_have_value("0")
    shows(opened, int(slider.input_value()), 0, 0)
    assert opened.page.evaluate("host.scrolled") == 100


def test_a_second_view_moves_along(vscode):
    opened = vscode.open(DEMO)
    opened.ready(image=0, layer=0, filter=0)
    opened.python("explorer.select(image=7, layer='conv2', filter=13); None")
    opened.run("explorer")
    opened.ready(1, image=7, layer=1, filter=13)
    opened.slider("filter", 1).press("ArrowRight")
    opened.ready(0, image=7, layer=1, filter=14)
    shows(opened, 7, 1, 14)


def test_it_follows_the_editors_themes_alone_and_beside_other_widgets(vscode):
    """All that stands in its output can be read, and no frame is left, as each theme is switched to under it."""
    opened = vscode.open(DEMO)
    opened.run(BESIDE)
    opened.run("IntSlider(description='alone')")
    root = opened.ready(image=0, layer=0, filter=0)
    opened.ready(1, image=0, layer=0, filter=0)
    for theme, (kind, colours) in opened.themes().items():
        dark = luminance(rgb(colours["--vscode-editor-background"])) < 0.2
        background = rgb(colours["--vscode-editor-background"])
        opened.theme(theme)  # as it changes under widgets that are there
        expect(root).to_have_css("background-color", f"rgb{background}")
        follows_theme(opened, dark)
        for n in (0, 1):
            output = opened.page.locator(".output").nth(n)
            assert faint_texts(output) == [], theme
            # The editor's colour to its corners: the white that is forced behind widgets is gone.
            picture = as_pixels(output.screenshot())
            for row, column in [(0, 0), (0, -1), (-1, 0), (-1, -1), (6, 10), (6, -10), (-6, 10), (-6, -10), (20, 3)]:
                assert np.allclose(picture[row, column], background, atol=2), (theme, n, row, picture[row, column])
        # What an output without one of ours looks like is not our affair.
        assert opened.page.locator(".output").nth(2).evaluate("e => getComputedStyle(e).backgroundColor") == WHITE
        if kind != "vscode-light":
            opened.screenshot(f"vscode_{theme}")
    # JupyterLab's variables are there too, and hold the light theme's values in all.
    variable = "getComputedStyle(document.documentElement).getPropertyValue('--jp-layout-color0').trim()"
    assert opened.page.evaluate(variable) == "white"
    shows(opened, 0, 0, 0)


def test_a_cleared_output_leaves_nothing_behind(vscode):
    opened = vscode.open(DEMO)
    opened.ready(image=0, layer=0, filter=0)
    opened.run("explorer")
    opened.ready(1, image=0, layer=0, filter=0)
    opened.clear(0)
    opened.python("explorer.image_index = 77")
    opened.ready(image=77)  # the one that is left
    shows(opened, 77, 0, 0)
    # The other goes in the middle of a question; then Python moves on, and only views that nobody sees are there.
    waiting = opened.slider("image").evaluate(
        "e => { e.value = 5000; e.dispatchEvent(new Event('input', {bubbles: true})); host.clear(1);"
        " return widgetTimers().length; }"
    )
    assert waiting > 0
    opened.expect_python("explorer.image_index", 5000)
    for image in (5, 6, 7):
        opened.python(f"explorer.image_index = {image}")
    model = opened.python("explorer.model_id")
    opened.page.wait_for_function(f"host.trait({model!r}, 'image_index').then(image => image === 7)")
    # A question has a timer until it is answered: without one nothing is waited for, nor will be.
    opened.page.wait_for_function("widgetTimers().length === 0")
    opened.python("None")
    assert opened.page.evaluate("widgetTimers()") == []
    # And it can be shown again.
    opened.run("explorer")
    shows(opened, 7, 0, 0)


def test_after_a_restart_of_the_kernel_it_says_so_and_keeps_its_picture(vscode):
    """The editor tells its widgets nothing: the new kernel takes their messages, and nobody answers."""
    opened = vscode.open(DEMO)
    root = opened.ready(image=0, layer=0, filter=0)
    vscode.server.rest("POST", f"/api/kernels/{opened.kernel.id}/restart", {})
    opened.slider("image").press("End")
    expect(root.get_by_role("alert")).to_contain_text("Run this cell again to go on.")
    expect(root).to_have_attribute("data-kernel", "gone")
    opened.ready(image=0)
    assert opened.slider("image").input_value() == "0"


# The figure takes the width of its output as far as it has use for it, 892 px, and has been drawn anew for it: what is
# drawn reaches to its right edge, and does not go on behind it.
FIGURE_FITS = """() => {
    const output = [...document.querySelectorAll('.output')].at(-1);
    const canvas = output.querySelector('.jupyter-matplotlib-canvas-container canvas');
    if (!canvas?.width || !canvas.height) return false;
    const {right, width} = canvas.getBoundingClientRect();
    if (right > output.getBoundingClientRect().right + 1) return false;
    if (width < 0.85 * Math.min(output.clientWidth, 892)) return false;
    const pixels = new Uint32Array(
        canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer);
    const last = pixels.reduce((last, pixel, at) => pixel === pixels[0] ? last : Math.max(last, at % canvas.width), 0);
    return last > 0.8 * canvas.width && last < canvas.width - 2;
}"""


def test_an_explorer_in_a_box_and_a_narrow_editor(vscode):
    opened = vscode.open(DEMO.replace("\nexplorer\n", "\nimport ipywidgets\nipywidgets.VBox([explorer])"), width=500)
    root = opened.ready(image=0, layer=0, filter=0)
    assert root.bounding_box()["width"] <= 460
    assert opened.page.evaluate("document.querySelector('.output').scrollWidth <= 460")
    shows(opened, 0, 0, 0)
    # The widths that outputs have in the editor, and a figure beside it.
    opened.run("figure = explorer.figure()\nfigure")
    for width in (394, 896, 1554):
        opened.page.set_viewport_size({"width": width, "height": 11_000})
        opened.laid_out()
        outputs = "[...document.querySelectorAll('.output')].map(e => [e.clientWidth, e.scrollWidth])"
        opened.page.wait_for_function(f"{outputs}.every(([inside, needed]) => needed <= inside)")
        # Its box cuts off what is wider, so that the output's own width says nothing of the figure.
        opened.page.wait_for_function(FIGURE_FITS)
        opened.screenshot(f"vscode_{width}")
    # A host that gives it a height and hides the rest, as Shiny: it scrolls.
    root.evaluate("e => Object.assign(e.parentElement.style, {height: '400px', overflow: 'hidden'})")
    height, inside = root.evaluate("e => [e.clientHeight, e.scrollHeight]")
    assert height <= 400 < inside
    root.evaluate("e => { e.scrollTop = e.scrollHeight }")
    expect(root.locator("canvas[data-view=grid]")).to_be_in_viewport()


# The editor's own policy for outputs, where its setting notebook.experimental.enableCsp is on; by default it has none.
POLICY = (
    "default-src 'none'; script-src SOURCE 'unsafe-inline' 'unsafe-eval'; style-src SOURCE 'unsafe-inline';"
    " img-src SOURCE https: http: data:; font-src SOURCE https:; connect-src https:; child-src https: data:;"
)


FONTS = "^console: Loading the font 'data:"  # the manager's own icons


def test_the_editors_optional_policy_lets_no_anywidget_load(vscode):
    """Nothing that a widget can do: anywidget loads every one as a blob: module."""
    for known in (
        FONTS,
        "^console: Loading the script 'blob:[^\n]* violates",
        "^console: [^\n]*/(anywidget/index|ipywidgets)",
    ):
        vscode.allow(known)
    with pytest.raises(AssertionError, match="widget_manager"):  # as the manager fails in the editor
        vscode.open(DEMO, policy=POLICY)


def test_with_blob_modules_allowed_the_rest_of_that_policy_forbids_nothing_of_ours(vscode):
    vscode.allow(FONTS)
    opened = vscode.open(DEMO, policy=POLICY.replace("script-src", "script-src blob:"))
    opened.ready(image=0)
    assert tour(opened) == list(STEPS)

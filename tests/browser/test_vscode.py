"""The explorer in VS Code's own widget manager: it renders, moves both ways, keeps its keys, and follows the theme."""

import cv2
import numpy as np
import pytest
from playwright.sync_api import expect

from lab_server import cell_until
from tour import CELL, STEPS, follows_theme, rgb, shows, tour

pytestmark = pytest.mark.browser

DEMO = f"{CELL}\n"
EDITOR = {"light": ("#ffffff", "#3b3b3b"), "dark": ("#1f1f1f", "#cccccc")}


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


def test_sliders_dragged_by_mouse(vscode):
    opened = vscode.open(DEMO)
    opened.ready(image=0, layer=0, filter=0)
    image = opened.drag("image", 0.4, steps=30)
    assert 3_000 < image < 5_000
    shows(opened, image, 0, 0)
    assert opened.drag("layer", 1.0) == 1
    assert opened.drag("filter", 1.0) == 19
    shows(opened, image, 1, 19)


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
    for key in ("a", "b", "d", "d", "x", "m"):
        opened.page.keyboard.press(key)
    assert opened.page.evaluate("host.keys") == []
    shows(opened, int(opened.slider("image").input_value()), 0, 0)


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


def test_python_moves_the_page(vscode):
    opened = vscode.open(DEMO)
    opened.ready(image=0, layer=0, filter=0)
    opened.python("explorer.image_index = 1234")
    shows(opened, 1234, 0, 0)
    opened.python("explorer.select(image=7, layer='conv2', filter=13); None")
    shows(opened, 7, 1, 13)
    # A second view of the same explorer moves along.
    opened.run("explorer")
    opened.ready(1, image=7, layer=1, filter=13)
    opened.slider("filter", 1).press("ArrowRight")
    opened.ready(0, image=7, layer=1, filter=14)
    shows(opened, 7, 1, 14)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_follows_the_editors_theme(vscode, theme):
    background, foreground = EDITOR[theme]
    other = "light" if theme == "dark" else "dark"
    opened = vscode.open(DEMO, theme=other)
    root = opened.ready(image=0, layer=0, filter=0)
    expect(root).to_have_css("background-color", f"rgb{rgb(EDITOR[other][0])}")
    expect(root).to_have_css("color-scheme", other)
    opened.theme(theme)  # as it changes under a widget that is there
    expect(root).to_have_css("background-color", f"rgb{rgb(background)}")
    expect(root).to_have_css("color", f"rgb{rgb(foreground)}")
    # JupyterLab's variables are there too, and hold the light theme's values in both.
    assert root.evaluate("e => getComputedStyle(e).getPropertyValue('--jp-layout-color0').trim()") == "white"

    follows_theme(opened, theme == "dark")

    # The card is the editor's colour to its corners: the white that VS Code forces behind widgets is gone.
    picture = cv2.imread(str(opened.screenshot(f"vscode_{theme}")))[..., ::-1]
    for row, column in [(0, 0), (0, -1), (-1, 0), (-1, -1), (6, 54), (6, -10), (-6, 54), (-6, -10), (20, 54)]:
        assert np.allclose(picture[row, column], rgb(background), atol=2), (row, column, picture[row, column])
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


def test_while_a_cell_runs(vscode, tmp_path):
    """The extension's kernel client opens no subshell: what the page does not hold comes when the cell has ended."""
    opened = vscode.open(DEMO)
    root = opened.ready(image=0, layer=0, filter=0)
    end = tmp_path / "the cell may end"
    opened.page.evaluate("code => { host.run(code) }", cell_until(end))
    for f in (1, 2, 3):
        opened.slider("filter").press("ArrowRight")
        opened.ready(image=0, filter=f)
    opened.slider("image").press("End")
    expect(root).to_have_attribute("data-busy", "true")
    end.touch()
    shows(opened, 9999, 0, 3)


def test_an_explorer_in_a_box_and_a_narrow_editor(vscode):
    opened = vscode.open(DEMO.replace("\nexplorer\n", "\nimport ipywidgets\nipywidgets.VBox([explorer])"), width=500)
    root = opened.ready(image=0, layer=0, filter=0)
    assert root.bounding_box()["width"] <= 460
    assert opened.page.evaluate("document.querySelector('.output').scrollWidth <= 460")
    shows(opened, 0, 0, 0)


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

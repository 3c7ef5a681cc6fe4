"""What a person sees and touches beyond the sliders: themes, widths, calm, keys, readouts, and accessibility by axe."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from expected import ANCHORS, colours, rgb

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"
DEMO = """
from filterscope import Explorer, demo
explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
explorer
"""
PICTURES = ("image", "kernel", "response", "activation")


THEMES = ("JupyterLab Light", "JupyterLab Dark")


def open_demo(lab, **selection):
    """The demo at that selection; returns the notebook and the widget's root."""
    notebook = lab.open([DEMO])
    notebook.python(f"explorer.select(**{selection!r}); None")
    notebook.ready()
    image, layer, filter = notebook.python("[explorer.image_index, explorer.layer_index, explorer.filter_index]")
    return notebook, notebook.ready(image=image, layer=layer, filter=filter)


def set_width(notebook, width):
    """Makes the widget this wide, and waits until it is laid out anew."""
    notebook.widget().evaluate(
        """(e, width) => {
            e.style.width = `${width}px`;
            return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
        }""",
        width,
    )
    notebook.ready()


def at_pixel(notebook, view, row, column):
    """Where a value is drawn, in CSS pixels from the canvas's corner."""
    canvas = notebook.canvas(view)
    columns, rows, width, height = canvas.evaluate("e => [e.width, e.height, e.clientWidth, e.clientHeight]")
    return {"x": (column + 0.5) * width / columns, "y": (row + 0.5) * height / rows}


def readout(notebook, view):
    """The two parts of the line under a picture: where, and what is there."""
    line = notebook.widget().locator(f".fs-{view} .fs-readout")
    return [part.strip() for part in line.locator("span").all_inner_texts()]


def as_number(text):
    return np.float32(text.replace("−", "-"))


# Accessibility


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
    wanted = [*sliders, "source", "channel", "scale", "palette", *PICTURES, "grid-map", "grid"]
    assert [name for name in names if name in wanted] == wanted
    assert [name for name, seen in reached if not seen and name in wanted] == []


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
    box, canvas_box = marker.bounding_box(), canvas.bounding_box()
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


@pytest.mark.parametrize("width", [400, 768, 1000, 1400])
def test_nothing_moves_from_filter_to_filter_and_image_to_image(lab, width):
    notebook, root = open_demo(lab, image=9, layer="conv2", filter=0)
    set_width(notebook, width)
    first = places(notebook)
    filter = notebook.slider("filter")
    for expected in range(1, 11):
        filter.press("ArrowRight")
        notebook.ready(filter=expected)
        assert places(notebook) == first, f"filter {expected}"
    image = notebook.slider("image")
    for expected in range(10, 20):  # the net gets 12 and 17 wrong
        image.press("ArrowRight")
        notebook.ready(image=expected)
        assert places(notebook) == first, f"image {expected}"
    notebook.canvas("response").hover(position=at_pixel(notebook, "response", 3, 3))
    assert places(notebook) == first
    for name in ("diverging", "gray", "sequential"):
        root.locator("select[name=palette]").select_option(name)
        assert places(notebook) == first, name


SLOW = """
import time, torch
from torch import nn
from filterscope import Explorer
class Slow:
    def __len__(self):
        return 100
    def __getitem__(self, index):
        time.sleep(0.8 if index == 40 else 0)
        return torch.rand(1, 9, 9) * index / 40, index % 2  # image 0 is black
torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
net[0].bias.data.fill_(-0.01)  # so that the whole layer is constant for image 0, and warned of
explorer = Explorer(net, Slow())
explorer
"""


def test_a_slow_answer_is_said_to_be_computed_and_moves_nothing(lab):
    notebook = lab.open([SLOW])
    root = notebook.ready(image=0)
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
    notebook.ready(image=40)
    expect(root).not_to_have_attribute("data-busy", "true")
    expect(busy).to_have_css("opacity", "0")
    expect(root.locator(".fs-activation .fs-warning")).to_have_text("")
    assert places(notebook) == before


# Large layers


LARGE = """
import torch
from torch import nn
from filterscope import Explorer
torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(1, 2048, 3), nn.ReLU(), nn.Conv2d(2048, 64, 1), nn.ReLU(), nn.Conv2d(64, 16, 3))
explorer = Explorer(net, torch.rand(2, 1, 9, 9))
explorer
"""


def test_2048_filters_are_scrolled_through_and_picked_from(lab):
    notebook = lab.open([LARGE])
    root = notebook.ready(image=0, layer=0, filter=0)
    canvas = notebook.canvas("grid")
    scroller = root.locator(".fs-scroller")
    assert canvas.evaluate("e => e.height / devicePixelRatio") <= 500  # what is in view, not all 2,048
    of = np.array(notebook.python("explorer.session.engine.responses(0, 0, None, 'input').tolist()"))
    geometry = canvas.evaluate("e => ({...e.dataset})")
    columns, width, height = int(geometry["columns"]), float(geometry["cellWidth"]), float(geometry["cellHeight"])
    x, y, wide, high = map(float, geometry["mapRect"].split())
    for top in (0, 3 * height, 1234, 1e6):
        scroller.evaluate("(e, top) => { e.scrollTop = top }", top)
        top = scroller.evaluate("e => e.scrollTop")
        expect(canvas).to_have_attribute("data-scroll", f"{top:g}" if top % 1 else str(int(top)))
        row = int(top // height) + 1  # the first that is wholly in view
        filter = row * columns + 2
        pixels = notebook.canvas_pixels("grid")
        found = [
            [
                pixels[int(row * height - top + y + (r + 0.5) * high / 7), int(2 * width + x + (c + 0.5) * wide / 7)]
                for c in range(7)
            ]
            for r in range(7)
        ]
        assert np.array_equal(np.array(found)[..., :3], colours(of[filter], of=of)), f"filter {filter} at {top}"
        canvas.click(position={"x": 2.3 * width, "y": (row + 0.5) * height - top})
        notebook.ready(filter=filter)
        notebook.expect_python("explorer.filter_index", filter)
        assert scroller.evaluate("e => e.scrollTop") == top  # what was clicked stays under the pointer
    canvas.press("End")
    canvas.press("Enter")
    notebook.ready(filter=2047)
    assert np.array_equal(notebook.canvas_pixels("response")[..., :3], colours(of[2047], of=of))


def test_a_kernel_of_2048_channels_keeps_its_signs_and_a_layer_is_found_by_name(lab):
    notebook = lab.open([LARGE])
    root = notebook.ready(image=0, layer=0, filter=0)
    names = root.get_by_role("combobox", name="layer by name")
    names.fill("2048")
    rows = root.locator(".fs-matches > *")
    assert rows.all_inner_texts() == notebook.python("[l.title for l in explorer.layers][:2]")
    rows.nth(1).click()
    notebook.ready(layer=1, filter=0)
    kernels = np.array(notebook.python("explorer.layer.kernels.tolist()"))  # (64, 2048, 1, 1)
    found = notebook.canvas_pixels("kernel")
    assert found.shape[:2] == (89, 91)  # 45 rows and 46 columns of one value, and the lines between
    for channel in (0, 1, 45, 46, 2047):
        row, column = divmod(channel, 46)
        expected = colours(kernels[0, channel], of=kernels)[0, 0]
        assert np.array_equal(found[2 * row, 2 * column, :3], expected), f"channel {channel}"
    notebook.canvas("kernel").hover(position=at_pixel(notebook, "kernel", 2, 4))
    where, value = readout(notebook, "kernel")
    assert where == "channel 48 (0, 0)"
    assert as_number(value) == np.float32(kernels[0, 48, 0, 0])

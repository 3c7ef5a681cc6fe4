"""Pointing at a pixel: marks, boxes, numbers and overlays in the page against Python's own; by pointer and by keys."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from axe import AXE
from demo_page import THEMES, as_number, at_pixel, boxes, open_demo, readout, set_width
from expected import colours, gray
from explorer_page import read_canvas

pytestmark = pytest.mark.browser

# A stride, a padding that is seen at the edges, a pool on the way to the activation, one position at the end.
OTHER = """
import torch
from torch import nn
from filterscope import Explorer
torch.manual_seed(3)
net = nn.Sequential(
    nn.Conv2d(3, 12, 5, stride=2, padding=2), nn.MaxPool2d(2), nn.ReLU(),
    nn.Conv2d(12, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(),
    nn.AdaptiveAvgPool2d(1), nn.Conv2d(6, 4, 1), nn.Flatten(),
)
explorer = Explorer(net, torch.rand(3, 3, 24, 24, generator=torch.Generator().manual_seed(1)))
explorer
"""


def open_other(lab, **selection):
    notebook = lab.open([OTHER])
    notebook.python(f"explorer.select(**{selection!r}); None")
    notebook.ready(layer=selection.get("layer", 0), filter=selection.get("filter", 0))
    return notebook, notebook.settled()


def point(notebook, view, row, column):
    notebook.canvas(view).hover(position=at_pixel(notebook, view, row, column))


def pin(notebook, root, view, row, column):
    """A click, and its arithmetic."""
    notebook.canvas(view).click(position=at_pixel(notebook, view, row, column))
    root.locator(f".fs-arithmetic[data-position='{row},{column}'][aria-busy=false]").wait_for()


def box_of(notebook, root, kind):
    """A box over the image in the image's pixels: top, left, bottom, right."""
    box = root.locator(f".fs-image .fs-{kind}")
    box.wait_for()
    area, canvas = boxes(box, notebook.canvas("image"))
    size = notebook.canvas("image").evaluate("e => [e.height, e.width]")
    top = (area["y"] - canvas["y"]) / canvas["height"] * size[0]
    left = (area["x"] - canvas["x"]) / canvas["width"] * size[1]
    height, width = area["height"] / canvas["height"] * size[0], area["width"] / canvas["width"] * size[1]
    return [top, left, top + height, left + width]


def field(notebook, row, column, which):
    return notebook.python(
        f"box = explorer.receptive_field({row}, {column}).{which}; [box.top, box.left, box.bottom, box.right]"
    )


def test_pointing_marks_the_position_and_the_box_that_it_sees(lab):
    notebook, root = open_demo(lab, image=2, layer="conv2", filter=3)
    response, activation = notebook.python("[explorer.response.tolist(), explorer.activation.tolist()]")
    for row, column in [(0, 0), (4, 5), (10, 10)]:
        point(notebook, "response", row, column)
        for view, values in (("response", response), ("activation", activation)):
            where, value = readout(notebook, view)
            assert where == f"row {row}, col {column}"
            assert as_number(value) == np.float32(values[row][column])
            marker = root.locator(f".fs-{view} .fs-marker")
            expect(marker).to_be_visible()
            middle, canvas = boxes(marker, notebook.canvas(view))
            x = (middle["x"] + middle["width"] / 2 - canvas["x"]) / canvas["width"] * 11
            y = (middle["y"] + middle["height"] / 2 - canvas["y"]) / canvas["height"] * 11
            assert [x, y] == pytest.approx([column + 0.5, row + 0.5], abs=0.1)
        assert box_of(notebook, root, "field") == pytest.approx(field(notebook, row, column, "inside"), abs=0.1)
        assert readout(notebook, "image")[1] == "exact"
    assert root.locator(".fs-arithmetic").is_hidden()
    notebook.page.mouse.move(1, 1)
    expect(root.locator(".fs-image .fs-field")).to_be_hidden()


def test_what_lies_in_the_padding_is_shown_outside_of_the_image(lab):
    notebook, root = open_other(lab)
    root.locator(".fs-figure").first.scroll_into_view_if_needed()
    point(notebook, "response", 0, 11)
    assert box_of(notebook, root, "field") == pytest.approx(field(notebook, 0, 11, "inside"), abs=0.1)
    theoretical = field(notebook, 0, 11, "theoretical")
    assert theoretical[0] == -2 and theoretical[3] == 25
    assert box_of(notebook, root, "formula") == pytest.approx(theoretical, abs=0.1)
    assert box_of(notebook, root, "hatch") == pytest.approx(theoretical, abs=0.1)
    point(notebook, "activation", 2, 3)  # behind the pool: its own part of the image
    rows = notebook.python("[int(one) for one in explorer.receptive_fields('activation').axes[0].inside[2]]")
    columns = notebook.python("[int(one) for one in explorer.receptive_fields('activation').axes[1].inside[3]]")
    expected = [rows[0], columns[0], rows[1], columns[1]]
    assert box_of(notebook, root, "field") == pytest.approx(expected, abs=0.1)
    notebook.canvas("activation").click(position=at_pixel(notebook, "activation", 2, 3))
    expect(root.locator(".fs-arithmetic")).to_contain_text("passes a pool")


def test_the_arithmetic_is_pythons(lab):
    notebook, root = open_demo(lab, image=2, layer="conv2", filter=3)
    pin(notebook, root, "response", 4, 5)
    found = notebook.python(
        "a = explorer.arithmetic(4, 5); {'order': a.order.tolist(), 'sums': a.channel_sums.tolist(), "
        "**{n: getattr(a, n).tolist() for n in ('patch', 'kernel', 'products')}, "
        "'numbers': [float(x) for x in (a.channel_sums.sum(), a.bias, a.recomputed, a.pre_activation, a.activation)]}"
    )
    panel = root.locator(".fs-arithmetic")

    def cells(part):
        return [
            np.float32(as_number(title))
            for title in panel.locator(f"[data-part={part}] td").evaluate_all("cells => cells.map(e => e.title)")
        ]

    def shown(channel):
        for part in ("patch", "kernel", "products"):
            assert cells(part) == pytest.approx(np.float32(found[part][channel]).ravel().tolist(), rel=1e-7), part

    shown(found["order"][0])
    listed = panel.locator(".fs-channels button")
    assert listed.evaluate_all("all => all.map(e => +e.dataset.channel)") == found["order"]
    sums = [
        as_number(text) for text in panel.locator(".fs-channels .fs-number").evaluate_all("a => a.map(e => e.title)")
    ]
    assert sums == [np.float32(found["sums"][channel]) for channel in found["order"]]
    numbers = panel.locator(".fs-steps .fs-number").evaluate_all("all => all.map(e => e.title)")
    total, bias, recomputed, before, relu, behind = [as_number(text) for text in numbers]
    assert [total, bias, recomputed] == pytest.approx(found["numbers"][:3], rel=1e-5)
    assert [before, behind] == [np.float32(one) for one in found["numbers"][3:]]
    assert relu == behind
    expect(panel).to_contain_text(": rounding")
    other = found["order"][-1]
    panel.locator(f"[data-channel='{other}']").click()
    expect(panel.locator("h4").nth(1)).to_contain_text(f"channel {other}: patch × kernel")
    shown(other)
    notebook.expect_python("explorer.channel", None)  # looked at, not selected

    # The layer's input of that channel, with the patch in a box.
    given = panel.locator("canvas[data-view=input]")
    expect(given).to_have_attribute("aria-label", re.compile(f"channel {other}, 13×13"))
    box, area = boxes(panel.locator(".fs-input .fs-field"), given)
    left, top = [(box[k] - area[k]) / area[s] * 13 for k, s in (("x", "width"), ("y", "height"))]
    assert [top, left] == pytest.approx([4, 5], abs=0.1)


def test_a_pin_follows_filter_image_and_layer_and_escape_lets_go(lab):
    notebook, root = open_demo(lab, image=2, layer="conv2", filter=3)
    pin(notebook, root, "response", 4, 5)
    value = root.locator(".fs-pinned-value")
    for change, selected in [("filter=7", {"filter": 7}), ("image=5", {"image": 5}), ("layer=0", {"layer": 0})]:
        notebook.python(f"explorer.select({change}); None")
        notebook.ready(**selected)
        number = notebook.python("float(explorer.pre_activation[4, 5])")
        expect(root.locator(".fs-arithmetic .fs-title")).to_contain_text("row 4, col 5")
        expect(root.locator(".fs-arithmetic")).to_have_attribute("aria-busy", "false")
        notebook.page.wait_for_function(
            "([e, want]) => Math.abs(parseFloat(e.textContent.replace(/−/g, '-').split(' ')[1]) - want) < 1e-6",
            arg=[value.element_handle(), number],
        )
    notebook.canvas("response").press("Escape")
    expect(root.locator(".fs-arithmetic")).to_be_hidden()


def test_by_keyboard_alone_and_in_words(lab):
    notebook, root = open_demo(lab, image=2, layer="conv2", filter=3)
    canvas = notebook.canvas("response")
    canvas.focus()
    for key in ("ArrowUp", "ArrowLeft", "Enter"):
        canvas.press(key)
    row, column = 4, 4
    root.locator(f".fs-arithmetic[data-position='{row},{column}']").wait_for()
    expect(canvas).to_have_attribute("aria-valuetext", re.compile(f"^row {row}, col {column}: "))
    live = root.locator(".fs-live")
    expect(live).to_contain_text(f"Pinned conv2 · filter 3 · row {row}, col {column}")
    expect(live).to_contain_text("recomputed to rounding")
    expect(live).to_contain_text("of the image (exact)")
    canvas.press("ArrowRight")
    root.locator(f".fs-arithmetic[data-position='{row},{column + 1}']").wait_for()
    button = root.locator(".fs-channels button").nth(2)
    button.focus()
    button.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    button.press("Escape")
    expect(root.locator(".fs-arithmetic")).to_be_hidden()
    expect(canvas).to_be_focused()


def test_larger_kernels_are_pictures_with_numbers_on_demand(lab):
    notebook, root = open_other(lab)
    pin(notebook, root, "response", 0, 3)
    channel = notebook.python("int(explorer.arithmetic(0, 3).order[0])")
    kernel, patch = notebook.python(
        f"a = explorer.arithmetic(0, 3); [a.kernel[{channel}].tolist(), a.patch[{channel}].tolist()]"
    )
    cells = root.locator("canvas[data-part=kernel]")
    cells.focus()
    line = root.locator(".fs-product-column .fs-readout")
    cells.press("ArrowDown")  # the first key shows where it starts: the middle
    expect(line).to_contain_text("cell (2, 2): ")
    cells.press("ArrowDown")
    expect(line).to_contain_text("cell (3, 2): ")
    first, second, _ = re.findall(r"[\d.e−]+", line.inner_text().split(": ")[1])
    assert as_number(first) == np.float32(patch[3][2])
    assert as_number(second) == np.float32(kernel[3][2])
    assert root.locator(".fs-cells .fs-padding").count() == 10  # two rows of five above the image
    expect(root.locator(".fs-product-column")).to_contain_text("hatched: in the padding (zeros)")


def overlay(notebook):
    canvas = notebook.widget().locator("canvas[data-view=overlay]")
    canvas.wait_for()
    return read_canvas(canvas)


@pytest.mark.parametrize(("layer", "filter"), [(0, 4), (1, 2)])
def test_the_activation_lies_over_the_image_where_it_stands(lab, layer, filter):
    notebook, root = open_other(lab, layer=layer, filter=filter)
    root.locator("select[name=overlay]").select_option("activation")
    expect(root.locator(".fs-over-it .fs-note")).to_contain_text("where it stands")
    drawn = overlay(notebook)
    values, whole = notebook.python(
        "[explorer.activation.tolist(), explorer.session.engine.moment(0, explorer.layer_index).activations.tolist()]"
    )
    centres = notebook.python("[axis.centres.tolist() for axis in explorer.receptive_fields('activation').axes]")
    shown = colours(values, of=whole)
    rows, columns = [nearest(np.array(axis), drawn.shape[k], 24) for k, axis in enumerate(centres)]
    expected = np.where(
        (rows[:, None] >= 0)[..., None] & (columns >= 0)[None, :, None], shown[rows[:, None], columns], 0
    )
    assert np.array_equal(drawn[..., :3], expected)
    assert np.array_equal(drawn[..., 3] > 0, (rows[:, None] >= 0) & (columns >= 0)[None])
    root.locator("select[name=overlay]").select_option("")
    expect(root.locator("canvas[data-view=overlay]")).to_be_hidden()
    root.locator("select[name=overlay]").select_option("activation")
    slider = root.locator("input[name=opacity]")
    slider.fill("30")
    assert root.locator("canvas[data-view=overlay]").evaluate("e => getComputedStyle(e).opacity") == "0.3"


def nearest(centres, pixels, size):
    """For each pixel of the overlay the map's index whose centre is nearest, −1 beyond half a step from the last."""
    place = (np.arange(pixels) + 0.5) / pixels * size
    distance = np.abs(place[:, None] - centres)
    # On a border between two the canvas takes the later.
    index = distance.shape[1] - 1 - distance[:, ::-1].argmin(axis=1)
    half = (centres[1] - centres[0]) / 2
    inside = (place >= centres[0] - half) & (place < centres[-1] + half)
    return np.where(inside, index, -1)


def test_the_gradient_of_what_is_pinned_lies_over_the_image(lab):
    notebook, root = open_other(lab, layer=1, filter=2)
    root.locator("select[name=overlay]").select_option("effective")
    expect(root.locator(".fs-over-it .fs-note")).to_contain_text("Pin a position")
    pin(notebook, root, "response", 3, 1)
    expect(root.locator(".fs-over-it .fs-note")).to_contain_text("gradient")
    values = np.array(notebook.python("explorer.effective_receptive_field(3, 1).tolist()"))
    expected = np.kron(colours(values), np.ones((8, 8, 1), int))
    drawn = overlay(notebook)
    assert np.array_equal(drawn[..., :3], expected)


def test_where_there_is_no_place_or_no_arithmetic_a_sentence_says_so(lab):
    notebook, root = open_other(lab, layer=2, filter=1)
    root.locator("select[name=overlay]").select_option("activation")
    expect(root.locator(".fs-over-it .fs-note")).to_contain_text("every position sees the same of the image")
    pin(notebook, root, "response", 0, 0)
    expect(root.locator(".fs-arithmetic")).to_contain_text("the whole image, by a step over the whole map")
    assert box_of(notebook, root, "field") == pytest.approx([0, 0, 24, 24], abs=0.1)
    notebook.python("explorer.select(layer=0, source='image'); None")
    notebook.ready(layer=0)
    notebook.canvas("response").click(position=at_pixel(notebook, "response", 1, 1))
    expect(root.locator(".fs-arithmetic")).to_contain_text("This response runs over the image itself")


def test_it_is_accessible_and_no_wider_than_the_widget(lab):
    notebook, root = open_demo(lab, image=2, layer="conv2", filter=3)
    pin(notebook, root, "response", 4, 5)
    root.locator("select[name=overlay]").select_option("activation")
    notebook.page.add_script_tag(path=AXE)
    for theme in THEMES:
        notebook.theme(theme)
        violations = notebook.page.evaluate("async () => (await axe.run('.filterscope')).violations")
        assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in violations] == []
    for width in (320, 500, 800, 1100):
        set_width(notebook, width)
        overflowing = root.evaluate(
            """e => [...e.querySelectorAll('.fs-arithmetic, .fs-arithmetic *')].filter(
                part => part.getBoundingClientRect().right > e.getBoundingClientRect().right + 0.5
            ).map(part => part.outerHTML.slice(0, 90))"""
        )
        assert overflowing == [], width


def test_the_image_is_untouched_below_marks_and_overlay(lab):
    notebook, root = open_demo(lab, image=2, layer="conv2", filter=3)
    pin(notebook, root, "response", 4, 5)
    root.locator("select[name=overlay]").select_option("activation")
    display = np.array(notebook.python("explorer.display.tolist()"), np.float32)
    assert np.array_equal(notebook.canvas_pixels("image")[..., :3], gray(display))


@pytest.mark.parametrize(
    ("net", "size", "position", "box"),
    [
        ("nn.Conv1d(2, 6, 5, padding=2), nn.ReLU(), nn.Conv1d(6, 4, 3)", (2, 40), (0, 12), [0, 10, 2, 15]),
        ("nn.Conv3d(1, 6, 3, padding=1), nn.ReLU(), nn.Conv3d(6, 4, 3)", (1, 9, 12, 12), (5, 8), [4, 7, 7, 10]),
    ],
)
def test_signals_and_volumes_have_boxes_and_arithmetic(lab, net, size, position, box):
    code = f"import torch\nfrom torch import nn\nfrom filterscope import Explorer\ntorch.manual_seed(0)\nnet = {net}"
    notebook = lab.open([f"{code}\nexplorer = Explorer(nn.Sequential(*net), torch.randn{(3, *size)})\nexplorer"])
    root = notebook.ready()
    notebook.canvas("response").click(position=at_pixel(notebook, "response", *position))
    panel = root.locator(".fs-arithmetic[aria-busy=false]")
    panel.locator(".fs-steps").wait_for()
    assert box_of(notebook, root, "field") == pytest.approx(box, abs=0.1)  # of a signal over the rows of both channels
    found = notebook.python(f"a = explorer.arithmetic{position}; [float(a.pre_activation), float(a.activation)]")
    numbers = panel.locator(".fs-steps .fs-number").evaluate_all("all => all.map(e => e.title)")
    assert [as_number(numbers[3]), as_number(numbers[-1])] == [np.float32(one) for one in found]

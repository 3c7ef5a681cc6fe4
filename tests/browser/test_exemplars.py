"""Which images drive a filter: the wall in the page, against Python's scan to the pixel; by mouse and by keys."""

import itertools
import json

import numpy as np
import pytest
from playwright.sync_api import expect

from axe import AXE, WCAG
from demo_page import THEMES, open_demo, set_width
from explorer_page import read_canvas

pytestmark = pytest.mark.browser

IMAGES = 400
CROPS = """[[crop.image, crop.value, list(crop.position), crop.label, crop.copies, crop.crop().pixels.shape,
    (crop.crop().pixels * 255 + 0.5).astype('uint8').ravel()] for crop in {exemplars}]"""


def scan(notebook, root, images=IMAGES):
    """Types how many images, presses the button and waits for the end."""
    root.locator("input[name=scan-images]").fill(str(images))
    root.locator("button[name=scan]").click()
    root.locator(".fs-exemplars[data-status=done]").wait_for()
    expect(root.locator(".fs-scan-how")).to_have_text(f"{images} images looked at")
    shown(notebook, root)


def shown(notebook, root, kind="top"):
    """Wait until the wall shows what Python has, of the filter on screen."""
    layer, number, version = notebook.python(
        "[explorer.layer_index, explorer.filter_index, explorer.newest_scan.version]"
    )
    root.locator(f".fs-exemplars[data-shown='{layer} {number} {kind} {version}']").wait_for()
    # The distribution is an answer of its own, and only with it the wall is seen.
    expect(root.locator("section[data-panel=exemplars] h3.fs-title").first).to_contain_text(f"filter {number}:")
    expect(root.locator(".fs-exemplar-body[data-current=true]")).to_be_visible()
    return root.locator(".fs-wall [role=option]")


def expect_crops(notebook, root, exemplars, kind="top"):
    """The wall's crops are these of Python's, pixel by pixel; returns them."""
    crops = shown(notebook, root, kind)
    expected = notebook.python(CROPS.format(exemplars=exemplars))
    expect(crops).to_have_count(len(expected))
    for place, (image, value, position, label, copies, shape, levels) in enumerate(expected):
        crop = crops.nth(place)
        assert crop.get_attribute("data-image") == str(image)
        assert crop.get_attribute("data-position") == " ".join(map(str, position))
        words = crop.get_attribute("title")
        assert words.startswith(f"image {image}: {label}, predicted ")
        assert (f"stands for {copies} nearly equal images" in words) == (copies > 1)
        digits = np.float32(crop.locator(".fs-crop-value").inner_text().replace("−", "-"))
        assert digits == pytest.approx(value, rel=5e-3)
        pixels = read_canvas(crop.locator("canvas"))
        gray = np.array(levels, np.uint8).reshape(shape)
        np.testing.assert_array_equal(pixels, np.dstack([gray, gray, gray, np.full(shape, 255)]))
    return expected


def test_the_wall_is_pythons_scan_to_the_pixel(lab):
    notebook, root = open_demo(lab, layer=1, filter=3)
    panel = root.locator("section[data-panel=exemplars]")
    expect(panel).to_be_hidden()
    expect(root.get_by_text("Which images drive it?")).to_be_visible()
    scan(notebook, root)
    expect(panel).to_be_visible()
    assert notebook.python("[explorer.newest_scan.images, list(explorer.newest_scan.layers)]") == [
        IMAGES,
        ["conv1", "conv2"],
    ]
    expect_crops(notebook, root, "explorer.newest_scan.top('conv2', 3, 36).fold()[:12]")
    kind = root.locator("select[name=exemplars-kind]")
    kind.select_option("bottom")
    expect_crops(notebook, root, "explorer.newest_scan.bottom('conv2', 3, 36).fold()[:12]", "bottom")
    kind.select_option("typical")
    typical = "[one for group in explorer.newest_scan.typical('conv2', 3) for one in group.fold()]"
    expect_crops(notebook, root, typical, "typical")
    assert root.locator(".fs-wall [role=group]").count() == 5
    kind.select_option("class")
    by_class = "[one for part in explorer.newest_scan.by_class('conv2', 3, k=12).values() for one in part.fold()[:4]]"
    expect_crops(notebook, root, by_class, "class")
    assert root.locator(".fs-wall [role=group]").evaluate_all("all => all.map(e => e.ariaLabel)") == notebook.python(
        "list(explorer.newest_scan.classes)"
    )
    # The selected filter's, whatever it is.
    kind.select_option("top")
    notebook.slider("filter").press("ArrowRight")
    notebook.ready(filter=4)
    notebook.expect_in_step()
    expect_crops(notebook, root, "explorer.newest_scan.top('conv2', 4, 36).fold()[:12]")
    notebook.python("explorer.select(layer=0, filter=2); None")
    notebook.ready(layer=0, filter=2)
    expect_crops(notebook, root, "explorer.newest_scan.top('conv1', 2, 36).fold()[:12]")


def test_a_crop_goes_to_its_image_and_pins_its_position_by_mouse_and_by_keys(lab):
    notebook, root = open_demo(lab, layer=1, filter=3)
    scan(notebook, root)
    crops = shown(notebook, root)
    wall = root.locator(".fs-wall")

    def expect_pinned(place):
        image = int(crops.nth(place).get_attribute("data-image"))
        row, column = map(int, crops.nth(place).get_attribute("data-position").split())
        notebook.ready(image=image, layer=1, filter=3)
        notebook.expect_python("explorer.image_index", image)
        root.locator(".fs-activation .fs-marker.fs-pinned").wait_for()
        activation = notebook.canvas("activation")
        expect(activation).to_have_attribute("aria-valuenow", str(11 * row + column))
        value = notebook.python(f"float(explorer.activation[{row}, {column}])")
        assert value == pytest.approx(
            notebook.python(f"float(explorer.newest_scan.top('conv2', 3, 36).fold().values[{place}])"), rel=1e-5
        )
        root.locator(".fs-arithmetic[aria-busy=false] .fs-steps").wait_for()
        expect(crops.nth(place)).to_have_attribute("aria-selected", "true")

    crops.nth(1).click()
    expect_pinned(1)
    wall.focus()
    wall.press("ArrowRight")
    wall.press("ArrowRight")
    wall.press("Enter")
    expect_pinned(3)
    wall.press("End")
    wall.press(" ")
    expect_pinned(11)


def test_a_bar_of_the_distribution_shows_its_images(lab):
    notebook, root = open_demo(lab, layer=1, filter=3)
    scan(notebook, root)
    counts = notebook.python("explorer.newest_scan.histogram('conv2', 3, 24).counts")
    fullest = int(np.argmax(counts))
    plot = root.locator("[data-row='0'] svg")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    notebook.page.mouse.move(box["x"] + box["width"] * (fullest + 0.5) / 24, box["y"] + box["height"] - 2)
    exemplars = f"explorer.newest_scan.in_bin('conv2', 3, {fullest}, 24, k=12).fold()"
    expect_crops(notebook, root, exemplars, "bin")
    expect(root.locator(".fs-ridge-said")).to_contain_text(f": {counts[fullest]} of {IMAGES} images")
    notebook.page.mouse.move(5, 5)
    expect_crops(notebook, root, "explorer.newest_scan.top('conv2', 3, 36).fold()[:12]")
    distribution = root.locator(".fs-distribution")
    distribution.focus()
    distribution.press("ArrowRight")  # the last bin of all images
    exemplars = "explorer.newest_scan.in_bin('conv2', 3, 23, 24, k=12).fold()"
    expect_crops(notebook, root, exemplars, "bin")
    distribution.press("ArrowDown")
    name = notebook.python("explorer.newest_scan.classes[0]")
    assert distribution.get_attribute("aria-valuetext").startswith(f"{name}, maximum ")
    distribution.press("Escape")
    expect_crops(notebook, root, "explorer.newest_scan.top('conv2', 3, 36).fold()[:12]")


def test_in_the_grid_each_filters_best_image_stands_beside_its_kernel(lab):
    notebook, root = open_demo(lab, layer=1, filter=3)
    scan(notebook, root)
    before = notebook.canvas("grid").evaluate("e => [e.dataset.cellWidth, e.dataset.cellHeight, e.dataset.order]")
    root.locator("select[name=grid-map]").select_option("best-crop")
    expect(root.locator("[data-best]")).to_have_count(20)
    assert (
        notebook.canvas("grid").evaluate("e => [e.dataset.cellWidth, e.dataset.cellHeight, e.dataset.order]") == before
    )
    for number in (0, 7, 19):
        levels = notebook.python(
            f"(explorer.newest_scan.top('conv2', {number}, 1)[0].crop().pixels * 255 + 0.5).astype('uint8')"
        )
        pixels = read_canvas(root.locator(f"[data-best='{number}'] canvas"))
        np.testing.assert_array_equal(pixels[..., 0], np.array(levels, np.uint8))
    root.locator("select[name=grid-sort]").select_option("maximum")
    notebook.page.wait_for_function(
        "e => e.dataset.order !== '0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19'",
        arg=notebook.canvas("grid").element_handle(),
    )
    order = notebook.canvas("grid").get_attribute("data-order").split()
    assert root.locator("[data-best]").evaluate_all("all => all.map(e => e.dataset.best)") == order
    root.locator("select[name=grid-map]").select_option("activation")
    expect(root.locator(".fs-best-crops")).to_be_hidden()


WAITS_AFTER_64 = """scans = explorer.session.scans
scans.seconds_until_idle = lambda: 1000.0 if scans.newest is not None and scans.newest.images >= 64 else 0.0
None"""  # else it might have seen all images before it is cancelled


def test_cancelled_it_keeps_what_was_seen_while_sliders_go_on(lab):
    notebook, root = open_demo(lab, layer=1, filter=3)
    notebook.python(WAITS_AFTER_64)
    root.locator("button[name=scan]").click()
    notebook.expect_python("explorer.newest_scan is not None and explorer.newest_scan.images >= 64", True)
    root.locator(".fs-exemplars[data-status=running]").wait_for()
    expect(root.locator("progress[aria-label=scan]")).to_be_visible()
    for image in (1, 2, 3):
        notebook.slider("image").press("ArrowRight")
        notebook.ready(image=image)
    root.get_by_role("button", name="Cancel").press("Enter")
    root.locator(".fs-exemplars[data-status=cancelled]").wait_for()
    seen = notebook.python("explorer.newest_scan.images")
    expect(root.locator(".fs-scan-how")).to_have_text(f"cancelled after {seen:,} images; Scan goes on from there")
    expect_crops(notebook, root, "explorer.newest_scan.top('conv2', 3, 36).fold()[:12]")


def test_other_weights_are_said_and_a_reload_finds_it_again(lab):
    notebook, root = open_demo(lab, layer=1, filter=3)
    scan(notebook, root)
    notebook.reload()
    root = notebook.ready(layer=1, filter=3)
    expect_crops(notebook, root, "explorer.newest_scan.top('conv2', 3, 36).fold()[:12]")
    notebook.python("net = explorer.session.engine.net; net.conv2.weight.data[4] = 0; explorer.image_index = 1; None")
    expect(root.locator(".fs-scan-how")).to_contain_text("of other weights or data than now")
    root.locator("input[name=scan-images]").fill("100")  # after a reload it stands at all of them
    root.get_by_role("button", name="Scan again").click()
    expect(root.locator(".fs-scan-how")).not_to_contain_text("other weights")
    root.locator(".fs-exemplars[data-status=done]").wait_for()


def test_nothing_moves_when_it_comes_and_axe_finds_nothing(lab):
    notebook, root = open_demo(lab, layer=1, filter=3)
    height = "e => e.querySelector('.fs-grid').getBoundingClientRect().top - e.getBoundingClientRect().top"
    scan(notebook, root)
    top = root.evaluate(height)
    for number in (4, 5, 6):
        notebook.slider("filter").press("ArrowRight")
        notebook.ready(filter=number)
        shown(notebook, root)
        assert root.evaluate(height) == pytest.approx(top, abs=1)
    notebook.page.evaluate(AXE.read_text())
    for theme, width in itertools.product(THEMES, (1600, 700, 400)):
        notebook.theme(theme)
        set_width(notebook, width)
        options = f"{{resultTypes: ['violations'], runOnly: {WCAG}}}"
        results = notebook.page.evaluate(f"() => axe.run('.fs-exemplars', {options})")
        found = [(v["id"], [node["html"] for node in v["nodes"]]) for v in results["violations"]]
        assert found == [], (theme, width, json.dumps(found)[:800])
        out = root.evaluate("""e => [...e.querySelectorAll('.fs-exemplars *')].filter(n => n.getClientRects().length
            && n.getBoundingClientRect().right > e.getBoundingClientRect().right + 1).map(n => n.outerHTML)""")
        assert out == [], (theme, width)

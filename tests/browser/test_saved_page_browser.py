"""A saved page in a browser with no network and no kernel: every slider moves, and every pixel is what was saved."""

import re

import numpy as np
import pytest
import torch
from playwright.sync_api import expect
from torch import nn

from demo_page import at_pixel, boxes
from expected import colours, table
from explorer_page import read_canvas
from filterscope import Explorer
from nets import images, seeded
from opened_page import shows, small_net, whole_layer

pytestmark = pytest.mark.browser


def test_it_opens_where_it_was_saved_and_every_slider_moves(open_page, saved, explorer):
    page = open_page(saved)
    explorer.select(image=7, layer="conv2", filter=3, channel=None, source="input")
    shows(page, explorer)
    assert page.drag("image", 1.0) == 31
    explorer.image_index = 31
    shows(page, explorer)
    explorer.filter_index = page.drag("filter", 0.6)
    shows(page, explorer)
    assert page.drag("layer", 0.0) == 0
    explorer.select(layer=0, filter=9)
    shows(page, explorer)
    page.slider("image").press("ArrowLeft")
    page.slider("filter").press("Home")
    explorer.select(image=30, filter=0)
    shows(page, explorer)
    page.page.locator("select[name=source]").select_option("image")
    explorer.source = "image"
    shows(page, explorer)
    page.page.locator("select[name=scale]").select_option("map")
    shows(page, explorer, "map")
    explorer.select(image=7, source="input")


def test_a_long_drag_ends_at_what_is_selected(open_page, saved, explorer):
    page = open_page(saved)
    page.ready()
    for place, steps in ((0.0, 60), (1.0, 60), (0.5, 40)):
        explorer.select(image=page.drag("image", place, steps=steps), layer=1, filter=3, source="input")
        shows(page, explorer)


# No diagnosis, scan or timeline was saved.
UNSAVED = ":not(.fs-verdicts *, .fs-exemplars *, .fs-timeline *, .fs-compared *)"


def test_it_looks_as_in_jupyterlab(lab, open_page, saved):
    notebook = lab.open(
        [
            "from filterscope import Explorer, demo\n"
            "explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())\n"
            "explorer.select(image=7, layer='conv2', filter=3)"
        ]
    )
    page = open_page(saved)
    for scale in ("layer", "map"):
        looks_the_same(notebook, page, scale)


def looks_the_same(notebook, page, scale):
    for both in (notebook, page):
        both.page.locator("select[name=scale]").select_option(scale)
        both.ready(image=7, layer=1, filter=3)
        both.settled()
        both.page.mouse.move(0, 0)
    codes = {tuple(colour): code for name in ("sequential", "diverging") for code, colour in enumerate(table(name))}
    for view in ("image", "kernel", "response", "activation"):
        one, other = (both.canvas_pixels(view)[..., :3] for both in (notebook, page))
        if view in ("image", "kernel") or scale == "map":
            np.testing.assert_array_equal(one, other)
        else:  # rounded twice, to the map's own range and to the layer's: one step at the most
            assert one.shape == other.shape
            pairs = zip(one.reshape(-1, 3), other.reshape(-1, 3), strict=True)
            assert max(abs(codes[tuple(a)] - codes[tuple(b)]) for a, b in pairs) <= 1
    for selector in (".fs-which", ".fs-size", ".fs-note", ".fs-ticks", ".fs-bars"):
        ours = f".filterscope {selector}{UNSAVED}"
        texts = [both.page.locator(ours).all_text_contents() for both in (notebook, page)]
        assert texts[0] == texts[1], selector


def test_hover_names_the_value_within_half_a_step(open_page, saved, explorer):
    explorer.select(image=7, layer="conv2", filter=3, channel=None, source="input")
    page = open_page(saved)
    page.ready(image=7, layer=1, filter=3)
    for view, values in (("response", explorer.response), ("activation", explorer.activation)):
        for row, column in ((0, 0), (4, 7), (10, 1)):
            page.canvas(view).hover(position=at_pixel(page, view, row, column))
            readout = page.page.locator(f".fs-{view} .fs-readout")
            expect(readout).to_contain_text(f"row {row}, col {column}")
            found = re.search(r"([−\d.]+) ± ([\d.]+)$", readout.inner_text())
            value, half = (float(number.replace("−", "-")) for number in found.groups())
            assert 0 < half < 0.03
            assert abs(value - values[row, column]) <= half * 1.05


def test_what_was_not_saved_cannot_be_chosen_and_says_so(open_page, saved):
    page = open_page(saved)
    root = page.ready(image=7, layer=1, filter=3)
    expect(page.page.locator("main > .saved")).to_contain_text("images 0 to 31 of 10,000")
    expect(page.page.locator("main > .saved")).to_contain_text("all channels summed")
    options = page.page.locator("select[name=channel] option")
    assert options.evaluate_all("all => all.map(one => one.disabled)") == [False] + [True] * 10
    before = page.canvas_pixels("response")
    page.canvas("kernel").click(position={"x": 20, "y": 40})
    expect(root).to_contain_text("This page was saved without channel 0 alone")
    page.ready(image=7, layer=1, filter=3)
    np.testing.assert_array_equal(page.canvas_pixels("response"), before)
    page.slider("filter").press("ArrowRight")
    page.ready(filter=4)
    expect(root).not_to_contain_text("This page was saved without")


def test_more_was_saved_where_it_was_asked_for(open_page, explorer, tmp_path):
    explorer.select(image=4000, layer="conv2", filter=5, channel=4, source="image")
    path = explorer.save_html(
        tmp_path / "p.html", images=[3, 4000], layers="conv2", channels=[4], precision=32, progress=False
    )
    page = open_page(path)
    page.ready(image=1, layer=0, filter=5)
    expect(page.page.locator(".fs-image")).to_contain_text("Image 4000 of the data set.")
    for source in ("image", "input"):
        page.page.locator("select[name=source]").select_option(source)
        explorer.source = source
        page.ready(image=1, layer=0, filter=5)
        whole = whole_layer(explorer, "response")
        np.testing.assert_array_equal(page.canvas_pixels("response")[..., :3], colours(whole[5], of=whole))
    expect(page.page.locator("main > .saved")).to_contain_text("All values are exact")
    page.canvas("response").hover()
    expect(page.page.locator(".fs-response .fs-readout")).not_to_contain_text("±")
    explorer.select(image=7, layer="conv2", filter=3, channel=None, source="input")


def test_the_strip_pages_and_filters(open_page, saved, explorer):
    page = open_page(saved)
    page.ready()
    strip = page.page.locator(".fs-strip[data-ready=true]")
    strip.wait_for()
    classes = [explorer.select(image=k).label for k in range(32)]
    wrong = [k for k in range(32) if explorer.select(image=k).prediction[0][0] != explorer.label]
    explorer.image_index = 7
    page.page.locator(".fs-strip select[name=class]").select_option(label="Trouser")
    expect(strip.locator("[data-index]")).to_have_count(classes.count("Trouser"))
    shown = strip.locator("[data-index]").evaluate_all("all => all.map(one => +one.dataset.index)")
    assert shown == [k for k in range(32) if classes[k] == "Trouser"]
    strip.locator("[data-index]").nth(1).click()
    page.ready(image=shown[1])
    page.page.locator(".fs-strip select[name=class]").select_option(index=0)
    page.page.locator(".fs-strip select[name=outcome]").select_option("wrong")
    expect(strip.locator("[data-index]")).to_have_count(len(wrong))
    assert strip.locator("[data-index]").evaluate_all("all => all.map(one => +one.dataset.index)") == wrong


def test_names_are_words_and_nothing_else_can_run_or_load(open_page, tmp_path):
    evil = "</script><script>window.evil = 1</script><img src=x onerror='window.evil = 2'>"
    data = (images(3, 1, 12, 12), [0, 1, 2])
    explorer = Explorer(seeded(small_net), data, classes=[evil, "b", "c"])
    drives = [one.drives_most for one in explorer.diagnose().wait().filters]
    explorer.filter_index = drives.index(evil)
    page = open_page(explorer.save_html(tmp_path / "p.html", title=evil, progress=False))
    explorer.close()
    page.ready(image=0)
    expect(page.page.locator(".fs-card")).to_contain_text(f"most for {evil}")
    expect(page.page.locator("h1")).to_have_text(evil)
    expect(page.widget()).to_contain_text(f"true: {evil}")
    open_page.allow("Content Security Policy")
    inject = "() => document.body.append(Object.assign(document.createElement('script'), {text: 'window.evil = 3'}))"
    page.page.evaluate(inject)
    loaded = page.page.evaluate("fetch('data:text/plain,x').then(() => 'loaded', () => 'refused')")
    assert (page.page.evaluate("window.evil ?? null"), loaded) == (None, "refused")


def test_dark_and_light_follow_the_reader(open_page, saved):
    backgrounds = []
    for scheme in ("light", "dark"):
        page = open_page(saved, scheme)
        page.ready()
        looks = "e => [getComputedStyle(e).backgroundColor, getComputedStyle(document.documentElement).backgroundColor]"
        inside, outside = page.widget().evaluate(looks)
        assert inside == outside
        backgrounds.append(inside)
    assert backgrounds == ["rgb(255, 255, 255)", "rgb(22, 25, 29)"]


def test_an_unreadable_image_is_a_sentence(open_page, tmp_path):
    good = np.zeros((1, 12, 12), np.float32)
    explorer = Explorer(seeded(small_net), [good, "no image"])
    page = open_page(explorer.save_html(tmp_path / "p.html", progress=False))
    explorer.close()
    page.ready(image=0)
    page.slider("image").press("ArrowRight")
    expect(page.widget()).to_contain_text("sample 1")
    page.slider("image").press("ArrowLeft")
    page.ready(image=0)


@pytest.mark.parametrize("rank", [1, 3])
def test_signals_and_slices_of_volumes(open_page, tmp_path, rank):
    conv = {1: nn.Conv1d, 3: nn.Conv3d}[rank]
    net = seeded(lambda: nn.Sequential(conv(2, 3, 3), nn.Tanh()))
    explorer = Explorer(net, images(2, 2, *[9] * rank))
    path = explorer.save_html(tmp_path / "p.html", precision=32, sources="input", progress=False)
    page = open_page(path)
    page.ready(image=0)
    whole = whole_layer(explorer, "activation")
    if rank == 1:
        assert page.canvas_pixels("activation").shape == (1, 7, 4)
        explorer.close()
        return
    for k in (3, 6):
        if k == 6:
            page.slider("slice").press("End")
            expect(page.page.locator(".fs-activation")).to_contain_text("slice 6 of 7")
        drawn = whole[:, k]
        np.testing.assert_array_equal(page.canvas_pixels("activation")[..., :3], colours(drawn[0], of=drawn))
    explorer.close()


def test_a_page_that_was_cut_says_so(open_page, saved, tmp_path):
    text = saved.read_text("utf-8")
    broken = tmp_path / "broken.html"
    broken.write_text(re.sub(r'<script [^>]*id="fs-maps-8-1">[^<]*</script>', "", text), "utf-8")
    page = open_page(broken)
    page.ready(image=7)
    page.slider("image").press("ArrowRight")
    expect(page.widget()).to_contain_text('its part "maps-8-1" is missing')
    broken.write_text(text.replace('id="fs-outline"', 'id="fs-nothing"'), "utf-8")
    page = open_page(broken)
    expect(page.page.locator("[role=alert]")).to_contain_text("This page cannot be shown: its part")


def test_a_large_layer_is_shown_as_in_the_notebook(open_page, tmp_path):
    """More kernels than the grid can hold: their mean there, and codes in the large picture."""
    explorer = Explorer(seeded(lambda: nn.Conv2d(512, 256, 3)), torch.rand(1, 512, 6, 6))
    page = open_page(explorer.save_html(tmp_path / "p.html", sources="input", progress=False))
    page.ready(image=0)
    assert read_canvas(page.canvas("grid"))[..., 3].max() == 255
    expect(page.page.locator(".fs-kernel")).to_contain_text("512 of 3×3")
    explorer.close()


def test_a_position_shows_what_it_sees_and_pinned_asks_for_the_notebook(open_page, saved, explorer):
    explorer.select(image=7, layer="conv2", filter=3, channel=None, source="input")
    page = open_page(saved)
    page.ready(image=7, layer=1, filter=3)
    page.settled()
    canvas, at = page.canvas("response"), at_pixel(page, "response", 5, 4)
    canvas.hover(position=at)
    box = explorer.receptive_field(5, 4).inside
    sees = f"sees rows {box.top}–{box.bottom - 1}, cols {box.left}–{box.right - 1}"
    expect(page.page.locator(".fs-image .fs-readout")).to_contain_text(sees)
    field = page.page.locator(".fs-image .fs-beyond .fs-field")
    image, found = boxes(page.canvas("image"), field)
    assert found["x"] - image["x"] == pytest.approx(box.left / 28 * image["width"], abs=2)
    assert found["height"] == pytest.approx((box.bottom - box.top) / 28 * image["height"], abs=4)
    canvas.click(position=at)
    panel = page.page.locator(".fs-arithmetic")
    words = "How its value comes about takes the net"
    expect(panel).to_contain_text(words)
    expect(panel).to_have_attribute("aria-busy", "false")
    assert page.widget().inner_text().count(words) == 1
    expect(panel).not_to_contain_text("computing")
    page.slider("filter").press("ArrowRight")
    page.ready(filter=4)
    expect(panel).to_contain_text(words)
    over = page.page.locator("select[name=overlay]")
    over.select_option("effective")
    expect(page.page.locator(".fs-over-it")).to_contain_text("The gradient takes the net")
    expect(page.page.locator("canvas[data-view=overlay]")).to_be_hidden()
    over.select_option("activation")
    expect(page.page.locator("canvas[data-view=overlay]")).to_be_visible()
    expect(page.page.locator(".fs-over-it")).to_contain_text("each value where it stands in the image")
    canvas.press("Escape")
    expect(panel).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_selected_filter_is_framed_in_the_accent(open_page, saved, scheme):
    page = open_page(saved, scheme)
    page.ready(image=7, layer=1, filter=3)
    accent = {"light": (9, 105, 218), "dark": (88, 166, 255)}[scheme]
    pixels = read_canvas(page.canvas("grid"))[..., :3].reshape(-1, 3)
    assert (pixels == accent).all(1).sum() > 100

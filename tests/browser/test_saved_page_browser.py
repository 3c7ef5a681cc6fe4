"""A saved page in a browser with no network and no kernel: every slider moves, and every pixel is what was saved."""

import re

import numpy as np
import pytest
import torch
from playwright.sync_api import expect
from torch import nn

from expected import colours, gray, table
from explorer_page import ExplorerPage, read_canvas
from filterscope import Explorer, demo
from filterscope.frames.verdicts import build_verdict
from test_accessible import WCAG
from test_interface import AXE

pytestmark = pytest.mark.browser


def seeded(build):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build()


def images(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def small_net():
    last = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), last)


class SavedPage(ExplorerPage):
    """A page opened from disk; there is no Python behind it."""

    def __init__(self, page):
        self.page = page


@pytest.fixture
def open_page(browser_context, tmp_path, pytestconfig, request):
    """Opens a saved page from disk, offline. A request, a message on the console or an error fails the test."""
    context = browser_context.browser.new_context(offline=True, viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(30_000)
    problems, asked = [], []
    allowed = []

    def opened(path, scheme="light"):
        page = context.new_page()
        page.emulate_media(color_scheme=scheme)
        page.on("console", lambda message: problems.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: problems.append(f"page error: {error}"))
        page.on("request", lambda sent: asked.append(sent.url))
        page.goto(path.as_uri())
        asked.remove(path.as_uri())
        return SavedPage(page)

    opened.allow = allowed.append
    yield opened
    output = pytestconfig.rootpath / "test-output"
    output.mkdir(exist_ok=True)
    name = re.sub(r"[^\w.-]+", "_", request.node.name)
    for place, page in enumerate(context.pages):
        page.screenshot(path=output / f"{name}_{place}.png", full_page=True)
    context.close()
    assert asked == []
    assert [one for one in problems if not any(re.search(pattern, one) for pattern in allowed)] == []


@pytest.fixture(scope="module")
def explorer():
    explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
    yield explorer
    explorer.close()


@pytest.fixture(scope="module")
def saved(explorer, tmp_path_factory):
    """The demo's first 32 images, as anybody would save them."""
    explorer.select(image=7, layer="conv2", filter=3, channel=None, source="input")
    return explorer.save_html(tmp_path_factory.mktemp("saved") / "demo.html", progress=False)


def whole_layer(explorer, name):
    chosen = explorer.filter_index
    found = [getattr(explorer.select(filter=k), name) for k in range(explorer.layer.out_channels)]
    explorer.filter_index = chosen
    return np.stack(found)


def in_eight_bits(values):
    """Each map rounded to 253 levels over its own range, as float32."""
    rounded = []
    for one in values.astype(float):
        low, high = one.min(), one.max()
        low, high = (-max(-low, high), max(-low, high)) if low < 0 else (0.0, high)
        step = (high - low) / 252
        place = np.floor((one - low) / (high - low) * 252 + 0.5) if high > low else np.zeros_like(one)
        rounded.append(low + place * step)
    return np.float32(rounded)


def shows(page, explorer, scale="layer"):
    """Every large canvas, against the arrays that Python has."""
    image, layer, one = explorer.image_index, explorer.layer_index, explorer.filter_index
    page.ready(image=image, layer=layer, filter=one)
    np.testing.assert_array_equal(page.canvas_pixels("image")[..., :3], gray(explorer.display))
    for view in ("response", "activation"):
        whole = whole_layer(explorer, view)
        of = whole if scale == "layer" else whole[one]
        np.testing.assert_array_equal(page.canvas_pixels(view)[..., :3], colours(in_eight_bits(whole)[one], of=of))
    if explorer.channel is not None or len(explorer.kernel) == 1:
        kernel = explorer.kernel[explorer.channel or 0]
        of = explorer.layer.kernels[:, explorer.channel or 0]
        of = of if scale == "layer" else kernel
        np.testing.assert_array_equal(page.canvas_pixels("kernel")[..., :3], colours(kernel, of=of))


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


@pytest.mark.parametrize("scale", ["layer", "map"])
def test_it_looks_as_in_jupyterlab(lab, open_page, saved, scale):
    notebook = lab.open(
        [
            "from filterscope import Explorer, demo\n"
            "explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())\n"
            "explorer.select(image=7, layer='conv2', filter=3)"
        ]
    )
    page = open_page(saved)
    for both in (notebook, page):
        both.page.locator("select[name=scale]").select_option(scale)
        both.ready(image=7, layer=1, filter=3)
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
        ours = f".filterscope {selector}:not(.fs-verdicts *)"  # no diagnosis was saved
        texts = [both.page.locator(ours).all_text_contents() for both in (notebook, page)]
        assert texts[0] == texts[1], selector


def test_hover_names_the_value_within_half_a_step(open_page, saved, explorer):
    explorer.select(image=7, layer="conv2", filter=3, channel=None, source="input")
    page = open_page(saved)
    page.ready(image=7, layer=1, filter=3)
    for view, values in (("response", explorer.response), ("activation", explorer.activation)):
        canvas = page.canvas(view)
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        for row, column in ((0, 0), (4, 7), (10, 1)):
            height, width = values.shape
            x, y = box["x"] + (column + 0.5) * box["width"] / width, box["y"] + (row + 0.5) * box["height"] / height
            page.page.mouse.move(x, y)
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


@pytest.fixture(scope="module")
def judged(explorer, tmp_path_factory):
    """The demo net's page with verdicts."""
    explorer.diagnose(images=200).wait()
    explorer.select(image=7, layer="conv2", filter=3, channel=None, source="input")
    return explorer.save_html(tmp_path_factory.mktemp("judged") / "demo.html", images=range(8), progress=False)


def test_verdicts_are_shown_sorted_and_counted(open_page, judged, explorer):
    page = open_page(judged)
    page.ready(image=7, layer=1, filter=3)
    root = page.page.locator(".fs-verdicts[data-status=done]")
    expect(root).to_contain_text("200 images looked at")
    for layer in (1, 0):
        if layer == 0:
            page.drag("layer", 0.0)
        name = explorer.layers[layer].name
        found = explorer.diagnosis.of_layer(name)
        expect(root.locator(".fs-summary")).to_have_text(f"{explorer.diagnosis.summary(name)}.")
        page.page.locator(f".fs-card[data-shown^='{layer} ']").wait_for()
        badges = page.page.locator(".fs-badges .fs-badge")
        expect(badges).to_have_count(len(found))
        shown = badges.evaluate_all(
            "all => all.map(one => [+one.dataset.badge, one.dataset.structure, one.dataset.use])"
        )
        assert shown == [[one.filter, one.structure, one.use] for one in found]
    page.slider("filter").press("End")
    page.ready(layer=0, filter=9)
    expect(page.page.locator(".fs-card .fs-plain")).to_have_text(page_words(explorer, 0, 9))
    page.page.locator("select[name=grid-show]").select_option("used")
    used = [one.filter for one in found if one.use == "used"]
    assert 0 < len(used) < len(found)
    expect(badges).to_have_count(len(used))
    page.page.locator("select[name=grid-sort]").select_option("use")
    by_use = sorted(used, key=lambda k: -found[k].delta_loss)
    expect(badges.first).to_have_attribute("data-badge", str(by_use[0]))
    assert [int(k) for k in page.canvas("grid").get_attribute("data-order").split()] == by_use


def page_words(explorer, layer, index):
    return build_verdict(explorer.session.engine, explorer.session.examiner, layer, index)["words"]


KERNEL_ONLY = (
    "button[name=diagnose], button[name=cancel-diagnosis], input[name=diagnose-images], .fs-without, [name=measure]"
)


def test_what_takes_a_kernel_is_not_beside_the_verdicts(open_page, judged, saved):
    page = open_page(judged)
    page.page.locator(".fs-card[data-shown^='1 3 ']").wait_for()
    expect(page.page.locator(KERNEL_ONLY)).to_have_count(0)
    expect(page.page.locator("main > .saved")).to_contain_text("With a verdict for each filter that was judged.")
    page = open_page(saved)
    page.ready()
    page.widget().locator("xpath=self::*[@data-panels='true']").wait_for()
    expect(page.page.locator(".fs-verdicts, .fs-verdict-bar")).to_have_count(0)
    expect(page.page.locator("main > .saved")).not_to_contain_text("verdict")


def test_verdicts_of_earlier_weights_say_so(open_page, tmp_path):
    net = seeded(small_net)
    explorer = Explorer(net, (images(3, 1, 12, 12), [0, 1, 2]))
    explorer.diagnose().wait()
    with torch.no_grad():
        net[0].weight.mul_(2)
    page = open_page(explorer.save_html(tmp_path / "p.html", progress=False))
    explorer.close()
    page.ready(image=0)
    verdicts = page.page.locator(".fs-verdicts")
    expect(verdicts.locator(".fs-summary")).to_contain_text("Of earlier weights: ")
    expect(verdicts).to_contain_text("with earlier weights than the net has here")
    expect(page.page.locator(".fs-badges.fs-earlier")).to_have_count(1)


def test_a_position_shows_what_it_sees_and_pinned_asks_for_the_notebook(open_page, saved, explorer):
    explorer.select(image=7, layer="conv2", filter=3, channel=None, source="input")
    page = open_page(saved)
    page.ready(image=7, layer=1, filter=3)
    canvas, rows = page.canvas("response"), explorer.response.shape[0]
    canvas.scroll_into_view_if_needed()
    size = canvas.bounding_box()["height"]
    at = {"x": 4.5 * size / rows, "y": 5.5 * size / rows}
    canvas.hover(position=at)
    box = explorer.receptive_field(5, 4).inside
    sees = f"sees rows {box.top}–{box.bottom - 1}, cols {box.left}–{box.right - 1}"
    expect(page.page.locator(".fs-image .fs-readout")).to_contain_text(sees)
    field = page.page.locator(".fs-image .fs-beyond .fs-field")
    image, found = page.canvas("image").bounding_box(), field.bounding_box()
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


AXE_RUN = f"() => axe.run(document, {{runOnly: {WCAG}, resultTypes: ['violations']}})"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_any_state(open_page, judged, scheme):
    """The whole page: with verdicts, a position pinned, something over the image, a filter on the strip, and narrow."""
    page = open_page(judged, scheme)
    page.ready(image=7, layer=1, filter=3)
    page.page.locator(".fs-card[data-shown^='1 3 ']").wait_for()
    page.page.locator(".fs-strip[data-ready=true]").wait_for()
    page.page.evaluate(AXE.read_text())

    def check(state):
        results = page.page.evaluate(AXE_RUN)
        assert "color-contrast" in [rule["id"] for rule in results["passes"]], state
        found = [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in results["violations"]]
        assert found == [], state

    check("as it opens")
    page.canvas("response").click()
    expect(page.page.locator(".fs-arithmetic")).to_contain_text("How its value comes about takes the net")
    page.page.locator("select[name=overlay]").select_option("activation")
    expect(page.page.locator("canvas[data-view=overlay]")).to_be_visible()
    check("a position is pinned")
    page.page.locator("select[name=grid-show]").select_option("used")
    page.page.locator(".fs-strip select[name=class]").select_option(label="Trouser")
    page.page.locator(".fs-strip[data-ready=true]").wait_for()
    page.page.get_by_role("combobox", name="layer by name").fill("conv")
    check("filtered, and the layer search is open")
    page.page.keyboard.press("Escape")
    for width in (700, 400):
        page.page.set_viewport_size({"width": width, "height": 1000})
        page.ready()
        check(f"{width} pixels wide")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_selected_filter_is_framed_in_the_accent(open_page, saved, scheme):
    page = open_page(saved, scheme)
    page.ready(image=7, layer=1, filter=3)
    accent = {"light": (9, 105, 218), "dark": (88, 166, 255)}[scheme]
    pixels = read_canvas(page.canvas("grid"))[..., :3].reshape(-1, 3)
    assert (pixels == accent).all(1).sum() > 100

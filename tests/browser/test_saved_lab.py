"""The lab of a saved page, in a browser with no network and no kernel: kernels edited there give what Python gives."""

import numpy as np
import pytest
from playwright.sync_api import expect

from axe import AXE, WCAG
from expected import colours
from filterscope import Explorer, demo

pytestmark = pytest.mark.browser

SOBEL = [-1, 0, 1, -2, 0, 2, -1, 0, 1]


@pytest.fixture(scope="module")
def with_lab(tmp_path_factory):
    """An explorer at conv1, and its page with the lab of that layer; each value in full precision."""
    explorer = Explorer(demo.fashion_net(), demo.fashion_test_data(), image_index=2, filter_index=1)
    path = tmp_path_factory.mktemp("lab") / "demo.html"
    yield explorer, explorer.save_html(path, images=range(4), precision=32, lab=True, progress=False)
    explorer.close()


def test_a_kernel_is_edited_without_python_and_all_pictures_of_the_layer_follow(open_page, with_lab):
    explorer, path = with_lab
    page = open_page(path)
    page.ready(image=2, layer=0, filter=1)
    expect(page.page.locator(".saved")).to_contain_text("With the lab of conv1")
    page.page.locator("button[name=lab]").click()
    section = page.page.locator("section[data-panel=lab]")
    expect(section.locator("[role=tab]")).to_have_text(["Kernel", "Slide"])
    cells = section.locator(".fs-cells input")
    expect(cells).to_have_count(9)
    for place, value in enumerate(SOBEL):
        cells.nth(place).fill(str(value))
        cells.nth(place).press("Enter")
    expect(section.locator(".fs-edits")).to_contain_text("Edited: conv1 filter 1. The pictures of this layer are")
    page.ready(image=2, layer=0, filter=1)

    def expect_pictures(kernel):
        explorer.kernel = kernel
        for view, own in (("response", explorer.response), ("activation", explorer.activation)):
            engine = explorer.session.engine
            maps = engine.maps(2, 0)
            every = maps.activation if view == "activation" else None
            every = (
                every.float().numpy()
                if every is not None
                else np.stack([engine.response(2, 0, k, None, "input") for k in range(10)])
            )
            # The page adds up in double precision: a value between two colours may have the other one.
            page.expect_pixels(view, colours(own, of=every), step=4)
        explorer.kernel = None

    expect_pictures(np.float32(SOBEL).reshape(3, 3))
    # Another image and back; what is edited stays.
    page.slider("image").press("ArrowRight")
    page.ready(image=3, layer=0, filter=1)
    page.slider("image").press("ArrowLeft")
    page.ready(image=2, layer=0, filter=1)
    expect_pictures(np.float32(SOBEL).reshape(3, 3))
    section.locator("select[name=lab-preset]").select_option(label="Gaussian")
    section.locator("button[name=lab-undo]").click()
    expect(cells.nth(3)).to_have_value("−2.0")
    page.ready(image=2, layer=0, filter=1)
    expect_pictures(np.float32(SOBEL).reshape(3, 3))
    section.locator("button[name=lab-reset]").click()
    expect(section.locator(".fs-edits")).to_contain_text("Nothing is edited")
    page.ready(image=2, layer=0, filter=1)
    expect_pictures(None)
    section.locator("button[name=lab-tab-slide]").click()
    section.locator("[data-at]").wait_for()
    page.page.evaluate(AXE.read_text())
    violations = page.page.evaluate(f"() => axe.run(document, {{runOnly: {WCAG}}}).then(r => r.violations)")
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in violations] == []
    section.locator("button[name=lab-tab-kernel]").click()
    page.slider("layer").press("ArrowRight")
    expect(section.locator(".fs-complaint")).to_contain_text("This page has the lab of conv1 alone")
    expect(cells.first).to_be_disabled()


def test_a_page_without_it_has_no_lab(open_page, saved):
    page = open_page(saved)
    page.ready()
    page.widget().locator("xpath=self::*[@data-panels='true']").wait_for()
    expect(page.page.locator("button[name=lab]")).to_have_count(0)

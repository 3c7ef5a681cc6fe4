"""The exemplars of a saved page, in a browser with no network and no kernel, against Python's scan to the pixel."""

import numpy as np
import pytest
from playwright.sync_api import expect

from axe import AXE, WCAG
from explorer_page import read_canvas
from filterscope import Explorer, demo

pytestmark = pytest.mark.browser

IMAGES = 12


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    """An explorer with a scan, and its page, which has the first images of the data set."""
    explorer = Explorer(demo.fashion_net(), demo.fashion_test_data(), layer_index=1, filter_index=3)
    explorer.scan(images=range(100)).wait()
    path = tmp_path_factory.mktemp("scanned") / "demo.html"
    yield explorer, explorer.save_html(path, images=range(IMAGES), progress=False)
    explorer.close()


def shown(page, layer, index, kind="top"):
    page.page.locator(f".fs-exemplars[data-shown^='{layer} {index} {kind} ']").wait_for()
    return page.page.locator(".fs-wall [role=option]")


def expect_crops(crops, exemplars):
    """The wall's crops are these of Python's, pixel by pixel."""
    expect(crops).to_have_count(len(exemplars))
    for place, exemplar in enumerate(exemplars):
        assert crops.nth(place).get_attribute("data-image") == str(exemplar.image)
        gray = np.floor(exemplar.crop().pixels * 255 + 0.5).astype(np.uint8)
        expected = np.dstack([gray, gray, gray, np.full(gray.shape, 255)])
        np.testing.assert_array_equal(read_canvas(crops.nth(place).locator("canvas")), expected)


def test_every_kind_is_there_for_every_filter(open_page, scanned):
    explorer, path = scanned
    scan = explorer.newest_scan
    page = open_page(path)
    page.ready(layer=1, filter=3)
    expect_crops(shown(page, 1, 3), scan.top("conv2", 3, 36).fold()[:12])
    expect(page.page.locator(".fs-scan-how")).to_have_text("100 images looked at")
    expect(page.page.locator("button[name=scan], input[name=scan-images]").first).to_be_hidden()
    page.page.locator("select[name=exemplars-kind]").select_option("typical")
    typical = [exemplar for group in scan.typical("conv2", 3) for exemplar in group.fold()]
    expect_crops(shown(page, 1, 3, "typical"), typical)
    page.page.locator("select[name=exemplars-kind]").select_option("class")
    by_class = [exemplar for part in scan.by_class("conv2", 3, k=12).values() for exemplar in part.fold()[:4]]
    expect_crops(shown(page, 1, 3, "class"), by_class)
    page.page.locator("select[name=exemplars-kind]").select_option("bottom")
    page.slider("filter").press("Home")
    page.ready(layer=1, filter=0)
    expect_crops(shown(page, 1, 0, "bottom"), scan.bottom("conv2", 0, 36).fold()[:12])
    expect(page.page.locator(".fs-exemplar-side canvas").first).to_be_visible()  # where it fires
    page.page.evaluate(AXE.read_text())
    found = page.page.evaluate(f"() => axe.run(document, {{runOnly: {WCAG}, resultTypes: ['violations']}})")
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found["violations"]] == []


def test_a_crop_of_a_saved_image_goes_there_and_of_another_says_so(open_page, scanned):
    _, path = scanned
    page = open_page(path)
    page.ready(layer=1, filter=3)
    page.page.locator("select[name=exemplars-kind]").select_option("class")
    crops = shown(page, 1, 3, "class")
    images = [int(image) for image in crops.evaluate_all("all => all.map(crop => crop.dataset.image)")]
    there = next(place for place, image in enumerate(images) if 0 < image < IMAGES)
    crops.nth(there).click()
    page.ready(image=images[there], layer=1, filter=3)
    page.page.locator(".fs-activation .fs-marker.fs-pinned").wait_for()
    expect(crops.nth(there)).to_have_attribute("aria-selected", "true")
    elsewhere = next(place for place, image in enumerate(images) if image >= IMAGES)
    crops.nth(elsewhere).click()
    sentence = f"Image {images[elsewhere]} of the data set is not in this page."
    expect(page.page.locator("section[data-panel=exemplars]")).to_contain_text(sentence)
    page.ready(image=images[there], layer=1, filter=3)


def test_what_drives_each_filter_most_stands_beside_its_kernel(open_page, scanned):
    explorer, path = scanned
    page = open_page(path)
    page.ready(layer=1, filter=3)
    shown(page, 1, 3)
    page.page.locator("select[name=grid-map]").select_option("best-crop")
    first = page.page.locator(".fs-best-crops canvas").first
    first.wait_for()
    best = explorer.newest_scan.top("conv2", 0, 1)[0].crop().pixels
    gray = np.floor(best * 255 + 0.5).astype(np.uint8)
    np.testing.assert_array_equal(read_canvas(first)[..., 0], gray)


def test_a_page_without_a_scan_has_no_exemplars(open_page, saved):
    page = open_page(saved)
    page.ready()
    page.widget().locator("xpath=self::*[@data-panels='true']").wait_for()
    expect(page.page.locator(".fs-exemplars")).to_have_count(0)

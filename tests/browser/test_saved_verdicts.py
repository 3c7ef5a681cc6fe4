"""The verdicts of a saved page, in a browser with no network and no kernel; and the whole page by axe-core."""

import pytest
import torch
from playwright.sync_api import expect

from axe import AXE, WCAG
from filterscope import Explorer
from filterscope.frames.verdicts import build_verdict
from nets import images, seeded
from opened_page import small_net

pytestmark = pytest.mark.browser


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
    return build_verdict(explorer.layers[layer], explorer.diagnosis, index)["words"]


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


AXE_RUN = f"() => axe.run(document, {{runOnly: {WCAG}, resultTypes: ['violations']}})"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_any_state(open_page, judged, scheme):
    """The whole page: with verdicts, a position pinned, something over the image, a filter on the strip, and narrow."""
    page = open_page(judged, scheme)
    page.ready(image=7, layer=1, filter=3)
    page.page.locator(".fs-card[data-shown^='1 3 ']").wait_for()
    page.page.evaluate(AXE.read_text())

    def check(state):
        page.settled()
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
    page.page.get_by_role("combobox", name="layer by name").fill("conv")
    check("filtered, and the layer search is open")
    page.page.keyboard.press("Escape")
    for width in (700, 400):
        page.page.set_viewport_size({"width": width, "height": 1000})
        check(f"{width} pixels wide")

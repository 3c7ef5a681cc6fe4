"""The timeline of a saved page, in a browser with no network and no kernel: what torch gives at each checkpoint."""

import re

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from axe import AXE, WCAG
from expected import colours
from explorer_page import read_canvas
from filterscope import Explorer, demo
from opened_page import in_eight_bits, shows, whole_layer
from saved_pages import Page

pytestmark = pytest.mark.browser

EPOCHS = (0, 1, 20)


def at(page, checkpoint, **selection):
    root = page.ready(**selection)
    page.page.locator(f".filterscope[data-ready=true][data-checkpoint='{checkpoint}']").wait_for()
    return root


def test_a_filter_at_each_checkpoint_without_python(open_page, tmp_path):
    nets = {f"epoch {epoch}": demo.fashion_net(epoch=epoch) for epoch in EPOCHS}
    data = demo.fashion_test_data()
    explorer = Explorer(nets["epoch 20"], data, checkpoints=nets, filter_index=1)
    explorer.diagnose_over_time(images=50).wait()
    path = explorer.save_html(tmp_path / "p.html", images=range(2), precision=32, timeline=True, progress=False)
    explorer.close()
    page = open_page(path)
    page.ready(image=0, layer=0, filter=1)
    expect(page.page.locator(".saved")).to_contain_text("With conv1 over 3 checkpoints. All else is of epoch 0.")
    panel = page.page.locator("section[data-panel=timeline]")
    expect(panel).to_be_hidden()
    page.page.locator("button[name=show-timeline]").click()
    cells = panel.locator("button.fs-time-cell")

    def expect_strip(image, k):
        page.page.locator(f".fs-timeline[data-strip='3'][data-filter='{k}'][data-image='{image}']").wait_for()
        with torch.no_grad():
            maps = [torch.relu(net.conv1(data[image][0][None]))[0, k].numpy() for net in nets.values()]
        kernels = [net.conv1.weight[k, 0].detach().numpy() for net in nets.values()]
        for at in range(3):
            canvases = cells.nth(at).locator("canvas")
            for place, values in enumerate((kernels, maps)):
                shown = read_canvas(canvases.nth(place))[..., :3].astype(int)
                expected = colours(values[at], of=np.stack(values)).astype(int)
                # The page's convolution and this one add up in another order: a value may have the next colour.
                assert np.abs(shown - expected).max() <= 4, (at, place)

    expect_strip(0, 1)
    expect(panel).to_contain_text("3 of 3 checkpoints judged on 50 images")
    expect(panel.locator("button[name=judge-timeline]")).to_be_hidden()
    expect(cells.nth(0)).to_have_attribute("aria-pressed", "true")
    cells.nth(2).click()
    at(page, 2, image=0, layer=0, filter=1)
    expect(cells.nth(2)).to_have_attribute("aria-pressed", "true")
    page.slider("filter").press("ArrowRight")
    page.slider("image").press("ArrowRight")
    page.ready(image=1, layer=0, filter=2)
    expect_strip(1, 2)
    page.page.evaluate(AXE.read_text())
    violations = page.page.evaluate(f"() => axe.run('.fs-timeline', {{runOnly: {WCAG}}}).then(r => r.violations)")
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in violations] == []
    # Of another layer nothing was saved.
    page.slider("layer").press("ArrowRight")
    at(page, 0, image=1, layer=1)
    expect(panel).to_be_hidden()
    expect(page.page.locator("button[name=show-timeline]")).to_be_hidden()


def test_the_slider_moves_through_the_checkpoints_of_what_was_saved(open_page, tmp_path, capsys):
    nets = {f"epoch {epoch}": demo.fashion_net(epoch=epoch) for epoch in EPOCHS}
    explorer = Explorer(nets["epoch 20"], demo.fashion_test_data(), checkpoints=nets, filter_index=1)
    path, options = tmp_path / "p.html", {"images": range(3), "timeline": True, "lab": True}
    parts = Page(explorer.save_html(path, **options)).parts
    about = float(re.search(r"about (\S+) MB", capsys.readouterr().err)[1]) * 1e6
    kernels, first = (
        sum(len(parts[name]) for name in parts if name.startswith(of)) for of in ("layer-at-", "maps-at-0-")
    )
    # Half of what all else leaves has room for two of the three images, and a half.
    explorer.save_html(path, limit_mb=(about + kernels + 2 * first) / 1e6, progress=False, **options)
    page = open_page(path)
    root = at(page, 0, image=0, layer=0, filter=1)
    expect(page.page.locator(".saved")).to_contain_text("The checkpoint slider has 2 of the 3 images")
    slider, note = page.slider("checkpoint"), root.locator(".fs-checkpoint + .fs-note")
    assert [slider.get_attribute(name) for name in ("min", "max")] == ["0", "2"]
    expect(root.locator("button[name=net-itself]")).to_be_hidden()
    expect(root.locator("button[name=lab]")).to_be_visible()

    # By the keys: kernel, response and activation of each checkpoint, as Python has them.
    whole = []
    for checkpoint in range(3):
        if checkpoint:
            slider.press("ArrowRight")
        at(page, checkpoint)
        expect(root.locator(".fs-checkpoint .fs-words")).to_have_text(f"epoch {EPOCHS[checkpoint]}")
        explorer.checkpoint_index = checkpoint
        shows(page, explorer)
        whole.append(whole_layer(explorer, "activation"))
    expect(root.locator("button[name=lab]")).to_be_hidden()
    expect(note).to_have_text("The lab is there at one checkpoint alone: epoch 0.")
    prediction = explorer.session.engine.prediction(0)[0][0]
    image_row = page.slider("image").locator("xpath=ancestor::div[contains(@class, 'fs-slider')][1]")
    expect(image_row).to_contain_text(str(prediction))
    page.page.locator("select[name=scale]").select_option("checkpoints")
    page.settled()
    expected = colours(in_eight_bits(whole[2])[1], of=np.stack(whole))
    np.testing.assert_array_equal(page.canvas_pixels("activation")[..., :3], expected)
    page.page.locator("select[name=scale]").select_option("layer")

    # Another image has its own; of a third the page has one checkpoint alone, and says so.
    page.slider("image").press("ArrowRight")
    at(page, 2, image=1)
    explorer.image_index = 1
    shows(page, explorer)
    page.slider("image").press("ArrowRight")
    at(page, 0, image=2)
    expect(note).to_have_text("This page has image 2 at one checkpoint alone: epoch 0.")
    expect(root.get_by_text("This page has image 2 at one checkpoint alone: epoch 0.")).to_have_count(2)
    expect(slider).to_be_disabled()
    explorer.select(image=2, checkpoint=0)
    shows(page, explorer)
    page.slider("image").press("ArrowLeft")
    at(page, 0, image=1)
    expect(slider).to_be_enabled()

    # The button plays them to the end.
    root.locator("button[name=play]").click()
    at(page, 2, image=1)
    explorer.select(image=1, checkpoint=2)
    shows(page, explorer)
    page.slider("layer").press("ArrowRight")
    at(page, 0, image=1, layer=1)
    explorer.select(layer=1, checkpoint=0)
    shows(page, explorer)
    explorer.close()

"""The timeline of a saved page, in a browser with no network and no kernel: what torch gives at each checkpoint."""

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from axe import AXE, WCAG
from expected import colours
from explorer_page import read_canvas
from filterscope import Explorer, demo

pytestmark = pytest.mark.browser

EPOCHS = (0, 1, 20)


def test_a_filter_at_each_checkpoint_without_python(open_page, tmp_path):
    nets = {f"epoch {epoch}": demo.fashion_net(epoch=epoch) for epoch in EPOCHS}
    data = demo.fashion_test_data()
    explorer = Explorer(nets["epoch 20"], data, checkpoints=nets, filter_index=1)
    explorer.diagnose_over_time(images=50).wait()
    path = explorer.save_html(tmp_path / "p.html", images=range(2), precision=32, timeline=True, progress=False)
    explorer.close()
    page = open_page(path)
    page.ready(image=0, layer=0, filter=1)
    expect(page.page.locator(".saved")).to_contain_text("With conv1 over 3 checkpoints.")
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
    expect(panel).to_contain_text("The pictures above are of epoch 0, whichever checkpoint is marked here.")
    expect(panel).to_contain_text("3 of 3 checkpoints judged on 50 images")
    expect(panel.locator("button[name=judge-timeline]")).to_be_hidden()
    expect(cells.nth(0)).to_have_attribute("aria-pressed", "true")
    picture = page.canvas_pixels("activation")
    cells.nth(2).click()
    expect(cells.nth(2)).to_have_attribute("aria-pressed", "true")
    np.testing.assert_array_equal(page.canvas_pixels("activation"), picture)
    page.slider("filter").press("ArrowRight")
    page.slider("image").press("ArrowRight")
    page.ready(image=1, layer=0, filter=2)
    expect_strip(1, 2)
    page.page.evaluate(AXE.read_text())
    violations = page.page.evaluate(f"() => axe.run('.fs-timeline', {{runOnly: {WCAG}}}).then(r => r.violations)")
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in violations] == []
    # Of another layer nothing was saved.
    page.slider("layer").press("ArrowRight")
    page.ready(image=1, layer=1)
    expect(panel).to_be_hidden()
    expect(page.page.locator("button[name=show-timeline]")).to_be_hidden()

"""The fourth slider: what a page paints of each checkpoint, and that it grows while a cell runs."""

import numpy as np
import pytest
from playwright.sync_api import expect

from explorer_page import read_canvas

pytestmark = pytest.mark.browser

DEMO = """
from filterscope import Explorer, demo
nets = {f"epoch {epoch}": demo.fashion_net(epoch=epoch) for epoch in (0, 1, 20)}
explorer = Explorer(demo.fashion_net(epoch=1), demo.fashion_test_data(), checkpoints=nets, layer_index=1)
explorer
"""


def at(notebook, checkpoint, **selection):
    root = notebook.ready(layer=1, **selection)
    root.page.locator(f".filterscope[data-ready=true][data-checkpoint='{checkpoint}']").wait_for()
    notebook.expect_python("explorer.checkpoint_index", checkpoint)
    return root


def test_the_checkpoint_slider_plays_compares_and_grows(lab):
    notebook = lab.open([DEMO])
    root = at(notebook, 0)
    slider = notebook.slider("checkpoint")
    assert [slider.get_attribute(name) for name in ("min", "max")] == ["0", "2"]
    pixels = [notebook.canvas_pixels("kernel")]
    for checkpoint in (1, 2):
        slider.press("ArrowRight")
        at(notebook, checkpoint)
        pixels.append(notebook.canvas_pixels("kernel"))
    assert not np.array_equal(pixels[0], pixels[1]) and not np.array_equal(pixels[1], pixels[2])
    expect(root.locator(".fs-checkpoint .fs-words")).to_have_text("epoch 20")
    # Back, from what the page holds, and as it was.
    notebook.python("explorer.checkpoint_index = 0")
    at(notebook, 0)
    np.testing.assert_array_equal(notebook.canvas_pixels("kernel"), pixels[0])
    # The net itself is the second checkpoint's net.
    root.locator("button[name=net-itself]").click()
    notebook.expect_python("explorer.checkpoint_index", None)
    notebook.ready(layer=1)
    expect(root).not_to_have_attribute("data-checkpoint", "0")
    np.testing.assert_array_equal(notebook.canvas_pixels("kernel"), pixels[1])
    # Played from the start to the end.
    root.locator("button[name=play]").click()
    at(notebook, 2)
    np.testing.assert_array_equal(notebook.canvas_pixels("kernel"), pixels[2])

    # Through time: out of sight until it is asked for.
    panel = root.locator("section[data-panel=timeline]")
    expect(panel).to_be_hidden()
    root.locator("button[name=show-timeline]").click()
    root.locator(".fs-timeline[data-strip='3'][data-read='3']").wait_for()
    expect(panel).to_be_visible()
    cells = panel.locator("button.fs-time-cell")
    expect(cells).to_have_count(3)
    expect(cells.nth(2)).to_have_attribute("aria-pressed", "true")
    kernels = [read_canvas(cells.nth(k).locator("canvas").first) for k in range(3)]
    assert not np.array_equal(kernels[0], kernels[1])
    cells.nth(1).click()
    at(notebook, 1)
    root.locator("input[name=timeline-images]").fill("60")
    root.locator("button[name=judge-timeline]").click()
    root.locator(".fs-timeline[data-judged='3']").wait_for()
    notebook.expect_python("explorer.session.timeline.diagnosis.done", True)

    # It grows while a cell runs.
    notebook.python("[explorer.record(epoch=epoch) for epoch in (21, 22)][-1]")
    expect(slider).to_have_attribute("max", "4")
    expect(cells).to_have_count(5)
    root.locator(".fs-timeline[data-strip='5'][data-read='5']").wait_for()
    slider.press("End")
    at(notebook, 4)
    notebook.expect_python(
        "bool((abs(explorer.kernel - nets['epoch 1'].conv2.weight[0].detach().numpy()) < 1e-3).all())", True
    )

"""The tray in a real JupyterLab: filters out of the net, what that costs, and the lines that make the smaller net."""

import re

import pytest
from playwright.sync_api import expect

from axe import AXE, WCAG
from demo_page import THEMES, lay_out, open_demo

pytestmark = pytest.mark.browser


def test_filters_go_into_the_tray_and_the_copied_lines_make_that_net(lab):
    notebook, root = open_demo(lab, image=2, layer=1, filter=3)
    expect(root.locator("section[data-panel=surgery]")).to_have_count(0)
    root.locator("button[name=surgery]").click()
    section = root.locator("section[data-panel=surgery]")
    expect(section.locator(".fs-tray-says")).to_contain_text("press Diagnose first")
    notebook.python("explorer.diagnose(images=300, ablation=False).wait(); None")
    filters = section.locator(".fs-tray-filters button")
    expect(filters).to_have_count(20)
    filters.nth(4).click()
    filters.nth(3).click()
    section.locator("button[name=tray-dead]").click()
    expect(section.locator(".fs-tray-contents")).to_contain_text("Without conv2: 3, 4, 11 (3 of 20)")
    lines = section.locator("textarea").input_value()
    notebook.python(f"exec({lines!r}); None")
    assert notebook.python("{name: list(gone) for name, gone in plan.filters.items()}") == {"conv2": [3, 4, 11]}
    after = notebook.python(
        "float(__import__('torch').softmax(smaller(__import__('torch').from_numpy(explorer.image)[None]), 1).max())"
    )
    shown = [row.split("→")[-1] for row in section.locator(".fs-much").all_inner_texts()]
    assert max(int(re.search(r"\d+", one)[0]) for one in shown) == pytest.approx(100 * after, abs=0.51)

    section.locator("button[name=tray-measure]").click()
    expect(section.locator("[data-measured=true] .fs-tray-result")).to_contain_text(
        "1,000 images that were not used to choose"
    )
    cost = notebook.python("plan.cost.accuracy_after")
    expect(section.locator(".fs-tray-result")).to_contain_text(f"→ {100 * cost:.1f} % right")

    compare, both = section.locator("button[name=tray-compare]"), root.locator("section[data-panel=comparison]")
    expect(both).to_be_hidden()
    compare.click()
    expect(both).to_contain_text("conv2: 17 of 20 stay, 3 left out")
    expect(both).to_contain_text("Filter 3 of a was left out of b")
    assert notebook.python("explorer.comparison.of_layer('conv2').partner[[3, 5]].tolist()") == [-1, 3]
    notebook.screenshot("smaller beside the original")
    compare.click()
    expect(both).to_be_hidden()
    assert notebook.python("explorer.comparison is None")

    section.locator("button[name=tray-order]").click()
    slider = section.locator("input[name=tray-size]")
    expect(slider).to_have_attribute("max", "28")
    slider.press("ArrowRight")
    expect(section.locator(".fs-tray-contents")).to_contain_text("Without conv2: 11 (1 of 20)")  # which is dead
    section.locator("button[name=tray-widths]").click()
    expect(section.locator("figcaption")).to_contain_text("down to 2 filters")
    assert notebook.python("explorer.session.engine.net.conv2.out_channels") == 20

    notebook.page.add_script_tag(path=str(AXE))
    for theme in THEMES:
        notebook.theme(theme)
        for width in (700, 1600):
            lay_out(notebook, width)
            notebook.screenshot(f"tray {theme} {width}")
            assert section.evaluate("root => root.scrollWidth <= root.clientWidth")
        found = section.evaluate(f"root => axe.run(root, {{runOnly: {WCAG}}})")
        assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []

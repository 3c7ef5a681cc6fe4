"""Useful, or random noise? The verdicts in the page: begun, cancelled, sorted, explained, and filters left out."""

import itertools
import json

import numpy as np
import pytest
from playwright.sync_api import expect

from axe import AXE
from demo_page import set_width

pytestmark = pytest.mark.browser

DEMO = """
from filterscope import Explorer, demo
net = demo.fashion_net()
explorer = Explorer(net, demo.fashion_test_data(), layer_index=1, filter_index=3)
explorer
"""


def open_demo(lab, *cells):
    notebook = lab.open([DEMO, *cells])
    notebook.ready(image=0, layer=1, filter=3)
    return notebook, notebook.settled()


def verdicts(root, **data):
    wanted = "".join(f"[data-{name}='{value}']" for name, value in data.items())
    return root.locator(f"section.fs-verdicts{wanted}")


def diagnose(root, images=120):
    """Presses the button and waits for the end."""
    root.locator("input[name=diagnose-images]").fill(str(images))
    root.locator("button[name=diagnose]").click()
    expect(root.locator(".fs-how")).to_have_text(f"{images} images looked at")
    verdicts(root, status="done").wait_for()


def evidence(notebook, root, layer, filter):
    """Waits for what is known now of a filter, and not while the diagnosis ran."""
    version = notebook.python("explorer.diagnosis.version")
    card = root.locator(f".fs-card[data-shown='{layer} {filter} {version}']")
    card.wait_for()
    return card


def badges(root):
    """What the badges say, by filter."""
    found = root.locator(".fs-badges [data-badge]").evaluate_all(
        "all => all.map(e => [+e.dataset.badge, e.dataset.structure, e.dataset.state, e.dataset.use, e.innerText])"
    )
    return {number: rest for number, *rest in found}


def cells(notebook):
    """The grid's cells below their numbers, by filter."""
    canvas = notebook.canvas("grid")
    data = canvas.evaluate("e => ({...e.dataset, ratio: e.width / e.clientWidth})")
    order = [int(one) for one in data["order"].split()]
    pixels = notebook.canvas_pixels("grid")
    width, height = (round(float(data[name]) * data["ratio"]) for name in ("cellWidth", "cellHeight"))
    columns, header = int(data["columns"]), round(18 * data["ratio"])
    found = {}
    for place, number in enumerate(order):
        x, y = place % columns * width, place // columns * height
        # The frame around the selected one stands at the edges.
        found[number] = pixels[y + header : y + height - 8, x + 5 : x + width - 60]
    return order, found


def press_cell(notebook, place):
    """Clicks into the cell at that place."""
    canvas = notebook.canvas("grid")
    data = canvas.evaluate("e => ({...e.dataset})")
    columns, width, height = int(data["columns"]), float(data["cellWidth"]), float(data["cellHeight"])
    canvas.click(position={"x": place % columns * width + 30, "y": place // columns * height + 30})


def test_the_badges_and_the_summary_are_pythons(lab):
    notebook, root = open_demo(lab)
    _, before = cells(notebook)
    expect(root.get_by_text("Useful, or random noise?")).to_be_visible()
    height = "e => e.querySelector('.fs-pictures').getBoundingClientRect().bottom - e.getBoundingClientRect().top"
    above = root.evaluate(height)
    diagnose(root)
    rows = notebook.python("[[f.structure, f.state, f.use] for f in explorer.diagnosis.of_layer('conv2')]")
    shown = badges(root)
    assert [shown[k][:3] for k in range(20)] == rows
    assert shown[11][3].split() == ["N", "✕", "dead"] and shown[0][3].startswith("S")
    summary = notebook.python("explorer.diagnosis.summary('conv2')")
    assert root.locator(".fs-summary").inner_text() == f"{summary}."
    _, after = cells(notebook)
    assert all(np.array_equal(before[k], after[k]) for k in range(20))  # nothing is painted over the pictures
    assert root.evaluate(height) == above
    # The other layer's come with it.
    notebook.python("explorer.select(layer='conv1', filter=2); None")
    verdicts(root, layer=0, badges=10).wait_for()
    assert [badges(root)[k][2] for k in range(10)] == notebook.python(
        "[f.use for f in explorer.diagnosis.of_layer('conv1')]"
    )


def test_what_is_not_known_yet_is_nothing_to_sort_by(lab):
    notebook, root = open_demo(lab)
    view = notebook.page.viewport_size
    choices = root.locator("select[name=grid-show]")
    by_verdict = root.locator("select[name=grid-sort] option:is([value=verdict], [value=use], [value=name])")
    try:
        for width in (1400, 700):  # in a row, and in two columns
            notebook.page.set_viewport_size({"width": width, "height": view["height"]})
            notebook.ready()
            expect(choices.locator("visible=true")).to_have_count(0)
            expect(by_verdict).to_have_count(0)
        root.locator("select[name=diagnose-layers]").select_option("one")
        diagnose(root)
        expect(choices.locator("visible=true")).to_have_count(1)
        expect(by_verdict).to_have_count(3)
        notebook.python("explorer.select(layer='conv1'); None")
        verdicts(root, layer=0, badges=0).wait_for()
        expect(choices.locator("visible=true")).to_have_count(0)
        expect(by_verdict).to_have_count(0)
    finally:
        notebook.page.set_viewport_size(view)


def test_the_card_tells_of_the_selected_filter(lab):
    notebook, root = open_demo(lab)
    diagnose(root)
    for filter in (3, 11):
        notebook.python(f"explorer.filter_index = {filter}; None")
        card = evidence(notebook, root, 1, filter)
        row = notebook.python(
            f"(lambda f: [f.template, f.match, f.fires, f.use])(explorer.diagnosis.of_layer('conv2')[{filter}])"
        )
        text = card.inner_text().replace("\xa0", " ")
        assert f"conv2, filter {filter}" in text and row[0] in text
        assert (f"{100 * row[1]:.0f} %" in text) and "random kernels match as well" in text
        assert card.locator("svg[role=img]").count() == 2
    assert "It never fires" in text and "noise-like" in text.lower()
    root.get_by_role("button", name="Hide evidence").click()
    expect(card).to_be_hidden()
    root.get_by_role("button", name="Show evidence").press("Enter")
    expect(card).to_be_visible()


RISES = """
from filterscope.verdicts.result.evidence import class_rises
def rises():
    examination = explorer.diagnosis.examination
    names = examination.class_names()
    found = class_rises(examination.ablations[1], 3, len(names))
    rows = zip(names, *(getattr(found, part).tolist() for part in ("value", "low", "high")))
    return [[name, *(None if number != number else number for number in numbers)] for name, *numbers in rows]
"""


def test_bars_by_class_have_pythons_intervals_or_none(lab):
    notebook, root = open_demo(lab, RISES)
    diagnose(root, 500)
    bars = evidence(notebook, root, 1, 3).locator(".fs-classes li")
    expect(bars).to_have_count(10)
    shown = bars.evaluate_all(
        """all => all.map(row => {
            const track = row.querySelector('.fs-swing').getBoundingClientRect();
            const ends = part => {
                const box = row.querySelector(part)?.getBoundingClientRect();
                return box ? [box.left, box.right].map(x => 2 * (x - track.left) / track.width - 1) : null;
            };
            return [row.querySelector('.fs-class').innerText, ends('.fs-up, .fs-down'), ends('.fs-span')];
        })"""
    )
    found = sorted(notebook.python("rises()"), key=lambda row: -row[1])
    reach = max(abs(number) for _, *numbers in found for number in numbers if number is not None)
    few = 0
    for (name, bar, span), (expected, value, low, high) in zip(shown, found, strict=True):
        assert name == expected
        assert bar == pytest.approx(sorted([0, value / reach]), abs=0.03)  # the track is some 120 pixels wide
        few += low is None
        assert span == (None if low is None else pytest.approx([low / reach, high / reach], abs=0.03))
    assert 0 < few < 10
    expect(root.locator(".fs-card")).to_contain_text("no interval for a class of fewer than 50 images")


RESTS_BEHIND_SOME_IMAGES = """def seconds():
    diagnosis = explorer.diagnosis
    seen = diagnosis is not None and diagnosis.progress.stage == "images" and diagnosis.progress.done > 0
    return 1000.0 if seen else 0.0
explorer.session.examiner.seconds_until_idle = seconds
None"""  # else it might have ended before it is cancelled


def test_cancelled_by_keys_while_the_sliders_go_on(lab):
    notebook, root = open_demo(lab)
    notebook.python(RESTS_BEHIND_SOME_IMAGES)
    root.locator("input[name=diagnose-images]").fill("10000")
    root.locator("input[name=diagnose-images]").press("Enter")
    verdicts(root, status="running").wait_for()
    expect(root.locator(".fs-how")).to_contain_text("a second")
    for image in (5, 6, 7):
        notebook.slider("image").press("ArrowRight") if image > 5 else notebook.python("explorer.image_index = 5; None")
        notebook.ready(image=image, layer=1, filter=3)
    assert notebook.python("explorer.diagnosis.done") is False
    root.get_by_role("button", name="Cancel").press("Enter")
    verdicts(root, status="cancelled").wait_for()
    expect(root.locator("button[name=diagnose]")).to_be_focused()
    notebook.expect_python("[explorer.diagnosis.done, explorer.diagnosis.cancelled]", [True, True])
    expect(root.locator(".fs-how")).to_contain_text("cancelled after")


def test_sorted_and_picked_out_each_cell_still_is_its_filter(lab):
    notebook, root = open_demo(lab)
    diagnose(root)
    order, before = cells(notebook)
    assert order == list(range(20))
    root.locator("select[name=grid-sort]").select_option("use")
    order, after = cells(notebook)
    losses = notebook.python("[f.delta_loss for f in explorer.diagnosis.of_layer('conv2')]")
    assert order == sorted(range(20), key=lambda k: (-losses[k], k)) and order != list(range(20))
    assert all(np.array_equal(before[k], after[k]) for k in order)
    press_cell(notebook, 0)
    notebook.ready(filter=order[0])
    notebook.expect_python("explorer.filter_index", order[0])
    grid = notebook.canvas("grid")
    grid.press("Home")
    grid.press("ArrowRight")
    assert int(grid.get_attribute("aria-valuenow")) == order[1]
    assert "; structured" in grid.get_attribute("aria-valuetext")
    grid.press("Enter")
    notebook.ready(filter=order[1])
    root.locator("select[name=grid-show]").select_option("still")
    assert cells(notebook)[0] == [11]
    press_cell(notebook, 0)
    notebook.ready(filter=11)
    # Another layer has an order of its own.
    root.locator("select[name=grid-show]").select_option("")
    notebook.python("explorer.select(layer='conv1', filter=0); None")
    verdicts(root, layer=0, badges=10).wait_for()
    notebook.page.wait_for_function("e => e.dataset.order !== '0 1 2 3 4 5 6 7 8 9'", arg=grid.element_handle())
    assert sorted(cells(notebook)[0]) == list(range(10))


def test_begun_in_python_gone_on_with_in_the_page_and_still_there_after_a_reload(lab):
    notebook, root = open_demo(lab)
    notebook.python("explorer.diagnose(images=60).wait(); None")
    verdicts(root, status="done", badges=20).wait_for()
    diagnose(root, 100)
    assert notebook.python("explorer.diagnosis.images") == 100
    notebook.reload()
    root = notebook.ready(layer=1, filter=3)
    verdicts(root, status="done", badges=20).wait_for()
    assert badges(root)[11][1] == "dead"


def test_changed_weights_are_said(lab):
    notebook, root = open_demo(lab)
    diagnose(root, 60)
    notebook.python("net.conv2.weight.data[4] = 0; explorer.refresh(); None")
    expect(root.locator(".fs-summary")).to_contain_text("Of earlier weights")
    expect(root.locator(".fs-badges.fs-earlier")).to_be_attached()
    root.get_by_role("button", name="Diagnose again").click()
    expect(root.locator(".fs-summary")).not_to_contain_text("earlier")
    verdicts(root, status="done", badges=20).wait_for()
    assert badges(root)[4][1] != "live"


def test_without_some_filters_the_page_says_what_python_does(lab):
    notebook, root = open_demo(lab)
    before = notebook.python("sum(float(p.double().abs().sum()) for p in net.parameters())")
    diagnose(root, 60)
    out = root.locator(".fs-without")
    out.get_by_role("button", name="Leave out filter 3").press("Enter")
    root.locator(".fs-without[data-shown='0: mean 3']").wait_for()
    notebook.python("explorer.filter_index = 10; None")
    out.get_by_role("button", name="Leave out filter 10").click()
    root.locator(".fs-without[data-shown='0: mean 3 10']").wait_for()
    root.locator("select[name=replaced-by]").select_option("zero")
    root.locator(".fs-without[data-shown='0: zero 3 10']").wait_for()
    assert badges(root)[10][3].endswith("left out") and badges(root)[3][3].endswith("left out")
    notebook.slider("image").press("ArrowRight")  # the next image at once
    root.locator(".fs-without[data-shown='1: zero 3 10']").wait_for()
    notebook.expect_python("explorer.image_index", 1)
    found = notebook.python(
        "(lambda w: [w.before[0], dict(w.after)[w.before[0][0]]])(explorer.without([3, 10], replaced_by='zero'))"
    )
    (name, first), after = found
    expect(out.locator(".fs-both li").first).to_contain_text(f"{name}")
    shares = out.locator(".fs-both li").first.locator(".fs-share").inner_text()
    old, new = (float(part.replace("<", "").replace("%", "")) / 100 for part in shares.split("→"))
    assert old == pytest.approx(first, abs=0.006) and new == pytest.approx(after, abs=0.006)
    out.locator("button[name=measure]").click()
    root.locator(".fs-without[data-measured=true]").wait_for()
    effect = notebook.python(
        "(lambda e: [e.accuracy_before, e.accuracy_after, len(e.classes)])"
        "(explorer.without([3, 10], replaced_by='zero', images=1000).effect)",
    )
    text = out.inner_text().replace("\xa0", " ")
    assert f"{100 * effect[0]:.1f} % → {100 * effect[1]:.1f} % right" in text and "95 %" in text
    assert out.locator(".fs-classes li").count() == effect[2]
    out.get_by_role("button", name="Put all back").click()
    expect(out.locator(".fs-both")).to_be_hidden()
    assert notebook.python("sum(float(p.double().abs().sum()) for p in net.parameters())") == before


def test_axe_finds_nothing_and_nothing_sticks_out(lab):
    notebook, root = open_demo(lab)
    diagnose(root, 60)
    evidence(notebook, root, 1, 3)
    root.get_by_role("button", name="Leave out filter 3").click()
    root.locator(".fs-without[data-shown='0: mean 3']").wait_for()
    notebook.page.evaluate(AXE.read_text())
    for theme, width in itertools.product(("JupyterLab Light", "JupyterLab Dark"), (1600, 1000, 700, 500)):
        notebook.theme(theme)
        set_width(notebook, width)
        results = notebook.page.evaluate("() => axe.run('.fs-verdicts', {resultTypes: ['violations']})")
        found = [(v["id"], [node["html"] for node in v["nodes"]]) for v in results["violations"]]
        assert found == [], (theme, width, json.dumps(found)[:800])
        out = root.evaluate("""e => [...e.querySelectorAll('.fs-verdicts *')].filter(n => n.getClientRects().length
            && n.getBoundingClientRect().right > e.getBoundingClientRect().right).map(n => n.className.toString())""")
        assert out == [], (theme, width)


def test_a_wrong_number_of_images_is_a_sentence(lab):
    notebook, root = open_demo(lab)
    root.locator("input[name=diagnose-images]").fill("0")
    root.locator("button[name=diagnose]").click()
    expect(root.locator(".fs-how")).to_contain_text("1 or more")
    assert notebook.python("explorer.diagnosis is None")

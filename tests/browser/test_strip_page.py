"""The strip: the data set's own pictures with their classes, paged through, jumped in, filtered, clicked and keyed."""

import numpy as np
import pytest
from playwright.sync_api import expect

from axe import AXE
from explorer_page import read_canvas

pytestmark = pytest.mark.browser

DATA = """
import torch
from filterscope import Explorer, demo
net, data = demo.fashion_net(), demo.fashion_test_data()
"""
DEMO = f"{DATA}explorer = Explorer(net, data)\nexplorer\n"
# What the net itself says, asked without the package.
SURVEY = """
with torch.no_grad():
    found = torch.cat([net.eval()(torch.stack([data[i][0] for i in range(k, k + 500)])).argmax(1)
                       for k in range(0, 10_000, 500)])
true = torch.tensor([data[i][1] for i in range(10_000)])
"""
IN_VIEW = "strip => strip.getBoundingClientRect().right <= innerWidth"


class Strip:
    """The strip of one explorer, as a person finds it."""

    def __init__(self, notebook, n=0):
        self.notebook = notebook
        self.root = notebook.widget(n).locator("[data-strip]")
        self.list = self.root.get_by_role("listbox")
        self.items = self.root.locator("[data-index]")

    def ready(self, start=None):
        """Waits until a whole answer is painted, and returns the images it shows."""
        wanted = "[data-ready=true]" + ("" if start is None else f'[data-start="{start}"]')
        self.root.and_(self.notebook.page.locator(wanted)).wait_for()
        return [int(index) for index in self.items.evaluate_all("items => items.map(item => item.dataset.index)")]

    def item(self, image):
        return self.root.locator(f'[data-index="{image}"]')

    def selected(self):
        return self.root.locator("[aria-selected=true]")

    def press(self, *keys):
        for key in keys:
            self.list.press(key)


def open_strip(lab, cell=DEMO):
    notebook = lab.open([cell])
    notebook.ready(image=0)
    strip = Strip(notebook)
    assert strip.ready(start=0)[:3] == [0, 1, 2]
    return notebook, strip


def shows(strip, images):
    """Compares each thumbnail with the data set's own pixels, and each name and mark with the labels and the net."""
    pixels, names, predictions = strip.notebook.python(
        f"[(data[i][0][0] * 255).round().int().tolist() for i in {images}],"
        f" [data.classes[data[i][1]] for i in {images}],"
        f" [data.classes[k] for k in net.eval()(torch.stack([data[i][0] for i in {images}])).argmax(1)]"
    )
    for image, levels, name, predicted in zip(images, pixels, names, predictions, strict=True):
        item = strip.item(image)
        expect(item.locator(".fs-label")).to_have_text(name)
        expect(item.locator(".fs-mark")).to_have_text("✓" if name == predicted else f"✗ {predicted}")
        verdict = "right" if name == predicted else "wrong"
        expect(item).to_have_attribute("aria-label", f"image {image}: {name}, predicted {predicted}, {verdict}")
        found = read_canvas(item.locator("canvas"))
        assert np.array_equal(found[..., :3], np.kron(levels, np.ones((2, 2)))[..., None].repeat(3, -1))
        assert (found[..., 3] == 255).all()


def test_thumbnails_are_the_images_with_their_classes(lab):
    _, strip = open_strip(lab)
    images = strip.ready()
    assert len(images) >= 8
    expect(strip.root).to_have_attribute("data-count", str(len(images)))
    expect(strip.root).to_contain_text(f"images 0–{len(images) - 1} of 10,000")
    shows(strip, images)
    expect(strip.selected()).to_have_attribute("data-index", "0")


def test_the_longest_names_of_fashion_mnist_have_room(lab):
    notebook, strip = open_strip(lab)
    view = notebook.page.viewport_size
    cut = """(item, name) => {
        item.setAttribute('aria-selected', true);
        item.dataset.mark = 'wrong';
        const [label, mark] = [item.querySelector('.fs-label'), item.querySelector('.fs-mark')];
        [label.textContent, mark.textContent] = [name, `✗ ${name}`];
        return [label, mark].some(e => e.scrollWidth > e.clientWidth);
    }"""
    try:
        for width in (1400, 1000, 800, 600):
            notebook.page.set_viewport_size({"width": width, "height": view["height"]})
            notebook.page.wait_for_function(IN_VIEW, arg=strip.root.element_handle())
            notebook.laid_out()
            strip.ready()
            assert not any(strip.item(0).evaluate(cut, name) for name in ("T-shirt/top", "Ankle boot")), width
    finally:
        notebook.page.set_viewport_size(view)


LONG = """
import torch
from torch import nn
from filterscope import Explorer
names = ["a name of many words " * 80, "one_word_without_end" * 80, "cat"]
net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 3))
explorer = Explorer(net, [(torch.rand(1, 12, 12), k % 3) for k in range(9)], classes=names)
explorer
"""
# Whatever is not cut off by a part that it lies in.
BEYOND = """root => {
    const end = root.getBoundingClientRect().right + 1;
    const cut = part => part !== root && (getComputedStyle(part).overflowX !== 'visible' || cut(part.parentElement));
    const beyond = part => part.getBoundingClientRect().right > end && !cut(part.parentElement);
    return [...root.querySelectorAll('*')].filter(beyond).map(part => `${part.localName}.${part.className}`);
}"""


def test_very_long_names_stay_inside_of_the_widget(lab):
    notebook = lab.open([LONG])
    notebook.ready(image=0)
    strip = Strip(notebook)
    strip.ready()
    root, view = notebook.widget(), notebook.page.viewport_size
    choices = strip.root.locator("select[name=class] option")
    expect(choices).to_have_count(4)
    assert choices.nth(1).text_content().startswith("a name of many words a name")
    assert max(len(text) for text in choices.all_text_contents()) <= 60
    try:
        for width in (1400, 1000, 600):
            notebook.page.set_viewport_size({"width": width, "height": view["height"]})
            notebook.page.wait_for_function(IN_VIEW, arg=strip.root.element_handle())
            notebook.laid_out()
            for image in range(3):
                strip.item(image).click()
                notebook.ready(image=image)
                assert root.evaluate(BEYOND) == [], (width, image)
    finally:
        notebook.page.set_viewport_size(view)


def test_a_click_selects_and_leaves_the_page_where_it_is(lab):
    notebook, strip = open_strip(lab)
    strip.item(4).click()
    notebook.ready(image=4)
    notebook.expect_python("explorer.image_index", 4)
    assert strip.ready()[0] == 0
    expect(strip.selected()).to_have_attribute("data-index", "4")


def test_pages_and_a_number_to_jump_to(lab):
    notebook, strip = open_strip(lab)
    size = len(strip.ready())
    strip.root.get_by_role("button", name="next page").click()
    strip.root.get_by_role("button", name="next page").click()
    shows(strip, strip.ready(start=2 * size))
    strip.root.get_by_role("button", name="previous page").click()
    assert strip.ready(start=size) == list(range(size, 2 * size))
    expect(strip.selected()).to_have_count(0)
    number = strip.root.get_by_label("go to image")
    number.fill("1234")
    number.press("Enter")
    shows(strip, strip.ready(start=1234)[:3])
    number.fill("123456")
    number.press("Enter")
    assert strip.ready(start=10_000 - size)[-1] == 9999
    next_page = strip.root.get_by_role("button", name="next page")
    expect(next_page).to_have_attribute("aria-disabled", "true")
    notebook.expect_python("explorer.image_index", 0)


def test_it_follows_the_slider_and_python(lab):
    notebook, strip = open_strip(lab)
    size = len(strip.ready())
    image = notebook.drag("image", 0.4, steps=30)
    assert image in strip.ready(start=image // size * size)
    expect(strip.selected()).to_have_attribute("data-index", str(image))
    notebook.python("explorer.image_index = 7000")
    shows(strip, strip.ready(start=7000 // size * size)[:2])
    expect(strip.selected()).to_have_attribute("data-index", "7000")


def test_a_class_filter_pages_through_that_class(lab):
    notebook, strip = open_strip(lab)
    size = len(strip.ready())
    bags = notebook.python("[i for i in range(10_000) if data.classes[data[i][1]] == 'Bag']")
    strip.root.locator("select[name=class]").select_option("Bag")
    expect(strip.root).to_contain_text(f"matches 1–{size} of 1,000")
    assert strip.ready(start=0) == bags[:size]
    strip.root.get_by_role("button", name="next page").click()
    shows(strip, strip.ready(start=size)[:3])
    number = strip.root.get_by_label("go to match")
    number.fill("500")
    number.press("Enter")
    assert strip.ready(start=499) == bags[499 : 499 + size]
    strip.items.nth(2).click()
    notebook.ready(image=bags[501])
    strip.root.locator("select[name=class]").select_option("all classes")
    assert bags[501] in strip.ready()
    expect(strip.selected()).to_have_attribute("data-index", str(bags[501]))


# Half of it is looked at, the rest when a file says so.
HALVED = """
import time
from pathlib import Path
class Halved:
    classes = data.classes
    def __len__(self):
        return len(data)
    def __getitem__(self, index):
        while index >= 5000 and not Path({!r}).exists():
            time.sleep(0.02)
        return data[index]
explorer = Explorer(net, Halved())
explorer
"""


def test_an_outcome_filter_shows_its_progress_and_ends_complete(lab, tmp_path):
    may_end = tmp_path / "it may end"
    notebook, strip = open_strip(lab, DATA + HALVED.format(str(may_end)))
    strip.root.locator("select[name=outcome]").select_option("wrong")
    expect(strip.root.get_by_role("progressbar")).to_be_visible()
    expect(strip.root).to_contain_text("of 10,000 images")
    notebook.slider("image").press("ArrowRight")  # the explorer goes on meanwhile
    notebook.ready(image=1)
    expect(strip.root.get_by_role("progressbar")).to_be_visible()
    may_end.touch()
    strip.ready()
    expect(strip.root.get_by_role("progressbar")).to_be_hidden()
    wrong, trousers = notebook.python(
        SURVEY + "[(found != true).nonzero()[:, 0].tolist(),"
        " ((found != true) & (true == data.classes.index('Trouser'))).nonzero()[:, 0].tolist()]"
    )
    size = len(strip.ready())
    assert strip.ready(start=0) == wrong[:size]
    expect(strip.root).to_contain_text(f"matches 1–{size} of {len(wrong):,}")
    shows(strip, wrong[:3])
    strip.root.locator("select[name=class]").select_option("Trouser")
    expect(strip.root).to_contain_text(f"of {len(trousers)}")
    assert strip.ready(start=0) == trousers[:size]


def test_keys_move_a_cursor_and_enter_selects(lab):
    notebook, strip = open_strip(lab)
    size = len(strip.ready())
    cursor = strip.root.locator(".fs-cursor")
    notebook.page.keyboard.press("Escape")
    strip.press("ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft")
    expect(cursor).to_have_attribute("data-index", "2")
    assert strip.list.get_attribute("aria-activedescendant") == cursor.get_attribute("id")
    notebook.expect_python("explorer.image_index", 0)  # the cursor moves, the selection waits
    strip.press("Enter")
    notebook.ready(image=2)
    notebook.expect_python("explorer.image_index", 2)
    strip.press("PageDown")
    strip.ready(start=size)
    expect(cursor).to_have_attribute("data-index", str(size + 2))
    strip.press("End", " ")
    notebook.ready(image=9999)
    strip.press("Home")
    strip.ready(start=0)
    expect(cursor).to_have_attribute("data-index", "0")
    expect(strip.list).to_be_focused()
    # JupyterLab took none of these keys for itself.
    assert notebook.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell").count() == 1


def test_the_strip_is_one_tab_stop_and_has_no_violations(lab):
    notebook, strip = open_strip(lab)
    strip.root.locator("select[name=outcome]").focus()
    notebook.page.keyboard.press("Tab")
    expect(strip.list).to_be_focused()
    notebook.page.keyboard.press("Tab")
    expect(notebook.slider("image")).to_be_focused()
    notebook.page.add_script_tag(path=AXE)
    found = "async () => (await axe.run('[data-strip]')).violations.map(v => `${v.id}: ${v.nodes[0].html}`)"
    assert notebook.page.evaluate(found) == []


BROKEN = """
import torch
from torch import nn
from filterscope import Explorer
class Sometimes:
    def __len__(self):
        return 5
    def __getitem__(self, index):
        if index == 1:
            raise OSError("<b>disk</b> on fire")
        return torch.full((1, 30, 15), index / 4), index % 2
net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
explorer = Explorer(net, Sometimes(), classes=["<img src=x onerror='window.hacked = true'>", "never"])
explorer
"""


def test_an_unreadable_image_is_an_empty_box_with_its_sentence(lab):
    notebook, strip = open_strip(lab, BROKEN)
    assert strip.ready() == [0, 1, 2, 3, 4]
    expect(strip.item(1)).to_contain_text("unreadable")
    assert "<b>disk</b> on fire" in strip.item(1).get_attribute("title")
    assert strip.item(1).locator("canvas").count() == 0
    expect(strip.item(2).locator(".fs-label")).to_have_text("<img src=x onerror='window.hacked = true'>")
    assert strip.root.locator("img, b").count() == 0
    assert notebook.page.evaluate("window.hacked") is None
    found = read_canvas(strip.item(2).locator("canvas"))
    assert (found[13:43, 20:35] == [128, 128, 128, 255]).all()  # 30×15 in the middle of 56×56
    assert found[..., 3].sum() == 30 * 15 * 255  # and nothing beside it


def test_a_filter_that_nothing_matches_says_so(lab):
    notebook, strip = open_strip(lab, BROKEN)
    strip.root.locator("select[name=class]").select_option("never")
    odd = strip.ready(start=0)
    assert odd == [3]
    notebook.python("net[4].weight.data.zero_(); net[4].bias.data.copy_(torch.tensor([0.0, 1.0])); explorer.refresh()")
    strip.root.locator("select[name=outcome]").select_option("wrong")
    expect(strip.root).to_contain_text("No image matches.")
    strip.ready()
    assert strip.items.count() == 0
    strip.root.locator("select[name=class]").select_option("all classes")
    assert strip.ready() == [0, 2, 4]

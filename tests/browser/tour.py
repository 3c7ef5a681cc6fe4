"""The tour: what a person does with the explorer in every host, and what must be seen on the page and in Python.

The activations are computed here from the demo net's own layers by torch alone: neither the package's passes nor its
pictures are asked.
"""

import functools
import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from playwright.sync_api import expect

from expected import colours
from explorer_page import ExplorerPage
from filterscope import demo
from lab_server import AWAITED
from patience import wait_until

CELL = """from filterscope import Explorer, demo
explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
explorer"""
INDICES = "[explorer.image_index, explorer.layer_index, explorer.filter_index]"
# Every text in the widget, its colour, and the first background painted behind it.
TEXTS = """root => [...root.querySelectorAll('*')].flatMap(element => {
    const said = [...element.childNodes].filter(n => n.nodeType === Node.TEXT_NODE && n.data.trim()).map(n => n.data);
    if (!said.length || !element.checkVisibility({visibilityProperty: true})) return [];
    if (element.closest('.fs-mount, .fs-live, option, [aria-disabled=true]')) return [];
    let behind = element;
    while (getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)') behind = behind.parentElement;
    const colours = [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor].map(colour => {
        const context = new OffscreenCanvas(1, 1).getContext('2d');
        context.fillStyle = colour;
        context.fillRect(0, 0, 1, 1);
        return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
    });
    return [[said.join(' ').trim(), ...colours]];
})"""

# The two words of a line, and where its end is.
READOUT = """line => [...line.children].map(word => {
    const {width, top, bottom, right} = word.getBoundingClientRect();
    const end = line.getBoundingClientRect().right;
    return {text: word.textContent, needed: word.scrollWidth, width, top, bottom, right, end};
})"""


@functools.cache
def demo_net():
    """The demo net and its data, in this process."""
    return demo.fashion_net().eval(), demo.fashion_test_data()


@functools.lru_cache(maxsize=32)
def activations(image: int, layer: int) -> np.ndarray:
    """What the demo net computes behind a convolution's ReLU, (filters, rows, columns)."""
    net, data = demo_net()
    with torch.no_grad():
        maps = F.relu(net.conv1(data[image][0][None]))
        maps = maps if layer == 0 else F.relu(net.conv2(net.pool(maps)))
    return maps[0].numpy()


def shows(opened: ExplorerPage, image: int, layer: int, filter: int, n: int = 0) -> None:
    """Wait for that selection on the page and in Python; the activation's pixels must be the net's."""
    opened.ready(n, image=image, layer=layer, filter=filter)
    opened.expect_python(INDICES, [image, layer, filter])
    maps = activations(image, layer)
    assert np.array_equal(opened.canvas_pixels("activation", n)[..., :3], colours(maps[filter], of=maps))


def says_whole_words(opened: ExplorerPage) -> None:
    """Points at the response; what its pixel sees stands below the image, and no word is cut in its middle."""
    readout = opened.widget().locator(".fs-image .fs-readout")
    opened.canvas("response").hover()
    expect(readout).to_contain_text("sees rows")
    where, value = readout.evaluate(READOUT)
    assert where["needed"] <= where["width"] + 1, where
    assert value["right"] <= where["end"] + 1 or value["top"] >= where["bottom"] - 1, (where, value)
    opened.page.mouse.move(0, 0)


def click_in_grid(opened: ExplorerPage, filter: int) -> None:
    """Click on a filter's picture among all those of the layer."""
    canvas = opened.canvas("grid")
    canvas.scroll_into_view_if_needed()
    grid = canvas.evaluate("e => ({...e.dataset})")
    row, column = divmod(filter, int(grid["columns"]))
    x, y = (column + 0.3) * float(grid["cellWidth"]), (row + 0.5) * float(grid["cellHeight"])
    canvas.click(position={"x": x, "y": y - float(grid.get("scroll", 0))})


def it_renders(opened: ExplorerPage) -> None:
    shows(opened, 0, 0, 0)
    assert opened.widget().bounding_box()["width"] > 400


def the_mouse_moves_it(opened: ExplorerPage) -> None:
    image = opened.drag("image", 0.4, steps=30)
    assert 3_000 < image < 5_000
    shows(opened, image, 0, 0)
    assert opened.drag("filter", 1.0) == 9
    shows(opened, image, 0, 9)
    click_in_grid(opened, 6)
    shows(opened, image, 0, 6)
    opened.widget().locator(".fs-thumbs [role=option]").nth(2).click()
    shows(opened, int(opened.slider("image").input_value()), 0, 6)
    says_whole_words(opened)


def keys_move_it(opened: ExplorerPage) -> None:
    opened.slider("image").focus()
    for key, image in (("Home", 0), ("ArrowRight", 1), ("ArrowUp", 2), ("ArrowLeft", 1)):
        opened.page.keyboard.press(key)
        opened.ready(image=image)
        expect(opened.slider("image")).to_be_focused()
    opened.slider("layer").focus()
    opened.page.keyboard.press("ArrowRight")
    shows(opened, 1, 1, 6)
    opened.slider("filter").focus()
    opened.page.keyboard.press("ArrowDown")
    shows(opened, 1, 1, 5)
    # Letters are commands in many hosts (run, cut, delete): none may leave the widget.
    for key in ("a", "b", "d", "d", "x", "m"):
        opened.page.keyboard.press(key)
    shows(opened, 1, 1, 5)


def python_moves_it(opened: ExplorerPage) -> None:
    opened.python("explorer.image_index = 1234")
    shows(opened, 1234, 1, 5)
    opened.python("explorer.select(image=7, layer='conv1', filter=3); None")
    shows(opened, 7, 0, 3)
    assert "image 5" in opened.python("str((setattr(explorer, 'image_index', 5), explorer)[1])")
    shows(opened, 5, 0, 3)


STEPS: dict[str, Callable[[ExplorerPage], None]] = {
    "renders": it_renders,
    "mouse": the_mouse_moves_it,
    "keys": keys_move_it,
    "from Python": python_moves_it,
}


def tour(opened: ExplorerPage) -> list[str]:
    """Do it all; returns the names of what works, and raises at the first that does not."""
    for step in STEPS.values():
        step(opened)
    return list(STEPS)


def follows_theme(opened: ExplorerPage, dark: bool) -> None:
    """The card is dark or light as said, its parts too, and every text on it can be read."""
    root = opened.widget()
    expect(root).to_have_css("color-scheme", "dark" if dark else "light")
    opened.settled()
    texts = root.evaluate(TEXTS)
    assert len(texts) > 40
    assert all((luminance(behind) < 0.2) == dark for _, _, behind in texts if behind == texts[0][2])
    wait_until(lambda: faint_texts(root) == [], lambda: f"it cannot be read: {faint_texts(root)}")
    # Chromium draws a slider whose accent colour it finds too faint as in the other theme.
    slider = as_pixels(opened.slider("filter").screenshot())
    track = slider[slider.shape[0] // 2, -12]  # right of the thumb
    assert luminance(track) < 0.2 if dark else luminance(track) > 0.6, track


def faint_texts(root) -> list[tuple[str, float]]:
    """The texts inside of an element that are hard to read, with their contrast."""
    return [
        (said, round(contrast(text, behind), 2))
        for said, text, behind in root.evaluate(TEXTS)
        if contrast(text, behind) < 4.5
    ]


def as_pixels(screenshot: bytes) -> np.ndarray:
    """A screenshot's pixels, uint8 (rows, columns, RGB)."""
    return cv2.imdecode(np.frombuffer(screenshot, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def while_a_cell_runs(opened: ExplorerPage, begin: Callable[[Path], None], end: Path, answered: str) -> None:
    """While a cell runs the page shows what it holds; what it does not hold comes when the host lets it.

    Args:
        opened: A page with the demo.
        begin: Starts a cell that runs until the file is there (`cell_until`).
        end: That file.
        answered: "at once", or "after the cell", and until then the page says that the kernel is busy.
    """
    filter = opened.slider("filter")
    filter.focus()
    filter.press("Home")
    opened.ready(filter=0)
    begin(end)
    awaited = Path(f"{end}{AWAITED}")
    wait_until(awaited.exists, lambda: "the cell has not begun")
    for at in (1, 2):  # held by the page
        filter.press("ArrowRight")
        opened.ready(filter=at)
    opened.slider("image").press("End")
    if answered == "at once":
        opened.ready(image=9999)
    else:
        busy = opened.page.locator(".filterscope[data-busy] .fs-busy", has_text="the kernel is busy")
        expect(busy).to_be_attached()
        expect(opened.widget()).not_to_have_attribute("data-image", "9999")
    end.touch()
    shows(opened, 9999, 0, 2)


def rgb(colour: str) -> tuple[int, ...]:
    """A colour as three numbers, from "#rrggbb" or the browser's "rgb(r, g, b)"."""
    if colour.startswith("#"):
        return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return tuple(int(part) for part in re.findall(r"\d+", colour)[:3])


def luminance(colour) -> float:
    """The relative luminance of WCAG 2."""
    parts = np.array(colour) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one, other) -> float:
    """The contrast ratio of WCAG 2."""
    dark, light = sorted([luminance(one) + 0.05, luminance(other) + 0.05])
    return light / dark

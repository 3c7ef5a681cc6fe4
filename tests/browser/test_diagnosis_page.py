"""What `diagnose()` shows in a notebook cell: read in JupyterLab, in both themes, at the width a cell has."""

import re

import pytest
from playwright.sync_api import expect

from demo_page import THEMES

pytestmark = pytest.mark.browser

DIAGNOSE = """
import torch
torch.set_num_threads(1)
from filterscope import demo, diagnose
found = diagnose(demo.fashion_net(), demo.fashion_test_data(), images=200)
found
"""
CONTRAST = """cell => {
    const luma = colour => { const [r, g, b] = colour.match(/[0-9.]+/g).map(Number); return .3 * r + .6 * g + .1 * b; };
    let behind = cell;
    while (/, 0\\)$|transparent/.test(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement;
    return Math.abs(luma(getComputedStyle(cell).color) - luma(getComputedStyle(behind).backgroundColor));
}"""


def test_the_verdicts_are_read_in_a_cell(lab):
    notebook = lab.open([DIAGNOSE])
    page = notebook.page.locator(".filterscope-diagnosis")
    expect(page.locator("tbody tr")).to_have_count(30)
    expect(page.locator("summary").nth(1)).to_contain_text("conv2: 19 of 20 structured, 1 of 20 noise-like, 1 dead")
    dead = page.locator("details").nth(1).locator("tbody tr").nth(11)
    expect(dead).to_contain_text("noise-like")
    expect(dead).to_have_attribute("title", re.compile("never fired in 200 images"))
    for theme in THEMES:
        notebook.theme(theme)
        assert page.locator("td").first.evaluate(CONTRAST) > 90, theme
        assert page.evaluate("root => root.scrollWidth <= root.clientWidth"), theme  # nothing is cut off
        notebook.screenshot(f"diagnosis {theme}")
    page.locator("summary").first.click()
    expect(page.locator("details").first).not_to_have_attribute("open", "")

"""Makes the pictures of the README and the site: the explorer in a real JupyterLab in a real Chromium.

.venv/bin/python scripts/screenshots.py        writes docs/images/
{explorer,grid,maps,evidence,strip,pinned,lab,stages}-….png
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "browser"), str(ROOT / "scripts")]

from PIL import Image
from playwright.sync_api import sync_playwright

from conftest import FLAGS
from lab import Lab, NotebookPage
from lab_server import LabServer
from machine import find_chromium

CELL = """from filterscope import Explorer, demo

explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
explorer.diagnose(images=2000).wait()
explorer.select(image=2, layer="conv2", filter=10)"""
ROW, COLUMN = 4, 5  # of the position that is pinned


SOBEL = """explorer.select(layer="conv1", filter=1)
explorer.kernel = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]"""
WITHOUT = """explorer.lab.reset()
explorer.select(layer="conv2", filter=10)
None"""


def take_lab(notebook: NotebookPage, target: Path, name: str) -> None:
    """Takes the pictures of the lab, with a Sobel kernel, and leaves the page as it was."""
    notebook.python(SOBEL)
    root = notebook.ready(layer=0, filter=1)
    door = root.locator("button[name=lab]")
    door.click()
    section = root.locator("section[data-panel=lab]")
    section.locator(".fs-outcome-layers .fs-outcome-row").nth(1).wait_for()
    section.screenshot(path=target / f"lab-{name}.png")
    section.locator("button[name=lab-tab-stages]").click()
    section.locator("[data-stage=pool]").wait_for()
    section.screenshot(path=target / f"stages-{name}.png")
    section.locator("button[name=lab-tab-kernel]").click()
    door.click()
    notebook.python(WITHOUT)
    notebook.ready(layer=1, filter=10)


def main() -> None:
    """Takes the pictures, at twice the density, of the widget alone and of its parts."""
    target = ROOT / "docs" / "images"
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = LabServer(Path(folder))
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        context = browser.new_context(viewport={"width": 1300, "height": 2100}, device_scale_factor=2)
        context.set_default_timeout(120_000)  # the predictions of all images, on a machine that has other work
        lab = Lab(server, context, target)
        notebook = lab.open([CELL])
        for name, theme in (("light", "JupyterLab Light"), ("dark", "JupyterLab Dark")):
            notebook.theme(theme)
            root = notebook.ready(image=2, layer=1, filter=10)
            root.locator("[data-strip][data-ready=true]").wait_for()  # with what the net says to each image
            root.locator(".fs-badges [data-badge]").first.wait_for()
            evidence = root.locator(".fs-verdicts button", has_text="evidence")
            if evidence.inner_text() == "Hide evidence":
                evidence.click()
            root.screenshot(path=target / f"explorer-{name}.png")
            root.locator(".fs-grid").screenshot(path=target / f"grid-{name}.png")
            root.locator(".fs-pictures").screenshot(path=target / f"maps-{name}.png")
            evidence.click()
            root.locator(".fs-verdicts").screenshot(path=target / f"evidence-{name}.png")
            canvas = notebook.canvas("response")
            box = canvas.bounding_box()
            side = box["width"] / 11  # conv2's maps are 11×11
            canvas.click(position={"x": (COLUMN + 0.5) * side, "y": (ROW + 0.5) * side})
            pinned = root.locator(".fs-arithmetic[aria-busy=false]")
            pinned.locator(".fs-steps").wait_for()
            pinned.screenshot(path=target / f"pinned-{name}.png")
            notebook.page.keyboard.press("Escape")
            strip = root.locator("[data-strip]")
            strip.get_by_label("prediction").select_option("wrong")
            root.locator("[data-strip][data-ready=true]").wait_for()
            strip.screenshot(path=target / f"strip-{name}.png")
            strip.get_by_label("prediction").select_option(index=0)
            take_lab(notebook, target, name)
        browser.close()
        server.close()
    for kind in ("explorer", "grid", "maps", "evidence", "strip", "pinned", "lab", "stages"):
        for picture in target.glob(f"{kind}-*.png"):  # 256 colours are enough for them, and a third of the bytes
            Image.open(picture).convert("RGB").quantize(256).save(picture, optimize=True)


if __name__ == "__main__":
    main()

"""Makes the README's pictures: the explorer in a real JupyterLab in a real Chromium, light and dark.

.venv/bin/python scripts/screenshots.py        writes docs/images/explorer-light.png and explorer-dark.png
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "browser"), str(ROOT / "scripts")]

from playwright.sync_api import sync_playwright

from conftest import FLAGS
from lab import Lab
from lab_server import LabServer
from machine import find_chromium

CELL = """from filterscope import Explorer, demo

explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
explorer.select(image=2, layer="conv2", filter=10)"""


def main() -> None:
    """Takes both pictures, at twice the density, of the widget alone."""
    target = ROOT / "docs" / "images"
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = LabServer(Path(folder))
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        context = browser.new_context(viewport={"width": 1300, "height": 1700}, device_scale_factor=2)
        lab = Lab(server, context, target)
        notebook = lab.open([CELL])
        for name, theme in (("light", "JupyterLab Light"), ("dark", "JupyterLab Dark")):
            notebook.theme(theme)
            root = notebook.ready(image=2, layer=1, filter=10)
            root.locator("[data-strip][data-ready=true]").wait_for()  # with what the net says to each image
            root.screenshot(path=target / f"explorer-{name}.png")
        browser.close()
        server.close()


if __name__ == "__main__":
    main()

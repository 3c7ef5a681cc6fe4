"""How quickly an edited kernel is seen, in JupyterLab in Chromium: the page's own answer, and Python's behind it.

.venv/bin/python tests/benchmarks/lab_speed.py        writes tests/benchmarks/lab_speed.md

An `input` event is dispatched to a cell of the kernel. The page's own answer is painted within that event: its time is
that of the event's handlers. Python's has come when the frame with its revision is painted and the view is ready.
"""

import os
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "browser"), str(ROOT / "scripts")]

from playwright.sync_api import sync_playwright

from conftest import FLAGS
from explorer_page import new_context
from lab import Lab
from lab_server import LabServer
from machine import find_chromium

EDITS = 60
CELL = """
from filterscope import Explorer, demo
explorer = Explorer(demo.fashion_net(), demo.fashion_test_data(), image_index=2, layer_index={layer})
explorer"""
EDIT = """async ([edits]) => {
    const root = document.querySelector('.filterscope');
    const cell = root.querySelector('.fs-cells input');
    const canvas = root.querySelector('canvas[data-view=response]');
    const seen = () => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.join();
    const times = [];
    for (let k = 0; k < edits; k++) {
        const before = seen();
        cell.value = String(0.5 + k / edits);
        const start = performance.now();
        cell.dispatchEvent(new Event('input', {bubbles: true}));
        const own = performance.now() - start;
        const painted = seen() !== before;
        await new Promise(done => {
            let left = false;
            const look = () => {
                left ||= root.dataset.ready !== 'true';
                if (left && root.dataset.ready === 'true') done();
                else requestAnimationFrame(look);
            };
            look();
        });
        times.push([own, performance.now() - start, painted ? 1 : 0]);
    }
    return times;
}"""


def measured(layer):
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = LabServer(Path(folder))
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        lab = Lab(server, new_context(browser, viewport={"width": 1400, "height": 1200}), Path(folder))
        notebook = lab.open([CELL.format(layer=layer)])
        root = notebook.ready()
        root.locator("button[name=lab]").click()
        root.locator(".fs-outcome[data-revision]").wait_for()
        times = np.array(notebook.page.evaluate(EDIT, [EDITS]))
        browser.close()
        server.close()
    assert times[:, 2].mean() > 0.9, "the page's own answer was not painted"
    return times[:, :2]


def main():
    lines = [
        "# An edited kernel, from the key to the pixels",
        "",
        f"Milliseconds over {EDITS} edits of the demo net in JupyterLab, in Chromium (`lab_speed.py`). Both answers to",
        "an edit are timed in one run, so that their ratio can be compared where the times cannot.",
        "",
        "| layer | the page's own answer: median | 95 % | Python's, exact: median | 95 % | ratio of the medians |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for layer, name in enumerate(("conv1", "conv2")):
        numbers = [np.percentile(column, share) for column in measured(layer).T for share in (50, 95)]
        cells = [*(f"{number:.1f}" for number in numbers), f"1 : {numbers[2] / numbers[0]:.0f}"]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    load = os.getloadavg()[1]
    lines += ["", f"{os.cpu_count()} cores, of which {load:.1f} were asked for in the five minutes before the end."]
    (Path(__file__).parent / "lab_speed.md").write_text("\n".join(lines) + "\n", "utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()

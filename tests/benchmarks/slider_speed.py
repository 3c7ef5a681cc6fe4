"""Key press → the right pixels in JupyterLab: the course notebook's figure under `interact`, and the explorer.

Both run in the same JupyterLab, browser and kernel process, one after the other, in turn; what counts is the ratio.

    .venv/bin/python tests/benchmarks/slider_speed.py            prints the table and writes slider_speed.md beside it
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "tests" / "browser"), str(ROOT / "scripts")]

from playwright.sync_api import sync_playwright

from conftest import FLAGS
from lab import Lab, NotebookPage
from lab_server import LabServer
from machine import find_chromium

# The course notebook's figure, as a reader writes it: kernel and filter2D map of each filter side by side.
COURSE = """
%matplotlib inline
import cv2
import matplotlib.pyplot as plt
from ipywidgets import interact, IntSlider
from filterscope import demo
net, data = demo.fashion_net(), demo.fashion_test_data()
weights = net.{layer}.weight.data.numpy()

def show(image):
    pixels = data[image][0].numpy().squeeze()
    fig = plt.figure(figsize=(30, 10))
    columns, rows = 5 * 2, {rows}
    for i in range(columns * rows // 2):
        fig.add_subplot(rows, columns, 2 * i + 1)
        plt.imshow(weights[i][0], cmap="gray")
        fig.add_subplot(rows, columns, 2 * i + 2)
        plt.imshow(cv2.filter2D(pixels, -1, weights[i][0]), cmap="gray")
    plt.show()

interact(show, image=IntSlider(0, 0, 9999, continuous_update=True));
"""
OURS = """
from filterscope import Explorer, demo
explorer = Explorer(demo.fashion_net(), demo.fashion_test_data(), layer_index={index}, source="image", channel=0)
explorer
"""

PRESSED = """
    const frame = () => new Promise(requestAnimationFrame);
    const start = await new Promise(resolve =>
        document.addEventListener('keydown', () => resolve(performance.now()), {once: true, capture: true}));
"""
# From the key event to the first animation frame after the new figure has been decoded.
WATCH_FIGURE = f"""async output => {{
    const image = () => output.querySelector('.jp-RenderedImage img');
    const before = image().src;
    {PRESSED}
    while (!image() || image().src === before) await frame();
    await image().decode();
    await frame();
    return performance.now() - start;
}}"""
# From the key event to the first animation frame after the root says that the selection is painted.
WATCH_ROOT = f"""async ([root, name, value]) => {{
    {PRESSED}
    while (root.dataset.ready !== 'true' || root.dataset[name] !== String(value)) await frame();
    await frame();
    return performance.now() - start;
}}"""


def presses(page, handle, watch, argument, count: int) -> list[float]:
    """Times of so many presses of the right arrow key, each waited for; the first three are warm-up."""
    times = []
    for step in range(count + 3):
        timer = page.evaluate_handle(
            f"argument => {{ const timing = ({watch})(argument); return {{timing}}; }}", argument(step)
        )
        handle.press("ArrowRight")
        times.append(timer.evaluate("timer => timer.timing"))
    return times[3:]


def course(notebook: NotebookPage, count: int) -> list[float]:
    """The course's figure under `interact`."""
    page = notebook.page
    area = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell-outputArea").first
    area.locator(".jp-RenderedImage img").wait_for()
    element = area.element_handle()
    return presses(page, area.locator(".noUi-handle"), WATCH_FIGURE, lambda step: element, count)


def ours(notebook: NotebookPage, name: str, count: int) -> list[float]:
    """The explorer's slider of that name."""
    notebook.ready()
    root = notebook.widget().element_handle()
    slider = notebook.slider(name)
    start = int(slider.input_value())
    return presses(notebook.page, slider, WATCH_ROOT, lambda step: [root, name, start + step + 1], count)


def p95(times: list[float]) -> float:
    """The 95th percentile, nearest rank."""
    return sorted(times)[max(0, -(-95 * len(times) // 100) - 1)]


def table(rows: list[tuple[str, list[float], list[float] | None]]) -> str:
    """The results in Markdown, times in milliseconds."""
    lines = ["| move | median | p95 | moves | course ÷ ours |", "| --- | --- | --- | --- | --- |"]
    for name, times, baseline in rows:
        ratio = "" if baseline is None else f"{statistics.median(baseline) / statistics.median(times):.1f}"
        lines.append(f"| {name} | {statistics.median(times):.0f} | {p95(times):.0f} | {len(times)} | {ratio} |")
    return "\n".join(lines)


def versions() -> str:
    """The machine and what ran on it."""
    from importlib.metadata import version

    names = ("jupyterlab", "ipywidgets", "ipykernel", "torch", "matplotlib", "opencv-python-headless", "filterscope")
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, " + ", ".join(
        f"{name} {version(name)}" for name in names
    )


def measure(lab: Lab, count: int) -> list[tuple[str, list[float], list[float] | None]]:
    """All rows; the course's and ours in turn, layer by layer, so that both meet the same machine."""
    rows: list[tuple[str, list[float], list[float] | None]] = []
    for index, (layer, figure_rows) in enumerate((("conv1", 2), ("conv2", 4))):
        baseline = course(lab.open([COURSE.format(layer=layer, rows=figure_rows)]), max(8, count // 3))
        lab.tidy()
        notebook = lab.open([OURS.format(index=index)])
        image = ours(notebook, "image", count)
        filters = ours(notebook, "filter", 6)
        lab.tidy()
        rows += [
            (f"{layer}: the course's figure under interact, next image", baseline, None),
            (f"{layer}: explorer, next image", image, baseline),
            (f"{layer}: explorer, next filter", filters, baseline),
        ]
    return rows


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moves", type=int, default=60, help="key presses a row")
    count = parser.parse_args().moves
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = LabServer(Path(folder))
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        context = browser.new_context(viewport={"width": 1400, "height": 1000})
        context.set_default_timeout(60_000)
        output = ROOT / "test-output"
        output.mkdir(exist_ok=True)
        text = f"{table(measure(Lab(server, context, output), count))}\n\n{versions()}\n"
        browser.close()
        server.close()
    print(text)
    (HERE / "slider_speed.md").write_text(f"# Key press → pixels in JupyterLab, milliseconds\n\n{text}")


if __name__ == "__main__":
    main()

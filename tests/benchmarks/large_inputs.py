"""What is large, in JupyterLab: VGG-16's first layer, ResNet-50's 2,048 filters, an image of 4,000 × 3,000 pixels.

.venv/bin/python tests/benchmarks/large_inputs.py       prints and writes large_inputs.md; pictures to test-output
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "tests" / "browser"), str(ROOT / "scripts"), str(HERE)]

from page_times import RUN_TO_PICTURE, Moves
from playwright.sync_api import sync_playwright
from speed_report import machine

from conftest import FLAGS
from lab import FIND_PANEL, Lab, NotebookPage
from lab_server import LabServer
from machine import find_chromium

NET = """
import torch, torchvision
from filterscope import Explorer
torch.manual_seed(0)
net = torchvision.models.{net}(weights=None).eval()
class Images(torch.utils.data.Dataset):
    def __len__(self):
        return 500
    def __getitem__(self, index):
        if not 0 <= index < 500:
            raise IndexError(index)
        return torch.rand(3, {height}, {width}, generator=torch.Generator().manual_seed(index)), index % 10
"""
EXPLORER = "explorer = Explorer(net, Images(), source='{source}').select(layer={layer!r})\nexplorer"
MEMORY = "__import__('resource').getrusage(__import__('resource').RUSAGE_SELF).ru_maxrss"

# What is shown: net, height, width, layer and source; and how many moves of each kind are measured.
CASES = {
    "VGG-16, features.0: 64×224×224": (("vgg16", 224, 224, "features.0", "input"), 12),
    "ResNet-50, layer4.2.conv3: 2,048 filters": (("resnet50", 224, 224, "layer4.2.conv3", "input"), 12),
    "ResNet-18, conv1, image of 3×3000×4000": (("resnet18", 3000, 4000, "conv1", "input"), 3),
    "the same, filter2D over the image": (("resnet18", 3000, 4000, "conv1", "image"), 2),
}


def case(lab: Lab, name: str, given: tuple[str, int, int, str, str], count: int) -> str:
    """A line of the table: milliseconds to the first picture, to another filter and to another image; memory."""
    net, height, width, layer, source = given
    cells = [NET.format(net=net, height=height, width=width), EXPLORER.format(layer=layer, source=source)]
    notebook = lab.open(cells, run=False)
    notebook.page.set_default_timeout(300_000)
    notebook.run_cell(0)
    before = notebook.python(MEMORY)
    first = notebook.page.evaluate(RUN_TO_PICTURE, [notebook.path, FIND_PANEL])
    moves = Moves(notebook)
    draw = random.Random(0)
    filters = rested(moves, notebook, "filter", range(1, count + 1))
    images = rested(moves, notebook, "image", [draw.randrange(500) for _ in range(count)])
    notebook.widget().screenshot(path=str(ROOT / "test-output" / f"large_{net}_{source}.png"))
    gigabytes = (notebook.python(MEMORY) - before) / 2**20
    lab.tidy()
    return f"| {name} | {first:.0f} | {median(filters):.0f} | {median(images):.0f} | {gigabytes:.1f} |"


def rested(moves: Moves, notebook: NotebookPage, slider: str, values: Sequence[int]) -> list[float]:
    """Moves of somebody who looks at each picture for a second."""
    times = []
    for value in values:
        notebook.page.wait_for_timeout(1000)
        times.append(moves.jump(slider, value))
    return times


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="cases whose name holds this; nothing is written")
    only = parser.parse_args().only
    lines = [
        "| shown | first picture, ms | another filter, ms | another image, ms | the kernel's peak: more by, GiB |",
        "| --- | --- | --- | --- | --- |",
    ]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = LabServer(Path(folder))
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        context = browser.new_context(viewport={"width": 1400, "height": 1000})
        context.set_default_timeout(60_000)
        (ROOT / "test-output").mkdir(exist_ok=True)
        lab = Lab(server, context, ROOT / "test-output")
        for name, (given, count) in CASES.items():
            if only in name:
                lines.append(case(lab, name, given, count))
                print(lines[-1], flush=True)
        browser.close()
        server.close()
    table = "\n".join(lines)
    if not only:
        text = f"# What is large: from an event to the right pixels in JupyterLab\n\n{table}\n\n{machine()}\n"
        (HERE / "large_inputs.md").write_text(text, "utf-8")


if __name__ == "__main__":
    main()

"""Key press → the right pixels in JupyterLab: the course notebook's figure under `interact`, and the explorer.

Every move that a person makes, on the demo net and on a ResNet-18 with random weights and images, in one JupyterLab and
one browser; and where the kernel's own time goes. The course's figure and the explorer are measured in turn.

    .venv/bin/python tests/benchmarks/slider_speed.py            about 5 minutes; prints, and writes slider_speed.md,
                                                                 slider_speed.svg, the table of the docs
    .venv/bin/python tests/benchmarks/slider_speed.py --quick    about 1 minute; prints only
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "tests" / "browser"), str(ROOT / "scripts"), str(HERE)]

from kernel_rooms import split
from page_times import RUN_TO_PICTURE, Course, Moves
from playwright.sync_api import sync_playwright
from speed_report import NETS, ROOT, Row, machine, moves_table, plot, ratios, rooms_table, write_between

from conftest import FLAGS
from lab import FIND_PANEL, Lab
from lab_server import LabServer
from machine import find_chromium

# What stands in the notebook's first cell; the second one makes the explorer.
FASHION = """
from filterscope import Explorer, demo
net, data = demo.fashion_net(), demo.fashion_test_data()
"""
RESNET = """
import torch, torchvision
from filterscope import Explorer
torch.manual_seed(0)
net = torchvision.models.resnet18(weights=None).eval()
pixels = torch.rand(64, 3, 224, 224, generator=torch.Generator().manual_seed(0))
class Images(torch.utils.data.Dataset):
    def __len__(self):
        return 5000
    def __getitem__(self, index):
        if not 0 <= index < 5000:
            raise IndexError(index)
        return pixels[index % 64].roll(index // 64, -1), index % 10
data = Images()
"""
OURS = "explorer = Explorer(net, data, layer_index={layer})\nexplorer"
# The course notebook's figure, as a reader writes it: kernel and filter2D map of each filter side by side.
COURSE = """
%matplotlib inline
import cv2
import matplotlib.pyplot as plt
from ipywidgets import interact, IntSlider
weights = net.{layer}.weight.data.numpy()

def show(image):
    pixels = data[image][0].numpy().mean(0)
    fig = plt.figure(figsize=(30, 10))
    columns, rows = 5 * 2, {rows}
    for i in range(columns * rows // 2):
        fig.add_subplot(rows, columns, 2 * i + 1)
        plt.imshow(weights[i][0], cmap="gray")
        fig.add_subplot(rows, columns, 2 * i + 2)
        plt.imshow(cv2.filter2D(pixels, -1, weights[i][0]), cmap="gray")
    plt.show()

interact(show, image=IntSlider(0, 0, len(data) - 1, continuous_update=True));
"""

FILTER, STEP, JUMP, LAYER, DRAG, FIRST = (
    "filter slider, layer on screen",
    "next or previous image",
    "jump to any image",
    "other layer, same image",
    "3 s drag of the image slider, 180 steps",
    "cell run → first picture",
)


@dataclass(frozen=True)
class Net:
    """A net of the benchmark: its first cell, its images, the layers moved between, and the issue's aims."""

    name: str
    setup: str
    images: int
    layers: int
    filters: int
    aims: dict[str, str]


FASHION_NET = Net(
    NETS[0],
    FASHION,
    10_000,
    2,
    10,
    {
        FILTER: "12 (p95 20)",
        STEP: "15",
        JUMP: "25",
        LAYER: "25",
        DRAG: "100 frames, lag 60",
        FIRST: "400",
    },
)
RESNET_18 = Net(
    NETS[1],
    RESNET,
    5000,
    20,
    64,
    {
        FILTER: "12 (p95 20)",
        STEP: "25",
        JUMP: "45",
        LAYER: "pass + 25",
        DRAG: "50 frames, lag 120",
        FIRST: "1000",
    },
)


def course(lab: Lab, net: Net, layer: str, rows: int, count: int) -> list[Row]:
    """The course's figure: steps and one drag."""
    figure = Course(lab.open([net.setup + COURSE.format(layer=layer, rows=rows)]))
    steps = figure.steps(count)
    frames, lag = figure.drag()
    lab.tidy()
    return [
        Row(f"course, {layer}: next image", net.name, steps),
        Row(f"course, {layer}: the same drag", net.name, [lag], frames=[frames]),
    ]


def explorer(lab: Lab, net: Net, count: int) -> list[Row]:
    """Every move of the table, on the first layer."""
    first = []
    for attempt in range(3):
        notebook = lab.open([net.setup, OURS.format(layer=0)], run=False)
        notebook.run_cell(0)
        first.append(notebook.page.evaluate(RUN_TO_PICTURE, [notebook.path, FIND_PANEL]))
        if attempt < 2:
            lab.tidy()
    moves = Moves(notebook)
    draw = random.Random(0)
    filters = moves.steps("filter", count, net.filters - 1)
    steps = moves.steps("image", count, 15)
    jumps = moves.jumps("image", count, lambda: draw.randrange(net.images))
    drags = [moves.drag() for _ in range(3)]
    layers = []
    for _ in range(count):
        moves.jump("layer", 0)
        moves.jump("image", draw.randrange(net.images))
        notebook.page.wait_for_timeout(300)
        layers.append(moves.jump("layer", 1 + draw.randrange(net.layers - 1)))
        notebook.page.wait_for_timeout(100)
    lab.tidy()
    measured = {FILTER: filters, STEP: steps, JUMP: jumps, LAYER: layers, FIRST: first}
    rows = [Row(move, net.name, times, net.aims[move]) for move, times in measured.items()]
    frames = [frames for frames, _ in drags]
    return [*rows, Row(DRAG, net.name, [lag for _, lag in drags], net.aims[DRAG], frames)]


def second_layer(lab: Lab, net: Net, count: int) -> Row:
    """Next image on conv2: what the course's second figure is compared with."""
    moves = Moves(lab.open([net.setup, OURS.format(layer=1)]))
    times = moves.steps("image", count, 15)
    lab.tidy()
    return Row("next or previous image, conv2", net.name, times)


def kernel_times(count: int) -> dict[str, tuple[dict[str, float], float, int]]:
    """The kernel's own time by room, without browser and Jupyter."""
    from filterscope.data.source import SampleSource
    from filterscope.engine.engine import Engine

    splits = {}
    for net, layers in ((FASHION_NET, (0, 1)), (RESNET_18, (0, 10))):
        space: dict = {}
        exec(net.setup, space)
        engine = Engine(space["net"], SampleSource(space["data"]))
        for layer in layers:
            start = 100 * (layer + 1)
            name = f"{net.name.split()[0]} {engine.layers[layer].name}"
            splits[name] = split(engine, layer, range(start, start + count))
        engine.close()
    return splits


def measure(lab: Lab, count: int) -> list[Row]:
    """All rows; the course's and ours in turn, so that both meet the same machine."""
    rows = course(lab, FASHION_NET, "conv1", 2, max(4, count // 5))
    rows += explorer(lab, FASHION_NET, count)
    rows += course(lab, FASHION_NET, "conv2", 4, max(4, count // 8))
    rows.append(second_layer(lab, FASHION_NET, count // 2))
    rows += course(lab, RESNET_18, "conv1", 2, max(4, count // 8))
    rows += explorer(lab, RESNET_18, count)
    return rows


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few moves, nothing written")
    quick = parser.parse_args().quick
    count = 12 if quick else 60
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = LabServer(Path(folder))
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        context = browser.new_context(viewport={"width": 1400, "height": 1000})
        context.set_default_timeout(60_000)
        output = ROOT / "test-output"
        output.mkdir(exist_ok=True)
        lab = Lab(server, context, output)
        rows = measure(lab, count)
        browser.close()
        server.close()
    splits = kernel_times(10 if quick else 30)
    pairs = [
        (NETS[0], "course, conv1: next image", STEP),
        (NETS[0], "course, conv1: next image", JUMP),
        (NETS[0], "course, conv2: next image", "next or previous image, conv2"),
        (NETS[1], "course, conv1: next image", JUMP),
    ]
    moves = f"{moves_table(rows)}\n\n{ratios(rows, pairs)}"
    text = f"{moves}\n\n## The kernel's own time for a new image, ms\n\n{rooms_table(splits)}\n\n{machine()}\n"
    print(text)
    if not quick:
        head = "# Event → right pixels in JupyterLab in Chromium, ms: median (95th percentile)\n\n"
        (HERE / "slider_speed.md").write_text(f"{head}{text}\n![the moves](slider_speed.svg)\n", "utf-8")
        plot(rows, HERE / "slider_speed.svg")
        write_between(ROOT / "docs" / "explanation" / "speed.md", "speed", f"{moves}\n\n{machine()}")


if __name__ == "__main__":
    main()

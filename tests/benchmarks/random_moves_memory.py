"""Does memory stay flat? Ten thousand random moves of every slider, with the page's and the kernel's memory on the way.

The moves are among 600 images, so that the caches are full after a while. Among more, what was seen is kept up to the
limits of the caches, which the kernel's memory follows.

.venv/bin/python tests/benchmarks/random_moves_memory.py           prints and writes random_moves_memory.md
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "tests" / "browser"), str(ROOT / "scripts"), str(HERE)]

from playwright.sync_api import sync_playwright
from slider_speed import FASHION, OURS
from speed_report import machine

from conftest import FLAGS
from lab import Lab
from lab_server import LabServer
from machine import find_chromium
from random_moves import kernel_bytes, kernel_caches, move_at_random, page_bytes

MEGABYTE = 2**20
FEW = "\nimport torch\ndata = torch.utils.data.Subset(data, range(600))\n"


def measure(lab: Lab, moves: int) -> str:
    """A table with a line every tenth of the moves."""
    notebook = lab.open([FASHION + FEW, OURS.format(layer=0)])
    notebook.ready()
    lines = [
        "| moves | page, MiB | kernel, MiB | caches of the kernel, MiB | seconds |",
        "| --- | --- | --- | --- | --- |",
    ]
    start = time.monotonic()
    for part in range(11):
        if part:
            wrong = move_at_random(notebook, moves // 10, seed=part)
            if wrong:
                raise SystemExit(f"a label stood over another's pictures: {wrong}")
        notebook.page.evaluate("window.picturesKnown?.clear()")  # what the benchmark itself holds
        held = sum(held for held, _ in kernel_caches(notebook))
        values = page_bytes(notebook), kernel_bytes(notebook), held
        said = " | ".join(f"{value / MEGABYTE:.0f}" for value in values)
        lines.append(f"| {part * moves // 10} | {said} | {time.monotonic() - start:.0f} |")
        print(lines[-1], flush=True)
    problems = lab.problems()
    if problems:
        raise SystemExit("\n".join(problems))
    return "\n".join(lines)


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moves", type=int, default=10_000)
    moves = parser.parse_args().moves
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = LabServer(Path(folder))
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        context = browser.new_context(viewport={"width": 1400, "height": 1000})
        context.set_default_timeout(60_000)
        output = ROOT / "test-output"
        output.mkdir(exist_ok=True)
        table = measure(Lab(server, context, output), moves)
        browser.close()
        server.close()
    head = f"# Memory under {moves:,} random moves among 600 images, FashionNet"
    text = f"{head}\n\n{table}\n\nNo error on the console. {machine()}\n"
    print(text)
    if moves >= 10_000:
        (HERE / "random_moves_memory.md").write_text(text, "utf-8")


if __name__ == "__main__":
    main()

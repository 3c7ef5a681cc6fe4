"""The sliders while a diagnosis runs, and while none does: key press → the right pixels, in turn on the same machine.

.venv/bin/python tests/benchmarks/beside_diagnosis.py        about 2 minutes; prints, and writes beside_diagnosis.md
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "tests" / "browser"), str(ROOT / "scripts"), str(HERE)]

from page_times import Moves
from playwright.sync_api import sync_playwright
from slider_speed import FASHION_NET, Net
from speed_report import machine

from conftest import FLAGS
from lab import Lab
from lab_server import LabServer
from machine import find_chromium

ROUNDS, COUNT = 2, 8
OURS = "explorer = Explorer(net, data)\nexplorer"
BEGIN = "explorer.diagnose(images=10_000); None"
END = "explorer.diagnosis.cancel().wait(); None"


def moves_of(lab: Lab, net: Net) -> dict[str, dict[bool, list[float]]]:
    """Milliseconds of each kind of move, without and with a diagnosis that runs from the first to the last."""
    notebook = lab.open([net.setup, OURS])
    moves = Moves(notebook)
    draw = random.Random(0)
    found: dict[str, dict[bool, list[float]]] = {}
    for beside in [False, True] * ROUNDS:
        notebook.python("explorer.select(image=0, filter=0); None")
        notebook.ready(image=0, filter=0)
        if beside:
            notebook.python(BEGIN)
            notebook.page.wait_for_timeout(1500)
        measured = {
            "filter slider": moves.steps("filter", COUNT, net.filters - 1),
            "next or previous image": moves.steps("image", COUNT, 15),
            "jump to any image": moves.jumps("image", COUNT, lambda: draw.randrange(net.images)),
            # After a rest, in which the diagnosis has taken up its work again.
            "first move after a rest": [first(moves, notebook, net, draw) for _ in range(COUNT)],
        }
        if beside:
            assert notebook.python("explorer.diagnosis.done") is False, "it ended before the moves did"
            notebook.python(END)
        for name, times in measured.items():
            found.setdefault(name, {False: [], True: []})[beside] += times
    lab.tidy()
    return found


def first(moves: Moves, notebook, net: Net, draw: random.Random) -> float:
    """A jump when nothing was moved for a second."""
    notebook.page.wait_for_timeout(1000)
    return moves.jump("image", draw.randrange(net.images))


def main() -> None:
    """Measures, prints and writes."""
    lines = ["| net | move | without | while a diagnosis runs |", "| --- | --- | --- | --- |"]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = LabServer(Path(folder))
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        context = browser.new_context(viewport={"width": 1400, "height": 1000})
        context.set_default_timeout(120_000)
        lab = Lab(server, context, ROOT / "test-output")
        for net in (FASHION_NET,):
            for name, times in moves_of(lab, net).items():
                cells = [f"{statistics.median(times[k]):.0f} (p95 {percentile(times[k]):.0f})" for k in (False, True)]
                lines.append(f"| {net.name} | {name} | {cells[0]} | {cells[1]} |")
                print(lines[-1], flush=True)
        browser.close()
        server.close()
    text = (
        "# The sliders beside a diagnosis\n\nMilliseconds from the move to the right pixels, median (95th percentile) "
    )
    text += f"of {ROUNDS * COUNT} moves, in turn without and with a diagnosis in the background.\n\n"
    (HERE / "beside_diagnosis.md").write_text(text + "\n".join(lines) + f"\n\n{machine()}\n", encoding="utf-8")


def percentile(times: list[float]) -> float:
    """The 95th."""
    return sorted(times)[min(len(times) - 1, round(0.95 * len(times)))]


if __name__ == "__main__":
    main()

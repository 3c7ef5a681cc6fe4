"""Half an hour of everything at once, and what was survived; `tests/browser/everything_at_once.py` says what is done.

.venv/bin/python tests/benchmarks/soak.py                  prints, and writes soak.md
.venv/bin/python tests/benchmarks/soak.py --minutes 3      prints
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
from speed_report import machine

from conftest import FLAGS
from everything_at_once import Soak
from explorer_page import new_context
from lab import Lab
from lab_server import LabServer
from machine import find_chromium

THINGS = {
    "move": "60 random moves of all sliders",
    "run_again": "the explorer's cell run again",
    "train": "an epoch of training with two forked workers, while the sliders move",
    "interrupt": "a cell that never ends interrupted, wherever it was",
    "reload": "the browser's page reloaded",
    "diagnose": "a diagnosis of 1,000 images beside all this: the verdicts of one that ran alone",
    "compare": "in step with Python, the activation the net's own, and the page's pixels its",
    "losses": "all losses of the training, bit by bit those of a process without filterscope",
}


class Account:
    """Memory and time on the way."""

    def __init__(self, soak: Soak) -> None:
        self._soak, self._start = soak, time.monotonic()
        self.lines = [
            "| minutes | kernel, MiB | page, MiB | threads of ours | 1 + 1, ms |",
            "| --- | --- | --- | --- | --- |",
        ]

    @property
    def minutes(self) -> float:
        return (time.monotonic() - self._start) / 60

    def add(self) -> None:
        """A line of the table."""
        kernel, page = self._soak.memory()
        cells = kernel / 2**20, page / 2**20, self._soak.threads(), 1000 * self._soak.one_and_one()
        self.lines.append(f"| {self.minutes:.1f} | " + " | ".join(f"{cell:.0f}" for cell in cells) + " |")
        print(self.lines[-1], flush=True)


def main() -> None:
    """Soaks, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = LabServer(Path(folder))
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        output = ROOT / "test-output"
        output.mkdir(exist_ok=True)
        soak = Soak(Lab(server, new_context(browser, viewport={"width": 1400, "height": 1000}), output), options.seed)
        account = Account(soak)
        account.add()
        looks = 1
        while account.minutes < options.minutes:
            soak.round()
            if account.minutes >= looks * options.minutes / 10:
                account.add()
                looks += 1
        soak.end()
        kept = [soak.memory()[0]]
        soak.give_back()
        kept.append(soak.memory()[0])
        browser.close()
        server.close()
    text = report(soak, account, kept, options.seed)
    print(text)
    if options.minutes >= 30:
        (HERE / "soak.md").write_text(text, "utf-8")
    sys.exit(bool(soak.failures))


def report(soak: Soak, account: Account, kept: list[int], seed: int) -> str:
    """What was done and how often, what failed, and the course of memory and time; `kept`: memory at the end."""
    failed = [failure.split()[0] for failure in soak.failures]
    rows = [
        f"| {said} | {soak.tried[name]} | {soak.tried[name] - failed.count(name)} |" for name, said in THINGS.items()
    ]
    parts = [
        f"# {account.minutes:.0f} minutes of everything at once",
        f"`python tests/benchmarks/soak.py --seed {seed}` on {time.strftime('%Y-%m-%d')}. {machine()}",
        "\n".join(["| what was done, in random order | tried | survived |", "| --- | --- | --- |", *rows]),
        "\n".join(soak.failures)
        or "Nothing on the console, but that JupyterLab says of a reloaded page: Comm not found.",
        "\n".join(account.lines),
        f"Of the kernel's last {kept[0] / 2**20:.0f} MiB {(kept[0] - kept[1]) / 2**20:.0f} were free, and kept by the "
        "allocator for later (`malloc_trim`).",
    ]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main()

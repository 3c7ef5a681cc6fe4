"""What was measured, as Markdown and as a plot; the docs' part of it is written by the same run."""

from __future__ import annotations

import math
import os
import platform
import statistics
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NETS = ("FashionNet", "ResNet-18 at 224 px")
PACKAGES = ("jupyterlab", "ipywidgets", "ipykernel", "torch", "matplotlib", "opencv-python-headless", "filterscope")


def p95(times: list[float]) -> float:
    """The 95th percentile, nearest rank."""
    return sorted(times)[max(0, math.ceil(0.95 * len(times)) - 1)]


@dataclass
class Row:
    """One kind of move in one net: its times in milliseconds, or for a drag the frames and the lag."""

    move: str
    net: str
    times: list[float]
    aim: str = ""
    frames: list[int] = field(default_factory=list)

    def cell(self) -> str:
        """Median and 95th percentile; for drags the frames and the lag."""
        if self.frames:
            return f"{statistics.median(self.frames):.0f} frames, lag {statistics.median(self.times):.0f}"
        if len(self.times) < 5:
            return f"{statistics.median(self.times):.0f}"
        return f"{statistics.median(self.times):.0f} (p95 {p95(self.times):.0f})"


def moves_table(rows: list[Row]) -> str:
    """Moves down, nets across, each with its aim."""
    moves = list(dict.fromkeys(row.move for row in rows))
    lines = [
        "| move | " + " | ".join(f"{net} | aim" for net in NETS) + " |",
        "| --- |" + " --- | --- |" * len(NETS),
    ]
    for move in moves:
        cells = []
        for net in NETS:
            row = next((row for row in rows if (row.move, row.net) == (move, net)), None)
            cells += ["", ""] if row is None else [row.cell(), row.aim]
        lines.append(f"| {move} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def ratios(rows: list[Row], pairs: list[tuple[str, str, str]]) -> str:
    """How many times faster, for each (net, the course's move, ours)."""
    found = {(row.net, row.move): row for row in rows}
    lines = []
    for net, theirs, ours in pairs:
        course, explorer = found[net, theirs], found[net, ours]
        ratio = statistics.median(course.times) / statistics.median(explorer.times)
        lines.append(f"- {net}, {ours}: {ratio:.1f} times faster than {theirs}")
    return "\n".join(lines)


def rooms_table(splits: dict[str, tuple[dict[str, float], float, int]]) -> str:
    """Rooms down, layers across."""
    rooms = list(next(iter(splits.values()))[0])
    lines = ["| room | " + " | ".join(splits) + " |", "| --- |" + " --- |" * len(splits)]
    for room in rooms:
        lines.append(f"| {room} | " + " | ".join(f"{spent[room]:.1f}" for spent, _, _ in splits.values()) + " |")
    lines.append("| **all** | " + " | ".join(f"**{total:.1f}**" for _, total, _ in splits.values()) + " |")
    lines.append("| kilobytes sent | " + " | ".join(f"{size / 1000:.0f}" for _, _, size in splits.values()) + " |")
    return "\n".join(lines)


def machine() -> str:
    """The machine and what ran on it."""
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, " + ", ".join(
        f"{name} {version(name)}" for name in PACKAGES
    )


def plot(rows: list[Row], path: Path) -> None:
    """Each move's median and 95th percentile on one logarithmic scale."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    shown = [row for row in rows if not row.frames]
    figure, axes = plt.subplots(figsize=(9, 0.32 * len(shown) + 1.2), layout="constrained")
    for place, row in enumerate(reversed(shown)):
        median, most = statistics.median(row.times), p95(row.times)
        course = row.move.startswith("course")
        axes.barh(place, median, color="#b0b0b0" if course else "#1a73e8", height=0.65)
        axes.plot([median, most], [place, place], color="black", linewidth=1)
        axes.text(most * 1.08, place, f"{median:.0f}", va="center", fontsize=8)
    axes.set_yticks(range(len(shown)), [f"{row.net.split()[0]}: {row.move}" for row in reversed(shown)], fontsize=8)
    axes.set_xscale("log")
    axes.set_xlabel("event → right pixels in milliseconds: median, and a line to the 95th percentile")
    axes.axvline(1000 / 60, color="black", linewidth=0.6, linestyle=":")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def write_between(path: Path, name: str, text: str) -> None:
    """Replaces what stands between `<!-- name -->` and `<!-- end of name -->` in a Markdown file."""
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, _, rest = path.read_text("utf-8").partition(start)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"{path.name} has no place for {name}: {start} … {end}")
    path.write_text(f"{before}{start}\n{text}\n{end}{after}", "utf-8")

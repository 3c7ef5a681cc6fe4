"""Draws the rooms of the package, and a pixel's way through them: docs/images/house-{light,dark}.svg.

python scripts/house_picture.py           writes both files
python scripts/house_picture.py --check   ends with 1 if they are not what it would write

The order of the rooms is the import contract's in pyproject.toml; what a room is for is its docstring's first sentence.
"""

from __future__ import annotations

import ast
import re
import sys
import textwrap
from html import escape
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
PACKAGE = CHECKOUT / "widget_pkg" / "filterscope"
PICTURES = {name: CHECKOUT / "docs" / "images" / f"house-{name}.svg" for name in ("light", "dark")}
PARTS = ("ground", "room", "line", "text", "soft", "way")
COLOURS = {
    "light": dict(zip(PARTS, ("#ffffff", "#f2f4f8", "#9aa4b5", "#1c2430", "#4a5568", "#1a56c4"), strict=True)),
    "dark": dict(zip(PARTS, ("#1e2129", "#2a2f3a", "#6b7588", "#e8ebf0", "#b4bdcb", "#7fb0ff"), strict=True)),
}
WIDTH, MARGIN, GAP, LINE = 960, 16, 10, 17
ROOMS_WIDTH = 660
WAY = (
    *("data/source", "nets/runner", "filters/response", "filters/value_range", "frames/frame", "wire"),
    *("wire/frame.ts", "view/map.ts"),
)


def floors() -> list[list[str]]:
    """The rooms from the top down; those on one floor do not know each other. Single files are left out."""
    text = (CHECKOUT / "pyproject.toml").read_text("utf-8")
    layers = re.search(r'type = "layers".*?layers = \[(.*?)\]', text, re.DOTALL)
    if layers is None:
        raise ValueError("pyproject.toml has no contract of layers")
    named = [re.split(r" *[|:] *", floor) for floor in re.findall(r'"([^"]+)"', layers[1])]
    rooms = [[room for room in floor if (PACKAGE / room).is_dir()] for floor in named]
    return [floor for floor in rooms if floor]


def purpose(room: str) -> str:
    """What a room is for: its docstring's first paragraph."""
    docstring = ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text("utf-8"))) or ""
    return " ".join(docstring.partition("\n\n")[0].split())


def picture(scheme: str) -> str:
    """The picture as SVG."""
    colour = COLOURS[scheme]
    parts: list[str] = []
    y = MARGIN
    for floor in floors():
        width = (ROOMS_WIDTH - GAP * (len(floor) - 1)) / len(floor)
        texts = [textwrap.wrap(purpose(room).replace("`", ""), int((width - 24) / 6.6)) for room in floor]
        height = 30 + LINE * max(map(len, texts))
        for number, (room, lines) in enumerate(zip(floor, texts, strict=True)):
            x = MARGIN + number * (width + GAP)
            parts.append(
                f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="5" fill="{colour["room"]}" '
                f'stroke="{colour["line"]}"/>'
            )
            parts.append(_text(x + 12, y + 20, room, colour["text"], "bold 14px"))
            parts += [_text(x + 12, y + 39 + LINE * k, line, colour["soft"], "13px") for k, line in enumerate(lines)]
        y += height + GAP
    bottom = y - GAP
    parts += _way(colour, MARGIN + ROOMS_WIDTH + 40, bottom)
    height = bottom + MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" '
            f'height="{height:g}" role="img" aria-label="The rooms of the package, and the way of a pixel">',
            f'<rect width="{WIDTH}" height="{height:g}" fill="{colour["ground"]}"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


def _way(colour: dict[str, str], x: float, bottom: float) -> list[str]:
    """The eight files, from the data set at the bottom to the screen at the top."""
    parts = [_text(x, MARGIN + 16, "the way of a pixel", colour["text"], "bold 14px")]
    first, step = MARGIN + 56, (bottom - MARGIN - 72) / (len(WAY) - 1)
    for number, file in enumerate(reversed(WAY)):
        y = first + number * step
        where = "the page" if file.endswith(".ts") else "Python"
        parts.append(f'<circle cx="{x + 8:g}" cy="{y:g}" r="5" fill="{colour["way"]}"/>')
        parts.append(_text(x + 26, y + 1, file, colour["way"], "bold 14px"))
        parts.append(_text(x + 26, y + 18, where, colour["soft"], "13px"))
        if number:
            low, high = y - 8, y - step + 8
            parts.append(
                f'<path d="M{x + 8:g} {low:g}V{high:g}m-4 7l4 -7l4 7" fill="none" stroke="{colour["way"]}" '
                'stroke-width="1.5"/>'
            )
    return parts


def _text(x: float, y: float, text: str, colour: str, font: str) -> str:
    family = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
    return f'<text x="{x:g}" y="{y:g}" fill="{colour}" style="font: {font} {family}">{escape(text)}</text>'


def main() -> int:
    """Writes the pictures, or checks them."""
    stale = [path for name, path in PICTURES.items() if not path.is_file() or path.read_text("utf-8") != picture(name)]
    if "--check" in sys.argv[1:]:
        print(f"stale: {', '.join(map(str, stale))}; run python scripts/house_picture.py" if stale else "fresh")
        return 1 if stale else 0
    for name, path in PICTURES.items():
        path.write_text(picture(name), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Adds to the documentation site what is made of other files; MkDocs calls the functions (mkdocs.yml, `hooks`).

Pages: the README, the changelog, the notebooks, the measurements. Blocks within pages, each in the place of a comment
that names it: the table of waiting times, the help of the command line. Links between the files of the checkout become
links between the pages, so that the sources read well where they lie, too.
"""

from __future__ import annotations

import ast
import json
import os
import posixpath
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

# Files of the checkout that are pages of the site, or pictures in one; all of docs/ is besides.
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "models/README.md": "measurements/demo_net.md",
    **{
        f"tests/benchmarks/{path.name}": f"measurements/{path.name}"
        for pattern in ("*.md", "*.svg", "*.png")
        for path in sorted((ROOT / "tests" / "benchmarks").glob(pattern))
    },
    **{
        f"demo_notebooks/{path.name}": f"tutorials/{path.stem}.md"
        for path in sorted((ROOT / "demo_notebooks").glob("*.ipynb"))
    },
}
ORIGINS = {page: source for source, page in PAGES.items()}
TIMES = (ROOT / "widget_pkg" / "filterscope" / "host" / "timing.py", ROOT / "js" / "src" / "state" / "timing.ts")


def on_files(files: Any, config: Any) -> Any:
    """Adds the pages that lie elsewhere in the checkout."""
    from mkdocs.structure.files import File

    for source, page in PAGES.items():
        path = ROOT / source
        if path.suffix == ".ipynb":
            files.append(File.generated(config, page, content=notebook_page(path)))
        else:
            files.append(File.generated(config, page, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """A page's text with its pictures, blocks and links as the site needs them."""
    place = page.file.src_uri
    text = pictures(markdown)
    for name, block in BLOCKS.items():
        comment = f"<!-- {name} -->"
        if comment in text:
            text = text.replace(comment, block())
    return relinked(text, place)


# Links and pictures


def relinked(text: str, page: str) -> str:
    """The text of a page whose links to files of the checkout lead to the pages made of them.

    Args:
        text: Markdown, with links relative to the file it stands in.
        page: The page's place in the site.
    """
    origin = ORIGINS.get(page, f"docs/{page}")

    def place(link: re.Match[str]) -> str:
        target, hash, anchor = link["target"].partition("#")
        if not target or ":" in target:
            return link[0]
        file = posixpath.normpath(posixpath.join(posixpath.dirname(origin), target))
        if file not in PAGES and not file.startswith("docs/") and (ROOT / file).exists():
            return f"{link['words']}"  # a file that is no page of the site
        there = PAGES.get(file, file.removeprefix("docs/"))
        return f"[{link['words']}]({posixpath.relpath(there, posixpath.dirname(page) or '.')}{hash}{anchor})"

    outside_code = re.split(r"(^```.*?^```|`[^`\n]+`)", text, flags=re.MULTILINE | re.DOTALL)
    link = re.compile(r"\[(?P<words>[^\[\]]*)\]\((?P<target>[^)\s]+)\)")
    return "".join(part if k % 2 else link.sub(place, part) for k, part in enumerate(outside_code))


def pictures(text: str) -> str:
    """The text with each `<picture>` as two images, of which the theme shows the one of its own scheme."""

    def both(found: re.Match[str]) -> str:
        dark = re.search(r'srcset="([^"]+)"', found[0])
        light = re.search(r'src="([^"]+)"', found[0])
        said = re.search(r'alt="([^"]*)"', found[0], re.DOTALL)
        if dark is None or light is None or said is None:
            raise ValueError(f"a picture needs srcset, src and alt: {found[0]}")
        alt = " ".join(said[1].split())
        return f"![{alt}]({light[1]}#only-light)![{alt}]({dark[1]}#only-dark)"

    return re.sub(r"<picture>.*?</picture>", both, text, flags=re.DOTALL)


# Notebooks


def notebook_page(path: Path) -> str:
    """A notebook as a page: its words, and its code as it would be run."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    parts = ["".join(cell["source"]) for cell in cells]
    for k, cell in enumerate(cells):
        if cell["cell_type"] == "code":
            parts[k] = f"```python\n{parts[k]}\n```"
    note = (
        f'!!! note ""\n    This is the notebook `demo_notebooks/{path.name}`. Run its cells in JupyterLab, which '
        "`make demo` opens."
    )
    head, *rest = [part for part in parts if part.strip()]
    title, _, words = head.partition("\n")
    return "\n\n".join([title, note, words.strip(), *rest]) + "\n"


# The table of waiting times


@dataclass(frozen=True)
class Time:
    """A waiting time: where it is stated, for what, how long, and why."""

    file: str
    name: str
    seconds: float
    reason: str


def python_times(path: Path) -> Iterator[Time]:
    """The numbers of a Python file's table, in seconds; the reason is the string below each."""
    body = ast.parse(path.read_text("utf-8")).body
    for statement, below in zip(body, [*body[1:], None], strict=True):
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=int() | float() as seconds)):
                reason = ""
                if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
                    reason = " ".join(str(below.value.value).split())
                yield Time(path.name, name, float(seconds), reason)


def script_times(path: Path) -> Iterator[Time]:
    """The numbers of a TypeScript file's table, in milliseconds; the reason is the comment before each or its group."""
    group, about, reason = "", "", ""
    token = re.compile(
        r"/\*\*(?P<words>.*?)\*/|export const (?P<group>\w+) = \{|(?P<name>\w+): (?P<number>[\d_.]+)",
        re.DOTALL,
    )
    for found in token.finditer(path.read_text("utf-8")):
        if found["words"]:
            reason = " ".join(re.sub(r"^\s*\*", "", found["words"], flags=re.MULTILINE).split())
        elif found["group"]:
            group, about, reason = found["group"], reason, ""
        elif found["name"]:
            seconds = float(found["number"].replace("_", "")) / 1000
            yield Time(path.name, f"{group}.{found['name']}", seconds, reason or about)
            reason = ""


def times() -> list[Time]:
    """Every waiting time of both sides."""
    readers: dict[str, Callable[[Path], Iterator[Time]]] = {".py": python_times, ".ts": script_times}
    return [time for path in TIMES for time in readers[path.suffix](path)]


def times_table() -> str:
    """The waiting times as a table for each side."""
    parts = []
    for path in TIMES:
        rows = [time for time in times() if time.file == path.name]
        if rows:
            parts += [f"**{path.relative_to(ROOT)}**\n", "| time | for | why |", "| --- | --- | --- |"]
            parts += [f"| {_duration(row.seconds)} | `{row.name}` | {row.reason} |" for row in rows]
            parts.append("")
    return "\n".join(parts)


def _duration(seconds: float) -> str:
    return f"{seconds:g} s" if seconds >= 1 else f"{seconds * 1000:g} ms"


# The command line


def command_help(*command: str) -> str:
    """What `filterscope … --help` says, as it says it on a terminal of 80 columns."""
    environment = {**os.environ, "COLUMNS": "80", "PYTHONPATH": str(ROOT / "widget_pkg"), "NO_COLOR": "1"}
    arguments = [sys.executable, "-m", "filterscope", *command, "--help"]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True)
    return f"```\n{done.stdout.rstrip()}\n```"


BLOCKS: dict[str, Callable[[], str]] = {
    "times": times_table,
    "help": command_help,
    "help html": lambda: command_help("html"),
    "help demo": lambda: command_help("demo"),
    "help diagnose": lambda: command_help("diagnose"),
}

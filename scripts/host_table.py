"""Writes docs/reference/hosts.md from the hosts that tests/browser/test_hosts.py drives, and what it proves of each.

python scripts/host_table.py           writes the file, with the versions that are installed here
python scripts/host_table.py --check   ends with 1 if the file is not what it would write, versions apart
"""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import version
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
PAGE = CHECKOUT / "docs" / "reference" / "hosts.md"
VERSIONS = re.compile(r"^Last written with .*$", re.MULTILINE)

HEAD = """# Where it runs

Written by `scripts/host_table.py` from `tests/browser/hosts.py`. `tests/browser/test_hosts.py` opens each host in a
real Chromium, offline, and goes the same tour there: drags the sliders by mouse, clicks in the grid and the strip,
moves the sliders by keys, sets traits in Python. After every step the page's indices, the pixels of the activation
(against torch's own computation in another process) and the traits in Python are compared. A cell of this table that
is not so fails it. In Firefox JupyterLab goes the whole tour, and in WebKit, Safari's engine, a shorter one
(`tests/browser/test_webkit.py`); "–" means not tried there.
"""

NOTES = """
**While a cell runs** the page shows what it holds in every host. What it does not hold is answered at once where the
host sends a widget's messages to a kernel subshell (ipykernel 7); elsewhere after the cell, and until then the page
says that the kernel is busy.

**VS Code** needs two extensions, *Jupyter* and its *Jupyter Notebook Renderers* (installing the first brings the
second). After a notebook's tab was closed and opened again with its kernel alive the editor shows nothing for any
widget: run the cell again. The editor's own shortcuts work while the explorer has the focus; letters, arrows and other
keys without Ctrl, Alt or Cmd are the explorer's. Widgets beside an explorer in the same output get the editor's
colours: the white that the extension forces behind all widgets is taken away there, in every theme.

**VS Code's widget manager** is the npm package that the editor's Jupyter extension loads, in a page that loads it as
the extension does, with the editor's styles, its forced white background and the keys that it takes for itself. The
editor itself is not part of the tests. What is known of it: widgets of this kind work there, and large messages are
slow (1 MiB took 1.3 s from kernel to canvas, in JupyterLab 0.12 s), so that the explorer sends few bytes. Where its
setting `notebook.experimental.enableCsp` is on (it is off by default), the content policy forbids modules from
`blob:` addresses, by which anywidget loads every widget: none can be shown. A test proves that the rest of that
policy forbids nothing of ours.

**marimo**: `mo.ui.anywidget(Explorer(net, test_data))`. Cells that read its `value`, or its traits, run again when a
slider moves; as with every element of marimo, not when Python sets a trait. The editor scrolls outputs that are
higher than 610 px; its button *Expand output* shows the whole, and so does `marimo run`.

**Voila** shows the outputs without the code; `?theme=dark` makes it dark.

**Google Colab** is not tested: it runs only at Google. What is known: it shows no third-party widget before `from
google.colab import output; output.enable_custom_widget_manager()`, and anywidget says that itself as soon as a widget
is shown there, so that nothing is to be done. Colab then loads its widget manager and anywidget's own module, not
ours and none of your data, from a network.

**Pages without a kernel**: `nbconvert --execute --to html`, papermill, myst-nb and Jupyter Book keep the widgets'
state, and prefer the widget to the picture. It finds no kernel there, says so, and shows the picture of what the cell
showed (`test_without_kernel.py`). For one that moves without a kernel: [`explorer.save_html`](../how-to/share.md).

**Shiny, Solara and Panel** are not part of the tests: they load some of their own JavaScript from a network, and are
heavy. Each was tried by hand (Shiny 1.8 with shinywidgets 0.8, Panel 1.9, Solara 1.58) in Chromium, with anywidget's
module served from the same machine:

| host | how it is shown there | loads from a network |
| --- | --- | --- |
| Shiny | `output_widget("explorer", height="auto")` | anywidget's module (cdn.jsdelivr.net) |
| Panel | `pn.extension("ipywidgets")`, `pn.pane.IPyWidget(explorer)` | anywidget's module (unpkg.com) |
| Solara | `solara.display(explorer)` in a component | anywidget's module, and its page's parts |

In Solara the explorer must be made in the component, by `solara.use_memo(lambda: Explorer(net, test_data), [])`: one
that is made beside it belongs to no page, and Solara says "Loading widget…" for ever. Its page's parts come with its
extra `solara[assets]`. Shiny finds anywidget's module by itself where it is among Jupyter's extensions of the same
environment. Without `height="auto"` Shiny's place is 400 px high, and the explorer scrolls in it.

What they ask of the explorer is tested in the page of VS Code's manager: a place of 400 px that hides the rest, and
widths from 342 to 1,502 px. That Solara only imitates IPython's shell is a test too (`tests/host/test_outputs.py`).

Not tested either: Safari itself, PyCharm, Databricks and other hosted notebooks. Those that support anywidget should
show it.
"""

BROWSERS = ("Chromium", "Firefox", "WebKit")
MANAGER = CHECKOUT / "js" / "package.json"


def page() -> str:
    """The text of docs/reference/hosts.md."""
    sys.path[:0] = [str(CHECKOUT / folder) for folder in ("tests/browser", "scripts", "widget_pkg")]
    from hosts import HOSTS
    from tour import STEPS

    titles = ["host", *STEPS, "to Python", "dark theme", "while a cell runs", *BROWSERS]
    lines = [HEAD, f"| {' | '.join(titles)} |", f"|{' --- |' * len(titles)}"]
    for host in HOSTS:
        dark = "followed" if host.has_dark else "has none"
        tried = ["yes" if browser in host.browsers else "–" for browser in BROWSERS]
        cells = [host.name, *("yes" for _ in STEPS), "yes", dark, host.while_a_cell_runs, *tried]
        lines.append(f"| {' | '.join(cells)} |")
    packages = [package for host in HOSTS for package in host.packages]
    stated = ", ".join(f"{name} {_version(name)}" for name in [*packages, "ipywidgets", "anywidget", "ipykernel"])
    return "\n".join([*lines, "", f"Last written with {stated}.", NOTES.rstrip("\n"), ""])


def _version(package: str) -> str:
    if package.startswith("@"):
        return json.loads(MANAGER.read_text("utf-8"))["devDependencies"][package]
    return version(package)


def same(one: str, other: str) -> bool:
    """Whether two texts of the page differ in versions at most."""
    return VERSIONS.sub("", one) == VERSIONS.sub("", other)


def main() -> int:
    """Writes the page, or checks it."""
    if "--check" in sys.argv[1:]:
        fresh = PAGE.is_file() and same(PAGE.read_text("utf-8"), page())
        print("fresh" if fresh else f"{PAGE} is stale: run python scripts/host_table.py")
        return 0 if fresh else 1
    PAGE.write_text(page(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

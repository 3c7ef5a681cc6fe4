"""Runs the pages on other libraries as they are written, and draws what they show: docs/images/ecosystems/*.png.

python scripts/ecosystem_pictures.py [page …]   needs the libraries of these pages, by default of all
"""

from __future__ import annotations

import base64
import importlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = {path.stem: path for path in sorted((DOCS / "how-to/ecosystems").glob("*.md")) if path.stem != "index"}


def draw(name: str) -> None:
    """Runs a page's first block and writes the picture of its explorer."""
    torch = importlib.import_module("torch")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    names: dict[str, object] = {}
    code = PAGES[name].read_text(encoding="utf-8").split("```python\n")[1].partition("```")[0]
    picture = DOCS / "images" / "ecosystems" / f"{name}.png"
    picture.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # libraries write files of their own
        exec(compile(code, PAGES[name].name, "exec"), names)
    explorer: object = names["explorer"]
    explorer.prediction  # type: ignore[attr-defined]  # noqa: B018  # of a large net it is not at hand before
    data, _ = explorer._repr_mimebundle_()  # type: ignore[attr-defined]
    picture.write_bytes(base64.b64decode(data["image/png"]))


def main() -> int:
    """Each page in a process of its own: some libraries change what others do."""
    names = sys.argv[1:] or list(PAGES)
    if len(names) == 1:
        draw(names[0])
        return 0
    return max(subprocess.run([sys.executable, __file__, name], check=False).returncode for name in names)


if __name__ == "__main__":
    sys.exit(main())

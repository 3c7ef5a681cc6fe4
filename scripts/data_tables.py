"""Writes docs/reference/data.md from the tables that the tests run: kinds of data sets, bad input and its sentences.

python scripts/data_tables.py           writes the file
python scripts/data_tables.py --check   ends with 1 if the file is not what it would write
"""

from __future__ import annotations

import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
PAGE = CHECKOUT / "docs" / "reference" / "data.md"

HEAD = """# Data: what can be explored, and what is said of the rest

Written by `scripts/data_tables.py` from the tables that `tests/data/test_data_kinds.py` and
`tests/data/test_bad_input.py` run: every row below is tested. Change it there.

`Explorer(net, test_data, classes=None, transform=None, mean=None, std=None, layout=None)`

"""

STREAMS = """
**Streams.** An `IterableDataset` is read from its start as far as you go, and 64 images further or for a quarter of a
second. The last 2,000 items are kept, or as many as fit into 256 MB. To go back further is to read from the start
again; if the stream shuffles, it then gives other images.

**Random data sets.** The first sample is read again, up to four times where that is quick, and others when they are
needed again. If another read differs, the view says that the data set is random. The image that is shown stays the same
while it is among the last 16 that were looked at. Your own random numbers stay as they are.

**Slow data sets.** Samples are read one at a time, when they are needed; thumbnails come from the background, so that a
slow data set keeps no other slider waiting.

**Large images.** The page is sent means of square blocks, about 200,000 pixels at the most, and says so at every pixel.
`explorer.image`, `explorer.display` and the net have all of them.
"""

BAD = """
## Bad input
What is wrong, what Python raises, and the sentence; `⋯` stands for words that are not ours, such as torch's. After
every one of them the net, the data and an explorer that is open are as they were: the test looks.
"""


def page() -> str:
    """The text of docs/reference/data.md."""
    sys.path[:0] = [str(CHECKOUT / "tests" / "helpers"), str(CHECKOUT / "widget_pkg")]
    import bad_inputs
    import data_kinds

    lines = [HEAD]
    for title, kinds in data_kinds.TABLE.items():
        lines += [f"## {title}", "| what you give | what becomes of it |", "| --- | --- |"]
        lines += [f"| {kind.what} | {kind.becomes} |" for kind in kinds]
        lines += ["", *([_keys()] if title.startswith("Which part") else []), ""]
    lines += [STREAMS.strip("\n"), "", BAD.strip("\n"), ""]
    for title, rows in bad_inputs.TABLE.items():
        lines += [f"### {title}", "| what is wrong | raised | the sentence |", "| --- | --- | --- |"]
        lines += [f"| {row.what} | {_raised(row.error)} | {_cell(row.says)} |" for row in rows]
        lines.append("")
    return "\n".join(lines).replace("\n\n\n", "\n\n")


def _keys() -> str:
    """The keys under which a sample's image and label are looked for, in their order."""
    from filterscope.data.class_names import LABEL_KEYS
    from filterscope.data.parts import IMAGE_KEYS

    images, labels = (", ".join(f"`{key}`" for key in keys) for keys in (IMAGE_KEYS, LABEL_KEYS))
    return (
        f"In a dictionary, or an object with attributes, the image is the first of these that has one: {images}. "
        f"The label is the first of these that is there: {labels}."
    )


def _raised(error: type[Exception] | None) -> str:
    return "" if error is None else f"`{error.__name__}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("__", "\\_\\_")


def main() -> int:
    """Writes the page, or checks it."""
    text = page()
    if "--check" in sys.argv[1:]:
        fresh = PAGE.is_file() and PAGE.read_text("utf-8") == text
        print("fresh" if fresh else f"{PAGE} is stale: run python scripts/data_tables.py")
        return 0 if fresh else 1
    PAGE.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A diagnosis as a small piece of HTML for a notebook; it takes the host's colours and font."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from filterscope.verdicts.result.verdict import AXES, FilterVerdict

_OPEN_LAYERS, _OPEN_ROWS = 3, 100
_MOST_ROWS = 400
_LEGEND = (
    "Change of loss: nats an image, with its 95 % interval. Looks for: the nearest template, how much of the kernel it "
    "explains, and how many of 100 random kernels match it as well. Point at a row for its verdicts in words."
)
_STYLE = """
.filterscope-diagnosis { font-size: 13px; line-height: 1.45; max-width: 100%; overflow-x: auto; }
.filterscope-diagnosis p { margin: 0 0 6px; }
.filterscope-diagnosis summary { cursor: pointer; padding: 4px 0; font-weight: 600; }
.filterscope-diagnosis table { border-collapse: collapse; margin: 0 0 10px; font-size: inherit; }
.filterscope-diagnosis th, .filterscope-diagnosis td {
  padding: 2px 12px 2px 0; text-align: left !important; vertical-align: top; background: none; }
.filterscope-diagnosis th { font-weight: 600; border-bottom: 1px solid currentColor; }
.filterscope-diagnosis td.number { text-align: right !important; font-variant-numeric: tabular-nums; }
.filterscope-diagnosis td { white-space: nowrap; }
.filterscope-diagnosis th { white-space: normal; }
.filterscope-diagnosis td.words { white-space: normal; min-width: 8em; }
"""


def as_html(sentences: Sequence[str], layers: Mapping[str, tuple[FilterVerdict, ...]], fingerprint: str) -> str:
    """Summaries of the layers, each with a table of its filters; the first few layers are open.

    A notebook keeps its outputs in its file: of a large net only the first layers' tables are in it.

    Args:
        sentences: What is said first.
        layers: The filters of each layer, by its summary.
        fingerprint: Of the weights.
    """
    parts = [f"<p>{escape(sentence)}</p>" for sentence in sentences]
    rows = left_out = 0
    for number, (summary, filters) in enumerate(layers.items()):
        rows += len(filters)
        if number and rows > _MOST_ROWS:
            left_out += 1
            parts.append(f"<p>{escape(summary)}</p>")
            continue
        opened = " open" if number < _OPEN_LAYERS and rows <= _OPEN_ROWS else ""
        parts.append(f"<details{opened}><summary>{escape(summary)}</summary>{_table(filters)}</details>")
    if left_out:
        more = f"{left_out} layers without a table here: of_layer(name), to_dataframe() and to_csv() have all."
        parts.append(f"<p>{more}</p>")
    parts.append(f"<p><small>{_LEGEND} Weights {escape(fingerprint)}.</small></p>")
    return f'<div class="filterscope-diagnosis"><style>{_STYLE}</style>{"".join(parts)}</div>'


def _table(filters: tuple[FilterVerdict, ...]) -> str:
    headings = dict.fromkeys(cell.heading for axis in AXES for cell in axis.cells)
    head = "".join(f"<th>{heading}</th>" for heading in ("filter", *headings))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(map(_row, filters))}</tbody></table>"


def _row(verdict: FilterVerdict) -> str:
    styles: dict[str, str] = {}
    texts: dict[str, list[str]] = {}
    for axis in AXES:
        answer = axis.of(verdict)
        for cell in axis.cells:
            styles.setdefault(cell.heading, cell.style)
            texts.setdefault(cell.heading, []).append(cell.text(answer))
    cells = [_cell(styles[heading], ", ".join(filter(None, texts[heading]))) for heading in texts]
    title = escape(verdict.sentence, quote=True)
    return f'<tr title="{title}">{_cell("number", str(verdict.filter))}{"".join(cells)}</tr>'


def _cell(style: str, text: str) -> str:
    kind = f' class="{style}"' if style else ""
    return f"<td{kind}>{escape(text)}</td>"

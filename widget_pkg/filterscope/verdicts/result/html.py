"""A diagnosis as a small piece of HTML for a notebook; it takes the host's colours and font."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from filterscope.verdicts.chance import per_100
from filterscope.verdicts.result.verdict import FilterVerdict, signed

if TYPE_CHECKING:
    from filterscope.verdicts.result.diagnosis import Diagnosis

_OPEN_LAYERS, _OPEN_ROWS = 3, 100
_MOST_ROWS = 400
_MARKS = {  # beside the words, never instead of them
    "structured": "●",
    "noise-like": "○",
    "can't tell": "?",
    "used": "▲",
    "harmful": "▼",
    "no measurable use": "–",
    "withheld": "?",
}
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


def as_html(diagnosis: Diagnosis) -> str:
    """Summaries of the layers, each with a table of its filters; the first few layers are open.

    A notebook keeps its outputs in its file: of a large net only the first layers' tables are in it.
    """
    parts = [f"<p>{escape(diagnosis.knowledge)}</p>"]
    parts += [f"<p>{escape(note)}</p>" for note in diagnosis.notes]
    rows = left_out = 0
    for number, layer in enumerate(diagnosis.layers):
        filters, summary = diagnosis.of_layer(layer), escape(diagnosis.summary(layer))
        rows += len(filters)
        if number and rows > _MOST_ROWS:
            left_out += 1
            parts.append(f"<p>{summary}</p>")
            continue
        opened = " open" if number < _OPEN_LAYERS and rows <= _OPEN_ROWS else ""
        parts.append(f"<details{opened}><summary>{summary}</summary>{_table(filters)}</details>")
    if left_out:
        more = f"{left_out} layers without a table here: of_layer(name), to_dataframe() and to_csv() have all."
        parts.append(f"<p>{more}</p>")
    parts.append(f"<p><small>{_LEGEND} Weights {escape(diagnosis.fingerprint)}.</small></p>")
    return f'<div class="filterscope-diagnosis"><style>{_STYLE}</style>{"".join(parts)}</div>'


_COLUMNS = ("filter", "structure", "state", "use", "change of loss without it", "looks for", "driven by")


def _table(filters: tuple[FilterVerdict, ...]) -> str:
    head = "".join(f"<th>{column}</th>" for column in _COLUMNS)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(map(_row, filters))}</tbody></table>"


def _row(one: FilterVerdict) -> str:
    state = one.state
    if one.duplicate_of is not None:
        state += f", duplicate of #{one.duplicate_of}"
    if one.mirror_of is not None:
        state += f", mirror of #{one.mirror_of}"
    low, high = signed(one.ci_low, 2), signed(one.ci_high, 2)
    change = "" if np.isnan(one.delta_loss) else f"{signed(one.delta_loss, 2)} ({low} … {high})"
    if not change and one.rank is not None:
        change = f"place {one.rank} by estimate"
    looks = ""
    if one.name is not None:
        looks = f"{one.name} ({one.template} {one.match:.0%}, {per_100(one.p_match)} in 100)"
    drives = "" if one.drives_most is None else f"{one.drives_most} most, {one.drives_least} least"
    cells = [
        f'<td class="number">{one.filter}</td>',
        *(f"<td>{_MARKS.get(word, '')} {escape(word)}</td>" for word in (one.structure,)),
        f"<td>{escape(state)}</td>",
        f"<td>{_MARKS.get(one.use, '')} {escape(one.use)}</td>",
        f'<td class="number">{escape(change)}</td>',
        f'<td class="words">{escape(looks)}</td>',
        f'<td class="words">{escape(drives)}</td>',
    ]
    return f'<tr title="{escape(one.sentence, quote=True)}">{"".join(cells)}</tr>'

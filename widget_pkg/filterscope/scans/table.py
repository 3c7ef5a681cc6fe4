"""A scan as a table, one row a filter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from filterscope.scans.distribution import moments_of
from filterscope.scans.exemplars import ranked
from filterscope.scans.identity import LayerIdentity
from filterscope.scans.names import Name
from filterscope.scans.state import ScanState


def filter_rows(layers: Sequence[LayerIdentity], state: ScanState, names: Sequence[Name] = ()) -> list[dict[str, Any]]:
    """One dictionary a filter, layer by layer; see `Scan.rows`.

    Args:
        layers: The scanned layers.
        state: What was seen.
        names: Of the filters; empty for rows without.
    """
    known = {(name.layer, name.filter): name for name in names}
    rows = []
    for layer in layers:
        for number in range(layer.filters):
            row, name = _row(state, layer, number), known.get((layer.title, number))
            if names:
                row |= {key: getattr(name, key, None) for key in ("name", "auc", "p_holm")}
            rows.append(row)
    return rows


def _row(state: ScanState, layer: LayerIdentity, number: int) -> dict[str, Any]:
    column = state.column(layer.index, number)
    moments, order = moments_of(column.maximum), ranked(column, True)
    ends = {"top_image": order[:1], "bottom_image": ranked(column, False)[:1]}
    images = {name: int(column.images[rows[0]]) if len(rows) else None for name, rows in ends.items()}
    best = column.labels[order[0]] if len(order) else -1
    label = state.classes[best] if best >= 0 else None
    return {"layer": layer.title, "filter": number, **vars(moments), **images, "top_class": label}


def dataframe_of(rows: list[dict[str, Any]]) -> Any:
    """The rows as a `pandas.DataFrame`; see `Scan.to_dataframe`.

    Raises:
        ImportError: If pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise ImportError(
            "to_dataframe() needs pandas, which filterscope does not bring: pip install pandas. rows() gives the "
            "same as a list of dictionaries"
        ) from error
    frame = pandas.DataFrame(rows).astype({"top_image": "Int64", "bottom_image": "Int64"})
    # Numbers with a None among them would become fractions.
    frame["top_class"] = pandas.Series([row["top_class"] for row in rows], dtype=object)
    return frame

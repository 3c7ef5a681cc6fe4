"""Which figure is asked for, and whether the options are those of its kind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from filterscope.scans.result import Scan
from filterscope.session.selection import choice
from filterscope.session.session import Session

if TYPE_CHECKING:  # matplotlib takes half a second to import, so it waits until somebody draws
    from filterscope.figures.paper_figure import PaperFigure

KINDS = ("live", "grid", "exemplars")


def paper_figure(
    session: Session,
    kind: str,
    maps: str,
    filters: Iterable[int] | None,
    columns: int,
    scan: Scan | None,
    layer: Any,
    k: int,
) -> PaperFigure | None:
    """The figure for a paper that `Explorer.figure` was asked for; None where it is the live one.

    Raises:
        TypeError: If `scan` is no scan.
        ValueError: If an option is not one of these, or belongs to another kind; and as `Explorer.figure`.
    """
    choice(kind, KINDS, "kind")
    if kind != "exemplars" and (scan, layer, k) != (None, None, 9):
        raise ValueError("scan, layer and k are for exemplars; give kind='exemplars' as well, or leave them out")
    if kind == "exemplars":
        if (maps, columns) != ("response", 5):
            raise ValueError("maps and columns are for the grid; give kind='grid', or leave them out")
        from filterscope.figures.exemplar_figure import selected_exemplars

        return selected_exemplars(session, scan, layer, filters, k)
    if kind == "grid":
        from filterscope.figures.grid_figure import selected_grid

        return selected_grid(session, maps, filters, columns)
    if (maps, filters, columns) != ("response", None, 5):
        raise ValueError("maps, filters and columns are for the grid; give kind='grid' as well, or leave them out")
    return None

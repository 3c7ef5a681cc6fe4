"""The live figures of one explorer: each hears of every move until it is closed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import traitlets

from filterscope.figures.scene import Scene
from filterscope.session.selection import TRAITS

if TYPE_CHECKING:  # matplotlib takes half a second to import, so it waits until somebody draws
    from filterscope.figures.live_figure import LiveFigure


class LiveFigures:
    """Figures that follow an explorer's traits.

    Each keeps its explorer alive; without one they do not.
    """

    def __init__(self) -> None:
        self._figures: list[LiveFigure] = []

    def __len__(self) -> int:
        """How many are open."""
        return len(self._figures)

    def open(self, explorer: traitlets.HasTraits, look: Callable[[], Scene]) -> LiveFigure:
        """A new one.

        Args:
            explorer: Has the traits.
            look: Gives what they show now.
        """
        from filterscope.figures.live_figure import LiveFigure

        figure = LiveFigure(look, lambda figure: self._closed(explorer, figure))
        self._figures.append(figure)
        explorer.observe(figure.moved, TRAITS)
        return figure

    def close(self) -> None:
        """Takes all off their pages."""
        for figure in list(self._figures):
            figure.close()

    def _closed(self, explorer: traitlets.HasTraits, figure: LiveFigure) -> None:
        if figure in self._figures:
            self._figures.remove(figure)
            with contextlib.suppress(ValueError):  # already taken off
                explorer.unobserve(figure.moved, TRAITS)

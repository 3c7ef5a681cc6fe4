"""What an explorer of two nets answers to its pages: which filter is which, side by side, and why they disagree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from filterscope.frames.comparison import (
    ComparisonBody,
    PairBody,
    SwapsBody,
    build_comparison,
    build_pair,
    build_swaps,
)
from filterscope.nets.interruption import StopWhen
from filterscope.session.comparison import TwoNets
from filterscope.session.selection import asked_image, check_layer, selection_from
from filterscope.session.session import Session
from filterscope.widget.requests import Request, Urgency


class ComparisonRequests:
    """Answers the requests of pages that compare two nets; each raises what its page is then told.

    Args:
        session: Has the two nets.
        someone_waits: Whether a person waits for a picture.
    """

    def __init__(self, session: Session, someone_waits: Callable[[], bool]) -> None:
        self._session, self._engine, self._someone_waits = session, session.engine, someone_waits
        self.rows = (
            Request("comparison", Urgency.DETAIL, self._comparison),
            Request("comparison_pair", Urgency.DETAIL, self._pair),
            Request("comparison_swaps", Urgency.VERDICT, self._swaps),
        )

    @property
    def _two_nets(self) -> TwoNets:
        if self._session.two_nets is None:
            raise ValueError("there is one net alone; two are compared by Explorer.compare(a, b, data)")
        return self._session.two_nets

    def _comparison(self, args: dict[str, Any]) -> ComparisonBody:
        layer = check_layer(self._engine, args.get("layer"), "layer")
        return build_comparison(self._two_nets.comparison, self._engine.layers[layer])

    def _pair(self, args: dict[str, Any]) -> PairBody:
        two_nets, selection = self._two_nets, selection_from(self._engine, args)
        with StopWhen(self._someone_waits):
            return build_pair(two_nets.pair(selection.image, selection.layer, selection.filter), selection)

    def _swaps(self, args: dict[str, Any]) -> SwapsBody:
        two_nets, image = self._two_nets, asked_image(self._engine, args)
        layer = check_layer(self._engine, args.get("layer"), "layer")
        with StopWhen(self._someone_waits):
            return build_swaps(two_nets.swaps(image, layer), image, layer)

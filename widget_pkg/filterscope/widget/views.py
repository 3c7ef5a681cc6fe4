"""Which views show an explorer: each says so when it is drawn, and when it goes."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Any

from filterscope import wire
from filterscope.host.timing import FIRST_VIEW_SECONDS

MOST_VIEWS = 64
"""More views than anybody opens; of more the newest are remembered."""


class Views:
    """The views of one explorer, as far as they have said so.

    Attributes:
        heard: Whether a view has ever said something; else nobody knows whether there are any.

    Example:
        >>> views = Views()
        >>> views.take({"kind": "shown", "view": "a"}), views.take({"kind": "shown", "view": "b"})
        (True, True)
        >>> views.take({"kind": "gone", "view": "a"}), views.shown
        (True, True)
        >>> views.take({"kind": "gone", "view": "b"}), views.shown
        (True, False)
    """

    def __init__(self) -> None:
        self.heard = False
        self._shown: OrderedDict[str, None] = OrderedDict()
        self._expected_until = 0.0

    @property
    def shown(self) -> bool:
        """Whether there is a view."""
        return bool(self._shown)

    @property
    def expected(self) -> bool:
        """Whether the first view may still be on its way."""
        return not self.heard and time.monotonic() < self._expected_until

    def displayed(self) -> None:
        """A cell shows the explorer, so that a view will come where there is a page."""
        self._expected_until = time.monotonic() + FIRST_VIEW_SECONDS

    def take(self, content: Any) -> bool:
        """Notes what a view says of itself; whether the message was one of these."""
        view = wire.view_that(content, "shown")
        if view is not None:
            self.heard = True
            self._shown[view] = None
            while len(self._shown) > MOST_VIEWS:
                self._shown.popitem(last=False)
            return True
        view = wire.view_that(content, "gone")
        if view is not None:
            self.heard = True
            self._shown.pop(view, None)
            return True
        return False

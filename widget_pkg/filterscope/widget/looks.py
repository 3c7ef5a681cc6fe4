"""When changed weights are looked for: once a move, and where nobody could have changed them, behind the answer."""

from __future__ import annotations

import time

from filterscope.engine.engine import Engine
from filterscope.host.timing import SAME_MOVE_SECONDS
from filterscope.session.selection import Selection


class Looks:
    """Looks at the weights for a move.

    A move comes as a question and as a change of traits: whichever is first looks for both.

    Args:
        engine: The net.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._looked_at: tuple[Selection, float] | None = None
        self._owed: Selection | None = None

    def look(self, selection: Selection) -> None:
        """Looks at the weights that a selection shows, unless that was done for the same move."""
        looked_at, self._looked_at = self._looked_at, None
        now = time.monotonic()
        if looked_at is None or looked_at[0] != selection or now - looked_at[1] > SAME_MOVE_SECONDS:
            with self._engine.showing.only(selection.checkpoint):
                self._engine.check()
            self._looked_at = selection, now

    def look_later(self, selection: Selection) -> None:
        """Leaves the look to `make_up`."""
        self._owed = selection

    def make_up(self) -> None:
        """Looks for the answer that was given without; after it, so that it need not wait."""
        owed, self._owed = self._owed, None
        if owed is not None and not self._engine.closed:
            self.look(owed)

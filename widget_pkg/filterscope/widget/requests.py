"""What a page may ask: one table, a row a request. A new message is one handler and one row here, and its TypeScript.

The rows stand beside their handlers, in `pages` and the modules `*_requests`; `Pages` joins them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple

from filterscope.wire import Handler


class Urgency(IntEnum):
    """What waits is answered in this order; within one urgency in the order of the rows."""

    PICTURE = 0
    """A person looks at an empty or an old picture: longer work gives way to it."""
    DETAIL = 1
    """A person waits for what stands beside the picture: a position, a panel."""
    REST = 2
    """What a picture that is shown still lacks."""
    NEXT_MOVE = 3
    """Makes the next move quick, or fills the strip; nobody waits for it yet."""
    VERDICT = 4
    """Of work that takes seconds or minutes anyway."""


class Request(NamedTuple):
    """A row.

    Attributes:
        name: What the page calls it.
        urgency: What it goes before.
        handler: Gives the reply's body for the request's `args`; what it raises is told to the page.
    """

    name: str
    urgency: Urgency
    handler: Handler


class Requests:
    """The table.

    Args:
        rows: All requests that are answered.

    Attributes:
        handlers: Each request's handler, by name.

    Raises:
        ValueError: If two rows have one name.

    Example:
        >>> requests = Requests([Request("frame", Urgency.PICTURE, lambda args: {"image": args["image"]})])
        >>> requests.handlers["frame"]({"image": 3})
        {'image': 3}
        >>> requests.rank("no such request"), requests.waited_for("frame")
        (0, True)
    """

    def __init__(self, rows: Iterable[Request]) -> None:
        by_name: dict[str, Request] = {}
        for row in rows:
            if row.name in by_name:
                raise ValueError(f"two rows answer the request {row.name!r}; give one of them another name")
            by_name[row.name] = row
        self.handlers: Mapping[str, Handler] = MappingProxyType({row.name: row.handler for row in by_name.values()})
        in_order = sorted(by_name.values(), key=lambda row: row.urgency)  # those of one urgency stay as they stand
        self._ranks = {row.name: rank for rank, row in enumerate(in_order)}
        self._waited_for = frozenset(row.name for row in in_order if row.urgency == Urgency.PICTURE)

    def rank(self, name: str) -> int:
        """The place in the order in which requests are answered; an unknown one is answered at once, with an error."""
        return self._ranks.get(name, 0)

    def waited_for(self, name: str) -> bool:
        """Whether a person waits for the answer, so that longer work gives way; an unknown name takes no time."""
        return name in self._waited_for or name not in self._ranks

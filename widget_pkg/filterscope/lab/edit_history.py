"""Steps that can be undone, and redone."""

from __future__ import annotations

from filterscope.nets.kernel_edits import KernelEdit

_MOST_STEPS = 1000

Edits = tuple[KernelEdit, ...]


class EditHistory:
    """The edits that stood before each step, and those that were undone.

    Example:
        >>> history = EditHistory()
        >>> history.record((), "")
        >>> history.can_undo, history.can_redo
        (True, False)
    """

    def __init__(self) -> None:
        self._past: list[Edits] = []
        self._future: list[Edits] = []
        self._gesture = ""

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to undo."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to redo."""
        return bool(self._future)

    def record(self, before: Edits, gesture: str) -> None:
        """Notes a step.

        Args:
            before: The edits before it.
            gesture: Steps with the same word in a row are one; "" for a step of its own.
        """
        if not gesture or gesture != self._gesture:
            self._past = [*self._past, before][-_MOST_STEPS:]
        self._gesture = gesture
        self._future = []

    def last(self, back: bool) -> Edits | None:
        """The edits that a step back, or forth again, would lead to; None where there is none."""
        steps = self._past if back else self._future
        return steps[-1] if steps else None

    def go(self, back: bool, now: Edits) -> None:
        """Takes that step, from the edits that stand now."""
        source, target = (self._past, self._future) if back else (self._future, self._past)
        source.pop()
        target.append(now)
        self._gesture = ""

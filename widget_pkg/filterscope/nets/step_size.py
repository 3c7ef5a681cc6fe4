"""How many images go in one step of work beside a person, so that no step keeps them waiting."""

from __future__ import annotations


class StepSize:
    """Doubles while a step takes less than half of its time, halves when one takes too long.

    Args:
        seconds: What a step aims at.
        longest: What a step may take.
        first: Images in the first step, before it is known how long one takes.
        most: Images in a step at most.

    Attributes:
        images: How many images the next step is given.

    Example:
        >>> size = StepSize(seconds=0.03, longest=0.06, first=8, most=256)
        >>> size.took(8, seconds=0.01)
        >>> size.images
        16
    """

    def __init__(self, seconds: float, longest: float, first: int, most: int) -> None:
        self._seconds, self._longest, self._most = seconds, longest, most
        self.images = first

    def took(self, images: int, seconds: float) -> None:
        """A step with so many images took so many seconds.

        Args:
            images: How many images were in it; a step of fewer than it was given says nothing of larger ones.
            seconds: How long it took.
        """
        if seconds > self._longest:
            self.images = max(1, self.images // 2)
        elif images == self.images and 2 * seconds < self._seconds:
            self.images = min(2 * self.images, self._most)

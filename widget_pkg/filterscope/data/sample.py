"""One sample of a data set: the image that the network is given, and what is drawn of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from filterscope.data.display import Display, draw
from filterscope.data.normalize import Finding


@dataclass(frozen=True, eq=False)
class Sample:
    """One sample of the data set.

    Attributes:
        index: Its index in the data set.
        image: What the network is given, float32 `(C, H, W)`; `(C, L)` for a 1-D net, `(C, D, H, W)` for a 3-D one.
        label: Its class: the name, an int where there is no name, or None.
        said: How the image was made of what the data set gives, in words.
        finding: The Normalize that it went through.
    """

    index: int
    image: np.ndarray
    label: str | int | None
    said: str
    finding: Finding
    _drawn: dict[int, Display] = field(default_factory=dict, repr=False)

    def drawn(self, plane: int | None = None) -> Display:
        """What is drawn of it.

        Args:
            plane: Which channel, where they cannot be drawn together; None for the first.
        """
        plane = min(plane or 0, self.image.shape[0] - 1)
        found = self._drawn.get(plane)
        if found is None:
            found = draw(self.image, self.finding, plane)
            self._drawn.clear()
            self._drawn[plane] = found
        return found

    @property
    def display(self) -> np.ndarray:
        """What is drawn, float32 `(H, W)` or `(H, W, 3)` in [0, 1]: a signal's channels as rows, a volume's slice."""
        return self.drawn().pixels

    @property
    def low(self) -> float:
        """The value that is drawn black."""
        return self.drawn().low

    @property
    def high(self) -> float:
        """The value that is drawn white."""
        return self.drawn().high

    @property
    def nbytes(self) -> int:
        """About the memory that image and display take."""
        return self.image.nbytes + sum(drawn.pixels.nbytes for drawn in self._drawn.values())

    @property
    def note(self) -> str:
        """How image and display came about, in words."""
        return f"{self.said} {self.drawn().note}".strip()

"""One sample of a data set: the image that the net receives, and the picture that is drawn of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np

from filterscope.data.display import Display, draw
from filterscope.data.normalize import Finding
from filterscope.inputs import Inputs, leaves


@dataclass(frozen=True, eq=False)
class Sample:
    """One sample of the data set.

    Attributes:
        index: Its index in the data set.
        image: The image that the net receives, float32 `(C, H, W)`; `(C, L)` for a 1-D net, `(C, D, H, W)` for a 3-D
            one.
        label: Its class: the name, an int where there is no name, or None.
        said: How the image was made of the data set's item, in sentences.
        finding: The Normalize that the image went through.
        inputs: All inputs that `forward=` may receive, as arrays, where the sample has more than the image; else None.
        frames_first: Whether the image is a clip `(D, C, H, W)` for a net of images, given to it as it is.
        target: The label as the data set has it, which an output may be held against: its class, its boxes, its mask.
        label_is_no_class: Whether the item has a label that is no class: a number with a fraction, a vector, a mask.
        trial: Whether it stands in place of the data set's own.
    """

    index: int
    image: np.ndarray
    label: str | int | None
    said: str
    finding: Finding
    inputs: Inputs | None = None
    frames_first: bool = False
    label_is_no_class: bool = False
    target: Any = None
    trial: bool = False
    _drawn: dict[int, Display] = field(default_factory=dict, repr=False)

    @property
    def net_input(self) -> np.ndarray | Inputs:
        """What the net is given: the image, or all inputs where there are several."""
        return self.image if self.inputs is None else self.inputs

    def drawn(self, plane: int | None = None) -> Display:
        """The picture that is drawn of the image; the last one is kept.

        Args:
            plane: The channel to draw where they cannot be drawn together; None for the first.
        """
        image = self.image.swapaxes(0, 1) if self.frames_first else self.image
        plane = min(plane or 0, image.shape[0] - 1)
        display = self._drawn.get(plane)
        if display is None:
            display = draw(image, self.finding, plane)
            self._drawn.clear()
            self._drawn[plane] = display
        return display

    @property
    def display(self) -> np.ndarray:
        """The picture, float32 `(H, W)` or `(H, W, 3)` in [0, 1]: a signal's channels as rows, a volume's slice."""
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
        """About how many bytes of memory image and picture take."""
        images = [self.image] if self.inputs is None else leaves(self.inputs.values)
        return sum(image.nbytes for image in images) + sum(drawn.pixels.nbytes for drawn in self._drawn.values())

    @property
    def note(self) -> str:
        """How the image and its picture were made, in sentences."""
        return f"{self.said} {self.drawn().note}".strip()


@dataclass(frozen=True, eq=False)
class SampleBlock(Sequence[Sample]):
    """Samples of one shape for the net, read together; each is made when it is asked for.

    Attributes:
        indices: Their indices in the data set.
        images: float32 `(N, C, H, W)`.
        labels: Their classes.
        said: Of each, how its image was made.
        frames_first: As of a sample.
        targets: Their labels as the data set has them.
    """

    indices: list[int]
    images: np.ndarray
    labels: list[str | int | None]
    said: list[str]
    frames_first: bool
    targets: Sequence[Any] = ()

    def __len__(self) -> int:
        return len(self.indices)

    @overload
    def __getitem__(self, place: int) -> Sample: ...

    @overload
    def __getitem__(self, place: slice) -> list[Sample]: ...

    def __getitem__(self, place: int | slice) -> Sample | list[Sample]:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        finding, first = Finding(), self.frames_first
        return Sample(
            self.indices[place],
            self.images[place],
            self.labels[place],
            self.said[place],
            finding,
            None,
            first,
            target=self.targets[place] if self.targets else None,
        )

"""What a net is given where that is more than one image: a pair, an image with a mask, a dictionary of several."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class Inputs:
    """All inputs of one sample, in the tuple, list or dictionary in which `forward=` receives them.

    Attributes:
        values: Arrays or tensors, in tuples, lists and dictionaries.
        shown: The one among them that is shown as the image: that very object.
        together: Whether they are one part of the sample, as in `((a, b), label)`, or a dictionary; else parts that
            follow one another.
        vector: Whether the one that is shown is a vector: its image is `(1, Z)`, and `forward=` is given `(Z,)`.
    """

    values: Any
    shown: Any
    together: bool = False
    vector: bool = False

    def __len__(self) -> int:
        """The number of inputs."""
        return len(leaves(self.values))

    def map(self, function: Callable[[Any], Any]) -> Inputs:
        """These inputs, each as a function gives it."""
        shown = function(self.shown)
        values = map_leaves(lambda value: shown if value is self.shown else function(value), self.values)
        return Inputs(values, shown, self.together, self.vector)

    def with_shown(self, image: Any) -> Any:
        """The values with another object in the place of the image that is shown."""
        return map_leaves(lambda value: image if value is self.shown else value, self.values)


def map_leaves(function: Callable[[Any], Any], values: Any) -> Any:
    """Nested tuples, lists and dictionaries, each leaf as a function gives it; named tuples keep their type."""
    if isinstance(values, dict):
        return {key: map_leaves(function, value) for key, value in values.items()}
    if isinstance(values, tuple) and hasattr(values, "_fields"):
        return type(values)(*(map_leaves(function, value) for value in values))
    if isinstance(values, tuple | list):
        mapped = [map_leaves(function, value) for value in values]
        return mapped if isinstance(values, list) else tuple(mapped)
    return function(values)


def leaves(values: Any) -> list[Any]:
    """The leaves of nested tuples, lists and dictionaries, in order."""
    found: list[Any] = []
    map_leaves(found.append, values)
    return found


def picture_shape(numbers: int) -> tuple[int, ...] | None:
    """The shape of the picture that a row of so many numbers may be, square in gray or in RGB; None where it is none.

    Example:
        >>> picture_shape(784), picture_shape(3072), picture_shape(100_001)
        ((28, 28), (3, 32, 32), None)
    """
    for channels in (1, 3):
        side = math.isqrt(numbers // channels)
        if side >= 8 and channels * side * side == numbers:
            return (channels,) * (channels > 1) + (side, side)
    return None

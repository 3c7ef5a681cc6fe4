"""Sums of float32 arrays that are exact, and so the same in whatever order and grouping they are added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

_BITS = 32  # of each limb; the 31 others hold what two milliards of sums carry over
_HIGHEST, _LOWEST = 3, -5  # float32 goes from 2 ** -149 to 2 ** 128


@dataclass(frozen=True, eq=False)
class ExactSum:
    """The sum of float32 arrays of one shape.

    A floating-point sum depends on the order of its terms. Here each term is cut into integers, one for each 32 bits of
    its exponent, and these are added: integers do not round.

    Attributes:
        shape: Shape of the arrays.
        limbs: int64 arrays of that shape; number `j` counts multiples of `2 ** (32 j)`. Those that are 0 everywhere in
            every term are left out.

    Example:
        >>> import numpy as np
        >>> terms = [np.float32([1e20]), np.float32([1]), np.float32([-1e20])]
        >>> a, b, c = map(ExactSum.of, terms)
        >>> a.merge(b).merge(c).value(), (terms[0] + terms[1]) + terms[2]
        (array([1.]), array([0.], dtype=float32))
    """

    shape: tuple[int, ...]
    limbs: Mapping[int, np.ndarray]

    @classmethod
    def of(cls, values: np.ndarray) -> ExactSum:
        """The sum of one array.

        Args:
            values: float32, all finite.
        """
        rest = values.astype(np.float64)
        limbs: dict[int, np.ndarray] = {}
        for number in range(_HIGHEST, _LOWEST - 1, -1):
            unit = 2.0 ** (_BITS * number)
            if np.abs(rest).max(initial=0) < unit:
                continue
            whole = np.trunc(rest / unit)
            rest -= whole * unit
            limbs[number] = whole.astype(np.int64)
            limbs[number].setflags(write=False)
        return cls(values.shape, limbs)

    def merge(self, other: ExactSum) -> ExactSum:
        """The sum of both."""
        limbs = dict(self.limbs)
        for number, limb in other.limbs.items():
            limbs[number] = limbs[number] + limb if number in limbs else limb
            limbs[number].setflags(write=False)
        return ExactSum(self.shape, limbs)

    def value(self) -> np.ndarray:
        """The sum, float64, rounded a few times at most."""
        total = np.zeros(self.shape)
        for number in sorted(self.limbs):
            total += self.limbs[number] * 2.0 ** (_BITS * number)
        return total

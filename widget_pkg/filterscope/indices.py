"""One check of an index, whatever library's integer it is: the sentence says what was given and what is possible."""

from __future__ import annotations

import operator
from typing import Any


def as_index(value: Any) -> int | None:
    """A value as Python's own integer, from Python, NumPy or torch; None where it is none. A bool is no index.

    Example:
        >>> import numpy as np
        >>> as_index(np.int64(3)), as_index(True), as_index(1.0)
        (3, None, None)
    """
    if type(value) is int:
        return value
    if isinstance(value, bool) or str(getattr(value, "dtype", "")).endswith("bool"):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def check_index(value: Any, count: int, name: str, holds: str, more: str = "") -> int:
    """An index of one of `count` things.

    Args:
        value: What was given.
        count: How many there are.
        name: The argument.
        holds: Begins the list of what is possible: "this data set has images".
        more: Ends it.

    Raises:
        ValueError: If it is no integer, or out of range.
    """
    index = as_index(value)
    if index is None or not 0 <= index < count:
        raise ValueError(f"{name} is {value!r}; {holds} 0 … {count - 1}{more}")
    return index

"""Checks an index, which may be an integer of Python, NumPy or torch."""

from __future__ import annotations

import operator
from typing import Any


def as_index(value: Any) -> int | None:
    """An integer of Python, NumPy or torch as Python's own `int`; None for any other value, also for a bool.

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
    """An index as an `int` from 0 to `count − 1`.

    Args:
        value: The user's argument.
        count: Number of possible indices.
        name: The argument's name, for the error message.
        holds: Begins the message's list of indices: "this data set has images".
        more: Ends that list.

    Raises:
        ValueError: If `value` is not an integer, or out of range.
    """
    index = as_index(value)
    if index is None or not 0 <= index < count:
        raise ValueError(f"{name} is {value!r}; {holds} 0 … {count - 1}{more}")
    return index


def check_whole(value: Any, name: str, least: int = 1) -> int:
    """A whole number of at least `least`.

    Raises:
        ValueError: If `value` is none.

    Example:
        >>> check_whole(3, "images")
        3
        >>> check_whole(0, "images")
        Traceback (most recent call last):
        ValueError: images is 0; give a whole number, 1 or more
    """
    number = as_index(value)
    if number is None or number < least:
        raise ValueError(f"{name} is {value!r}; give a whole number, {least} or more")
    return number

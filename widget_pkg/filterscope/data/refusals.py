"""Sentences for what is no data set, or several at once: what was given, and what to give instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torch.utils.data.dataloader import _BaseDataLoaderIter

from filterscope.data.axes import Input
from filterscope.data.columns import as_column, columns_of, is_array
from filterscope.errors import kind_of

EXPECTED = (
    "expected something that gives image i as data[i]: a torch Dataset, an array (N, C, H, W), a list of images or of "
    "(image, label), or the path of a folder"
)
_PARTS = ("test", "valid", "validation", "val", "dev", "eval", "train")
"""Names of a data set's parts, the one that is explored most often first."""
_LABELS = ("label", "target", "y")


def refuse(data: Any, inputs: Sequence[Input]) -> None:
    """Refuses an object that is not a data set.

    Args:
        data: What the user gave.
        inputs: The kinds of images that the net may take.

    Raises:
        TypeError: If it is not; the message says what to give instead.
    """
    kind = kind_of(data)
    if isinstance(data, type):
        raise TypeError(f"the data set is the class {data.__name__}; call it to make a data set")
    _refuse_several(data, kind, inputs)
    iterable = hasattr(type(data), "__iter__") and not isinstance(data, bytes | set | frozenset)
    if not hasattr(type(data), "__getitem__") and hasattr(type(data), "__next__") and _is_read_once(data):
        raise TypeError(
            f"the data set is {kind}, which can be read only once; give one that can be read again, such as "
            "list(itertools.islice(data, 1000))"
        )
    if isinstance(data, bytes | np.generic) or not (iterable or hasattr(type(data), "__getitem__")):
        raise TypeError(f"the data set is {kind}; {EXPECTED}")


def _is_read_once(data: Any) -> bool:
    """Whether an iterator cannot start anew; one that has a length starts anew at each `iter`, except torch's own."""
    return not hasattr(type(data), "__len__") or isinstance(data, _BaseDataLoaderIter)


def _refuse_several(data: Any, kind: str, inputs: Sequence[Input]) -> None:
    if isinstance(data, list | tuple):
        if data and all(isinstance(part, DataLoader | Dataset) for part in data):
            raise TypeError(f"the data set is {kind} of {len(data)} data sets; give one of them, such as data[-1]")
        if 1 < len(data) < 4 and isinstance(data, tuple) and all(_is_pair(part, inputs) for part in data):
            raise TypeError(
                f"the data set is {kind} of {len(data)} pairs of images and labels, as of training and test; give one "
                "of them, such as data[-1], or list(data) if they are batches"
            )
        return
    for name in ("test", "val", "predict", "train"):
        if callable(getattr(type(data), f"{name}_dataloader", None)) and hasattr(type(data), "setup"):
            raise TypeError(
                f"the data set is {kind}, which makes loaders; give one of them, such as data.{name}_dataloader()"
            )
    if hasattr(type(data), "__iter__") or isinstance(data, Dataset):
        return
    parts = [name for name in _PARTS if _is_loader(_attribute(data, name))]
    if len(parts) > 1:
        raise TypeError(
            f"the data set is {kind} of several loaders ({', '.join(parts)}); give one, such as data.{parts[0]}"
        )


def _is_pair(data: Any, inputs: Sequence[Input]) -> bool:
    """Whether it is a tuple of many images and their labels."""
    if not isinstance(data, tuple) or len(data) != 2 or not is_array(as_column(data[0])):
        return False
    try:
        return columns_of(data, inputs) is not None
    except ValueError:
        return False


def _attribute(data: Any, name: str) -> Any:
    try:
        return getattr(data, name, None)
    except Exception:  # somebody's code
        return None


def _is_loader(part: Any) -> bool:
    plain = isinstance(part, str | bytes | Mapping | torch.Tensor | np.ndarray | Image.Image | type)
    return not plain and hasattr(type(part), "__iter__") and hasattr(type(part), "__len__")


def mapping_refused(data: Any) -> TypeError:
    """The error for a dictionary of data sets or arrays of which it is not clear which is meant.

    Args:
        data: A dictionary, an open file, or another thing with keys.
    """
    keys = list(data.keys())
    parts = ", ".join(map(repr, keys[:8])) + (", …" if len(keys) > 8 else "")
    ordered = [key for name in _PARTS for key in keys if name in str(key).lower()]
    example = f"data[{(ordered or keys or ['test'])[0]!r}]"
    labels = [key for key in ordered if any(word in str(key).lower().replace("test", "") for word in _LABELS)]
    part = next((name for name in _PARTS if labels and name in str(labels[0]).lower()), "")
    images = [key for key in ordered if part and part in str(key).lower() and key not in labels]
    several = f"the data set is {kind_of(data)} of {parts or 'nothing'}"
    if labels and images:
        return TypeError(f"{several}; give images and labels, such as (data[{images[0]!r}], data[{labels[0]!r}])")
    return TypeError(f"{several}; give one part, such as {example}")

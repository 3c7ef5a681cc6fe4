"""Makes a data set with a length and items by index of what a user has: `open_data(data)` → `Items`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, IterableDataset

from filterscope.data.axes import Input, array_layout, fitting
from filterscope.data.columns import Columns, are_columns, is_image, is_label
from filterscope.data.folder import open_folder
from filterscope.data.stream import Stream
from filterscope.errors import describe_exception, kind_of

_EXPECTED = (
    "expected something that gives image i as data[i]: a torch Dataset, an array (N, C, H, W), a list of images or of "
    "(image, label), or the path of a folder"
)


@dataclass(frozen=True, eq=False)
class Items:
    """A data set's items, each read when it is requested.

    Attributes:
        sequence: Has item i as `sequence[i]`.
        origin: The user's data set, in which class names and transforms are looked for.
        layout: The layout of all images, where it is known.
        inputs: The kinds of images that the net may take; for an array only the kind that its images are.
    """

    sequence: Any
    origin: Any
    layout: str | None
    inputs: Sequence[Input]

    @property
    def stream(self) -> Stream | None:
        """The items, where they can only be read from the start; else None."""
        return self.sequence if isinstance(self.sequence, Stream) else None

    def count(self) -> int:
        """The number of items; for a stream the number of those that are known.

        Raises:
            TypeError: If the data set has no length, or asking for it raises.
            ValueError: If there are no items.
        """
        kind = type(self.origin).__name__
        try:
            length = len(self.sequence)
        except (TypeError, NotImplementedError) as error:
            raise TypeError(f"the data set ({kind}) has no length; give one with __len__") from error
        except Exception as error:
            raise TypeError(
                f"the data set ({kind}) cannot be read: len() raised {describe_exception(error)}"
            ) from error
        if length == 0:
            raise ValueError(f"the data set ({kind}) is empty; give one with at least one image")
        return length


def open_data(data: Any, inputs: Sequence[Input], layout: str | None) -> Items:
    """Makes `Items` of the user's data; no item is read, except the first ones of a stream.

    Args:
        data: The user's data; see `filterscope.data.source.SampleSource` for what it may be.
        inputs: The kinds of images that the net may take, the likeliest first.
        layout: The user's `layout=`.

    Raises:
        TypeError: If it is not a data set.
        ValueError: If it is an array whose axes do not fit, or a folder without pictures.
        FileNotFoundError: If it is a path that does not exist.
    """
    while isinstance(data, DataLoader):
        data = data.dataset
    if isinstance(data, str | os.PathLike):
        folder = open_folder(data, inputs[0][1])
        return Items(folder, folder, layout, inputs)
    if isinstance(data, Image.Image):
        return Items([data], data, layout, inputs)
    if isinstance(data, torch.Tensor) or (isinstance(data, np.ndarray) and data.dtype != object):
        return _of_array(data, inputs, layout)
    if isinstance(data, tuple) and len(data) == 2 and is_label(data[1]) and is_image(data[0], inputs):
        return Items([data], data, layout, inputs)
    if are_columns(data, inputs):
        images = open_data(data[0], inputs, layout)
        return Items(Columns(images.sequence, data[1]), data, images.layout, images.inputs)
    _refuse(data)
    if isinstance(data, IterableDataset) or not hasattr(data, "__getitem__"):
        return Items(Stream(data), data, layout, inputs)
    return Items(data, data, layout, inputs)


def _of_array(data: Any, inputs: Sequence[Input], layout: str | None) -> Items:
    if not data.ndim or not len(data):
        raise ValueError(
            f"the data set ({type(data).__name__}) is empty; give one with at least one image"
            if data.ndim
            else f"the data set is {kind_of(data)} of one number; {_EXPECTED}"
        )
    input_of_net = fitting(inputs, data, several=True)
    is_one_image, image_layout = array_layout(data, *input_of_net, layout)
    return Items([data] if is_one_image else data, data, image_layout, (input_of_net,))


def _refuse(data: Any) -> None:
    """Refuses an object that is not a data set.

    Raises:
        TypeError: If it is not; the message says what to give instead.
    """
    kind = kind_of(data)
    if isinstance(data, dict):
        parts, example_key = ", ".join(repr(key) for key in list(data)[:5]), next(iter(data), "test")
        raise TypeError(f"the data set is {kind} of {parts or 'nothing'}; give one part, such as data[{example_key!r}]")
    if isinstance(data, type):
        raise TypeError(f"the data set is the class {data.__name__}; call it to make a data set")
    iterable = hasattr(data, "__iter__") and not isinstance(data, bytes | set | frozenset)
    if not hasattr(data, "__getitem__") and hasattr(data, "__next__"):
        raise TypeError(
            f"the data set is {kind}, which can be read only once; give one that can be read again, such as "
            "list(itertools.islice(data, 1000))"
        )
    if isinstance(data, bytes | np.generic) or not (iterable or hasattr(data, "__getitem__")):
        raise TypeError(f"the data set is {kind}; {_EXPECTED}")

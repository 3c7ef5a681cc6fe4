"""What people have becomes something with a length that gives item i: `open_data(data)` → `Items`."""

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
from filterscope.data.class_names import LABEL_KEYS
from filterscope.data.folder import is_picture, open_folder, read_picture
from filterscope.data.stream import Stream
from filterscope.errors import describe_exception, kind_of

IMAGE_KEYS = ("image", "img", "pixel_values", "images", "picture", "x", "input")
"""Where a sample that is a dictionary has its image."""

_EXPECTED = (
    "expected something that gives image i as data[i]: a torch Dataset, an array (N, C, H, W), a list of images or of "
    "(image, label), or the path of a folder"
)


@dataclass(frozen=True, eq=False)
class Items:
    """A data set's items, read when they are asked for.

    Attributes:
        held: Gives item i as `held[i]`.
        origin: The data set that class names and transforms are looked for in.
        layout: Of the images, where it is known for all of them.
        inputs: What images the net may take; of an array, what its images are taken for.
    """

    held: Any
    origin: Any
    layout: str | None
    inputs: Sequence[Input]

    @property
    def stream(self) -> Stream | None:
        """The items, where they can only be read from the start."""
        return self.held if isinstance(self.held, Stream) else None

    def count(self) -> int:
        """How many items there are, or of a stream are known.

        Raises:
            TypeError: If nobody knows.
            ValueError: If there is none.
        """
        kind = type(self.origin).__name__
        try:
            length = len(self.held)
        except (TypeError, NotImplementedError) as error:
            raise TypeError(f"the data set ({kind}) has no length; give one with __len__") from error
        except Exception as error:
            raise TypeError(
                f"the data set ({kind}) cannot be read: len() raised {describe_exception(error)}"
            ) from error
        if length == 0:
            raise ValueError(f"the data set ({kind}) is empty; give one with at least one image")
        return length


class Columns:
    """Images and their labels, each in an array or list of its own."""

    def __init__(self, images: Any, labels: Any) -> None:
        self._images, self._labels = images, labels
        self.targets = labels

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._images[index], self._labels[index]


def open_data(data: Any, inputs: Sequence[Input], layout: str | None) -> Items:
    """Makes a data set of what was given; nothing of it is read but a stream's beginning.

    Args:
        data: What the user has.
        inputs: What images the net may take, the likeliest first.
        layout: What the user said of the axes.

    Raises:
        TypeError: If it is no data set.
        ValueError: If it is an array of another number of axes, or a folder without pictures.
        FileNotFoundError: If it is a path, and there is nothing.
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
    if isinstance(data, tuple) and len(data) == 2 and _is_label(data[1]) and _is_image(data[0], inputs):
        return Items([data], data, layout, inputs)
    if _are_columns(data, inputs):
        images = open_data(data[0], inputs, layout)
        return Items(Columns(images.held, data[1]), data, images.layout, images.inputs)
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
    chosen = fitting(inputs, data, several=True)
    one, found = array_layout(data, *chosen, layout)
    return Items([data] if one else data, data, found, (chosen,))


def _are_columns(data: Any, inputs: Sequence[Input]) -> bool:
    """Whether a pair is the images and the labels of a whole data set.

    Raises:
        ValueError: If it is, but of another number of labels than images.
    """
    if not isinstance(data, tuple | list) or len(data) != 2 or not _are_labels(data[1]):
        return False
    images, labels = data
    if isinstance(images, np.ndarray | torch.Tensor):
        several = images.ndim > min(rank for rank, _ in inputs)
    else:
        several = isinstance(images, list | tuple) and bool(images) and not _are_labels(images)
    if several and len(images) != len(labels):
        if getattr(labels, "ndim", 1) == 2:
            return False  # two images
        raise ValueError(
            f"the data set is a pair of {len(images)} images and {len(labels)} labels; give one label for each image"
        )
    return several


def _is_image(data: Any, inputs: Sequence[Input]) -> bool:
    if isinstance(data, np.ndarray | torch.Tensor):
        return 0 < data.ndim <= fitting(inputs, data)[0] + 1
    return isinstance(data, Image.Image)


def _are_labels(labels: Any) -> bool:
    if isinstance(labels, np.ndarray | torch.Tensor):
        return labels.ndim in (1, 2)
    return isinstance(labels, list | tuple | range) and bool(labels) and all(map(_is_label, labels))


def _is_label(label: Any) -> bool:
    number = isinstance(label, np.ndarray | torch.Tensor) and label.ndim == 0
    return label is None or number or isinstance(label, str | int | float | np.generic)


def _refuse(data: Any) -> None:
    """Says what is wrong with what is no data set.

    Raises:
        TypeError: If it is none.
    """
    kind = kind_of(data)
    if isinstance(data, dict):
        parts, one = ", ".join(repr(key) for key in list(data)[:5]), next(iter(data), "test")
        raise TypeError(f"the data set is {kind} of {parts or 'nothing'}; give one part, such as data[{one!r}]")
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


def parts_of(item: Any, channels: int | None) -> tuple[Any, Any]:
    """A sample's image and label: of a pair, a longer tuple, a dictionary, or an image alone.

    Raises:
        ValueError: If a dictionary has no image.
        OSError: If the image is a file that cannot be read.
    """
    label = None
    if isinstance(item, dict) or (hasattr(item, "keys") and hasattr(item, "__getitem__")):
        key = _image_key(item)
        label = next((item[name] for name in LABEL_KEYS if name in item and name != key), None)
        item = item[key]
        if isinstance(item, list):  # as Hugging Face's data sets give an array
            item = np.asarray(item, np.float32)
    elif isinstance(item, tuple | list) and item:
        item, label = item[0], item[1] if len(item) > 1 else None
    return (read_picture(item, channels) if is_picture(item) else item), label


def _image_key(item: Any) -> str:
    for key in IMAGE_KEYS:
        if key in item:
            return key
    looks = [key for key in item if isinstance(item[key], Image.Image | np.ndarray | torch.Tensor)]
    images = [key for key in looks if isinstance(item[key], Image.Image) or item[key].ndim > 1]
    if len(images) == 1:
        return str(images[0])
    known = ", ".join(repr(key) for key in item)
    raise ValueError(f"it is a dictionary of {known}; expected one with 'image', 'img' or 'pixel_values'")

"""Arrays side by side as a data set: `(images, labels)`, a dictionary of arrays, a table with a column of paths.

A pair or longer tuple is columns where one part is many images and each other one has an entry for each image, or is
None. A list of arrays with as many axes is no columns: it is images, or batches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from filterscope.attributes import attribute
from filterscope.data.axes import Input, array_layout, fits, fitting, shape_of
from filterscope.data.class_names import LABEL_KEYS
from filterscope.data.folder import is_picture
from filterscope.data.parts import IMAGE_KEYS, has_more_axes


class Columns:
    """Columns of equal length as a data set of tuples.

    Args:
        parts: The columns, of which one has the images; one that is None gives None for each image.
        images: Which one.

    Attributes:
        parts: The columns.
    """

    def __init__(self, parts: Sequence[Any], images: int = 0) -> None:
        self.parts, self._images = parts, parts[images]
        if len(parts) == 2:
            self.targets = parts[1 - images]

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        return tuple(None if part is None else part[index] for part in self.parts)


class Rows:
    """An array of another library by its first axis: row i is read, as a NumPy array, when it is requested.

    Args:
        array: An array of HDF5, zarr, dask and the like: with `.shape`, `.dtype` and rows by index.
    """

    def __init__(self, array: Any) -> None:
        self._array = array
        self.shape, self.ndim, self.dtype = tuple(array.shape), len(array.shape), array.dtype

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, index: int) -> np.ndarray:
        if index >= len(self):
            raise IndexError(index)
        return np.asarray(self._array[index])


def as_column(data: Any) -> Any:
    """A column that gives entry i as `column[i]`, by position; what is no array or table is returned itself."""
    if hasattr(type(data), "iloc") and hasattr(type(data), "to_numpy"):  # pandas counts by label
        values = data.to_numpy()
        return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    if isinstance(data, torch.Tensor | np.ndarray | Image.Image) or not hasattr(type(data), "__getitem__"):
        return data
    if isinstance(data, Rows) or hasattr(type(data), "keys"):
        return data
    shape = attribute(data, "shape") if attribute(data, "dtype") is not None else None
    return Rows(data) if isinstance(shape, tuple) and shape else data


def is_array(data: Any) -> bool:
    """Whether it is an array of numbers, after `as_column`."""
    return isinstance(data, torch.Tensor | Rows) or (isinstance(data, np.ndarray) and data.dtype.kind not in "OSU")


def columns_of(data: Any, inputs: Sequence[Input]) -> tuple[list[Any], int] | None:
    """The columns in a tuple or list, and which of them has the images; None where they are something else.

    Raises:
        ValueError: If they are images and labels, and their numbers differ.
    """
    if not isinstance(data, tuple | list) or not 2 <= len(data) <= 8:
        return None
    parts = [as_column(part) for part in data]
    places = [i for i, part in enumerate(parts) if are_images(part, inputs)]
    if not places:
        return None
    images = parts[places[0]]
    others = parts[: places[0]] + parts[places[0] + 1 :]
    certainly = _certainly_many(images, inputs)
    along = [certainly and _goes_along(part, arrays=isinstance(data, tuple)) for part in others]
    if not all(goes or _are_labels(part) for goes, part in zip(along, others, strict=True)):
        return None
    lengths = [len(images) if part is None else len(part) for part in parts]
    if len(set(lengths)) > 1:
        may_be_one = is_array(images) and any(fits(images.shape, *candidate) for candidate in inputs)
        if may_be_one or len(parts) > 2 or not _are_labels(others[0]) or len(shape_of(others[0])) == 2:
            return None  # images
        raise ValueError(
            f"the data set is a pair of {len(images)} images and {len(others[0])} labels; give one label for each image"
        )
    return parts, places[0]


def are_images(part: Any, inputs: Sequence[Input]) -> bool:
    """Whether a column is many images: the one place that decides it.

    Args:
        part: An array, a list, or another sequence.
        inputs: The kinds of images that the net may take.
    """
    if is_array(part):
        return bool(part.ndim > min(rank for rank, _ in inputs))
    if isinstance(part, list | tuple) or (isinstance(part, np.ndarray) and part.ndim == 1):
        images = len(part) > 0 and all(_is_one_image(entry) for entry in part)
        return images and not has_more_axes(shape_of(part[0]), inputs)  # a batch
    if isinstance(part, str | bytes | Mapping | Image.Image | range) or not hasattr(type(part), "__getitem__"):
        return False
    try:
        return len(part) > 0 and _is_one_image(part[0])
    except Exception:  # somebody's code
        return False


def _is_one_image(entry: Any) -> bool:
    if isinstance(entry, list | tuple):
        return bool(entry) and isinstance(entry[0], list) and bool(np.ndim(entry[0][:1]))
    return isinstance(entry, Image.Image) or is_picture(entry) or len(shape_of(entry)) > 1


def _certainly_many(images: Any, inputs: Sequence[Input]) -> bool:
    """Whether images are many, and cannot be a single one."""
    if not is_array(images) or has_more_axes(images.shape, inputs):
        return True
    rank, channels = fitting(inputs, images, several=True)
    return channels is not None and not array_layout(images, rank, channels, None)[0]


def is_image(data: Any, inputs: Sequence[Input]) -> bool:
    """Whether it is one image that the net may take."""
    if isinstance(data, np.ndarray | torch.Tensor):
        return 0 < data.ndim <= fitting(inputs, data)[0] + 1
    return isinstance(data, Image.Image)


def _are_labels(labels: Any) -> bool:
    if is_array(labels) or isinstance(labels, np.ndarray):
        return labels.ndim in (1, 2)
    if isinstance(labels, str | bytes | Mapping | Image.Image) or not hasattr(type(labels), "__getitem__"):
        return False
    try:
        entries = labels if isinstance(labels, list | tuple | range) else [labels[0]]
        return len(labels) > 0 and all(is_label(entry) and not is_picture(entry) for entry in entries)
    except Exception:  # somebody's code
        return False


def _goes_along(part: Any, arrays: bool) -> bool:
    """Whether a column may go along with images: None, paths and the like, or `arrays`, masks and second images."""
    if isinstance(part, list | tuple):
        return arrays or not any(bool(shape_of(entry)) for entry in part)
    return part is None or (arrays and is_array(part))


def is_label(label: Any) -> bool:
    """Whether it is one label: a number, a name, or None."""
    number = isinstance(label, np.ndarray | torch.Tensor) and label.ndim == 0
    return label is None or number or isinstance(label, str | int | float | np.generic)


def named_columns(data: Mapping[str, Any], inputs: Sequence[Input]) -> tuple[list[Any], int] | None:
    """The images and the labels in a dictionary of arrays; None where it is not clear which they are.

    The keys are looked for as in a sample. If none is known, the only part that is many images is taken, with the only
    other one that has a label for each.

    Args:
        data: A dictionary, an open HDF5 file, a table, and the like.
        inputs: The kinds of images that the net may take.
    """
    columns = {str(key): as_column(data[key]) for key in data.keys()}  # noqa: SIM118, tables iterate over columns too
    many = [key for key, part in columns.items() if are_images(part, inputs)]
    if not many:
        return None
    known = [key for key in IMAGE_KEYS if key in many]
    if not known and len(many) > 1:
        return None
    images = columns[(known or many)[0]]
    fit = [
        key for key, part in columns.items() if part is not images and _are_labels(part) and len(part) == len(images)
    ]
    labels = [key for key in LABEL_KEYS if key in fit] or (fit if len(fit) == 1 else [])
    if not labels and not _certainly_many(images, inputs):
        return None
    return [images, columns[labels[0]] if labels else None], 0

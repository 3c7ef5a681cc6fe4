"""Makes a data set with a length and items by index of what a user has: `open_data(data)` → `Items`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset

from filterscope.data.axes import Input, array_layout, fitting
from filterscope.data.batches import NOTE, ListOfBatches, Unbatched, batch_size
from filterscope.data.columns import (
    Columns,
    as_column,
    columns_of,
    is_array,
    is_image,
    is_label,
    named_columns,
)
from filterscope.data.files import open_arrays
from filterscope.data.folder import open_folder
from filterscope.data.loaders import Collate, Collated, gives_other_batches, in_batches
from filterscope.data.parts import IMAGE_KEYS
from filterscope.data.refusals import EXPECTED, mapping_refused, refuse
from filterscope.data.samplers import keys_of
from filterscope.data.stream import Stream
from filterscope.errors import describe_exception, kind_of


@dataclass(frozen=True, eq=False)
class Items:
    """A data set's items, each read when it is requested.

    Attributes:
        sequence: Has item i as `sequence[i]`.
        origin: The user's data set, in which class names and transforms are looked for.
        layout: The layout of all images, where it is known.
        inputs: The kinds of images that the net may take; for an array only the kind that its images are.
        how: A sentence on how the items were made of what the user has; empty where there is nothing to say.
        remade: Whether a loader makes other images of those of its data set.
    """

    sequence: Any
    origin: Any
    layout: str | None
    inputs: Sequence[Input]
    how: str = ""
    remade: bool = False

    @property
    def stream(self) -> Stream | None:
        """The items, where they can only be read from the start; else None."""
        return self.sequence if isinstance(self.sequence, Stream) else None

    @property
    def note(self) -> str:
        """Sentences on how the items were made, for people."""
        return " ".join(filter(None, [self.how, getattr(self.sequence, "note", "")]))

    @property
    def are_as_transformed(self) -> bool:
        """Whether the images are as the data set's own transforms made them, as far as was read."""
        return not self.remade and not getattr(self.sequence, "remade", False)

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
        ImportError: If it is the path of an HDF5 file, and h5py is not installed.
    """
    if isinstance(data, DataLoader):
        return _of_loader(data, inputs, layout)
    if isinstance(data, str | os.PathLike):
        arrays = open_arrays(data)
        if arrays is not None:
            return _of_file(arrays, os.fspath(data), inputs, layout)
        folder = open_folder(data, inputs[0][1])
        return Items(folder, folder, layout, inputs)
    if isinstance(data, Image.Image):
        return Items([data], data, layout, inputs)
    column = as_column(data)
    if is_array(column):
        return _of_array(column, inputs, layout)
    if isinstance(data, tuple) and len(data) == 2 and is_label(data[1]) and is_image(data[0], inputs):
        return Items([data], data, layout, inputs)
    if _is_mapping(data):
        return _of_mapping(data, inputs, layout)
    columns = columns_of(data, inputs)
    if columns is not None:
        return _of_columns(data, *columns, inputs, layout)
    refuse(data, inputs)
    if isinstance(data, IterableDataset) or not hasattr(type(data), "__getitem__"):
        return _of_stream(data, inputs, layout)
    if isinstance(data, list | tuple) and data and _is_batch(data[0], inputs):
        return Items(ListOfBatches(data, inputs), data, layout, inputs, NOTE)
    return Items(column, data, layout, inputs)


def _of_file(arrays: Any, path: str, inputs: Sequence[Input], layout: str | None) -> Items:
    try:
        return open_data(arrays, inputs, layout)
    except TypeError as error:
        opener = "numpy.load" if isinstance(arrays, dict) else "h5py.File"
        raise TypeError(f"{error}, where data = {opener}({path!r})") from None


def _of_array(data: Any, inputs: Sequence[Input], layout: str | None) -> Items:
    if not data.ndim or not len(data):
        raise ValueError(
            f"the data set ({type(data).__name__}) is empty; give one with at least one image"
            if data.ndim
            else f"the data set is {kind_of(data)} of one number; {EXPECTED}"
        )
    input_of_net = fitting(inputs, data, several=True)
    is_one_image, image_layout = array_layout(data, *input_of_net, layout)
    return Items([data] if is_one_image else data, data, image_layout, (input_of_net,))


def _of_columns(data: Any, parts: list[Any], images: int, inputs: Sequence[Input], layout: str | None) -> Items:
    items = open_data(parts[images], inputs, layout)
    parts = [items.sequence if place == images else part for place, part in enumerate(parts)]
    return Items(Columns(parts, images), data, items.layout, items.inputs)


def _of_stream(data: Any, inputs: Sequence[Input], layout: str | None, collate: Collate | None = None) -> Items:
    unbatched = Unbatched(inputs)
    split = unbatched if collate is None else lambda item: unbatched(collate(item))
    stream = Stream(data, split)
    how = " ".join(filter(None, [unbatched.note, collate.note if collate is not None else ""]))
    return Items(stream, data, layout, inputs, how, remade=collate is not None)


def _of_loader(loader: DataLoader[Any], inputs: Sequence[Input], layout: str | None) -> Items:
    collate = Collate(loader, inputs)
    if isinstance(loader.dataset, IterableDataset):
        if gives_other_batches(loader, None, inputs):
            return _of_stream(loader, inputs, layout)
        return _of_stream(loader.dataset, inputs, layout, collate if collate.changes else None)
    items = open_data(loader.dataset, inputs, layout)
    try:
        length = None if items.stream is not None else len(items.sequence)
    except Exception:  # it has no length, and its keys may be no indices
        length = None
    keys, how = keys_of(loader, length)
    items = replace(items, how=f"{items.how} {how}".strip())
    if keys is not None:
        items = replace(items, sequence=Subset(items.sequence, keys), origin=Subset(items.origin, keys))
    if collate.changes:
        sequence = Collated(items.sequence, collate)
        items = replace(items, sequence=sequence, how=f"{items.how} {collate.note}".strip())
    if gives_other_batches(loader, items.sequence, inputs):
        return replace(_of_stream(loader, inputs, layout), origin=items.origin, remade=True)
    batches = in_batches(loader, items.sequence, inputs)
    return items if batches is None else replace(_of_stream(batches, inputs, items.layout), origin=items.origin)


def _is_mapping(data: Any) -> bool:
    if isinstance(data, Mapping):
        return True
    named = callable(getattr(type(data), "keys", None)) and hasattr(type(data), "__getitem__")
    return named and not isinstance(data, Dataset) and not hasattr(data, "batch_size")


def _of_mapping(data: Any, inputs: Sequence[Input], layout: str | None) -> Items:
    columns = named_columns(data, inputs)
    if columns is not None:
        return _of_columns(data, *columns, inputs, layout)
    if any(key in IMAGE_KEYS and is_image(data[key], inputs) for key in data.keys()):  # noqa: SIM118
        return Items([data], data, layout, inputs)
    raise mapping_refused(data)


def _is_batch(item: Any, inputs: Sequence[Input]) -> bool:
    """Whether an item of a list is surely a batch; an array alone may be views of one image as well."""
    return not hasattr(item, "shape") and batch_size(item, inputs) is not None

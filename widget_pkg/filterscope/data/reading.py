"""From an item of a data set to the image that the net is given, its label, and sentences on how it was made."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from filterscope.attributes import attribute, plain_tensor
from filterscope.data.axes import Input, NoImageError, as_image, fitting, shape_of
from filterscope.data.class_names import LABEL_KEYS
from filterscope.data.folder import is_picture
from filterscope.data.items import Items
from filterscope.data.parts import NoImagePartError, Parts, as_mapping, first_view, parts_of
from filterscope.data.picture_file import PictureFile, read_picture
from filterscope.data.several import as_arrays, several_of
from filterscope.data.transform import GivenTransform
from filterscope.data.usual_items import UsualItems
from filterscope.errors import SampleError, describe_exception, foreign_code
from filterscope.inputs import Inputs

# What SQLite, a `threading.local` and asyncio say in another thread than the one that they belong to.
_ABOUT_THREADS = re.compile(r"\bthread|_thread\._local|different loop|no (current|running) event loop", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Reading:
    """What was read of one item.

    Attributes:
        item_image: The image as the data set gives it.
        image: The image as the net is given it, float32 `(C, H, W)`.
        label: The label as the data set gives it; None where there is none.
        inputs: All inputs, where the item has several and the net can be given them; else None.
        note: Sentences on how the image was made.
    """

    item_image: Any
    image: np.ndarray
    label: Any
    inputs: Inputs | None
    note: str


class Reader:
    """Reads the items of a data set.

    Args:
        items: The data set.
        inputs: The kinds of images that the net may take, the likeliest first.
        vector: Length of the vectors that the net may take in place of images; None where none is known.
        of_vectors: Whether the items are vectors; None where that is not known.
        several: Whether the net can be given all inputs of an item, and images with one axis more than its own.
    """

    def __init__(
        self, items: Items, inputs: Sequence[Input], vector: int | None, of_vectors: bool | None, several: bool
    ) -> None:
        self._items, self._inputs = items, inputs
        self._vector, self._of_vectors, self._several = vector, of_vectors, several
        self._usual = UsualItems(self._by_all_rules)
        self._thread = threading.get_ident()  # which may be the only one that can read the data set

    def read(self, index: int, sequence: Any, transform: GivenTransform | None) -> Reading:
        """Reads one item.

        Args:
            index: Its index.
            sequence: The items, or a stand-in for them.
            transform: The user's transform, or a stand-in for it.

        Raises:
            SampleError: If the data set or the transform raises, or the item has no image.
        """
        try:
            with foreign_code():
                item = sequence[index]
        except Exception as error:
            raise SampleError(index, self._refusal(error)) from error
        usual = self._usual.image(item) if transform is None and not self._several else None
        if usual is not None:
            image, array, label, note = usual
            return Reading(image, array, label, None, note)
        return self._reading(index, item, transform)

    def block(self, items: Sequence[Any]) -> tuple[np.ndarray, list[int | None], str] | None:
        """The images of several items at once, their labels, and sentences on how they were made.

        None where they are not all of one kind whose image is given to the net as it is.
        """
        return None if self._several or not items else self._usual.block(items)

    def _by_all_rules(self, item: Any) -> tuple[np.ndarray, Any, str]:
        reading = self._reading(0, item, None)
        return reading.image, reading.label, reading.note

    def _reading(self, index: int, item: Any, transform: GivenTransform | None) -> Reading:
        parts, inputs = self._parts(index, item, transform), None
        image, label = parts.image, parts.label
        if self._several:
            inputs, label = several_of(item, image, label) or (None, label)
        if inputs is not None:
            image = inputs.shown
        elif isinstance(image, NoImagePartError):
            raise SampleError(index, str(image)) from image
        opened = self._opened(index, image)
        array, note = self._image(index, opened, transform, label, inputs)
        if inputs is not None:
            inputs = as_arrays(
                inputs, array, lambda other: self._image(index, self._opened(index, other), transform, None, inputs)[0]
            )
        return Reading(opened, array, label, inputs, " ".join(filter(None, [parts.note, note])))

    def _parts(self, index: int, item: Any, transform: GivenTransform | None) -> Parts:
        """The parts of an item.

        The image is the whole item where only the user's transform can take it out, and an error where nothing can.
        """
        try:
            return parts_of(item, self._items.inputs)
        except NoImagePartError as error:
            named = as_mapping(item) or {}
            label = next((named[key] for key in LABEL_KEYS if key in named), None)
            return Parts(error if transform is None else item, label)
        except Exception as error:
            raise SampleError(index, str(error)) from error

    def _opened(self, index: int, image: Any) -> Any:
        """The picture in a file, where the image is a path; a NumPy array of another library's."""
        if isinstance(image, np.ndarray | torch.Tensor | Image.Image | PictureFile):
            return image
        try:
            if is_picture(image):
                return read_picture(image, self._inputs[0][1])
            foreign = hasattr(type(image), "__array__") and attribute(image, "shape") is not None
            return np.asarray(image) if foreign else image
        except Exception as error:
            raise SampleError(index, str(error)) from error

    def _image(
        self, index: int, raw: Any, transform: GivenTransform | None, label: Any, inputs: Inputs | None
    ) -> tuple[np.ndarray, str]:
        """What the net is given of an opened image, float32 `(C, H, W)`, and sentences on how."""
        picture_note, transform_note, view_note, layout = "", "", "", self._items.layout
        try:
            if isinstance(raw, PictureFile):
                raw, picture_note = raw.for_net() if transform is None else raw.for_transform()
                layout = "CHW" if transform is None else None
            if transform is not None:
                before = raw
                raw = transform(index, raw, layout, fitting(self._inputs, raw)[1])
                transform_note = "" if raw is before else f"Made by {transform.name}."
                layout = layout if isinstance(before, np.ndarray) and isinstance(raw, np.ndarray) else None
            raw = plain_tensor(raw) if isinstance(raw, torch.Tensor) else raw
            if inputs is None and not (self._several and len(shape_of(raw)) == 4):
                raw, view_note = first_view(raw, self._inputs, label)
            if transform is not None or view_note:
                raw = self._opened(index, raw)
                if isinstance(raw, PictureFile):
                    (raw, picture_note), layout = raw.for_net(), "CHW"
            image, axes_note = as_image(raw, layout, *self._kind(index, raw, inputs))
        except (NoImageError, OSError, ValueError) as error:
            if isinstance(error, SampleError):
                raise
            raise SampleError(index, str(error)) from error
        return image, " ".join(filter(None, [picture_note, transform_note, view_note, axes_note]))

    def _kind(self, index: int, raw: Any, inputs: Inputs | None) -> Input:
        """The kind of image that an array is."""
        rank, channels = fitting(self._inputs, raw)
        axes = len(shape_of(raw))
        vector = inputs is not None and inputs.vector
        if axes == 1 and rank > 1 and (vector or len(raw) == self._vector or self._are_vectors(index)):
            return 1, 1
        return (3, None) if axes == 4 and rank == 2 and self._several else (rank, channels)

    def _are_vectors(self, index: int) -> bool:
        """Whether the samples are vectors, and this one no broken image: so it is if another one has one axis, too."""
        if self._of_vectors is None:
            other = 0 if index else 1
            try:
                with foreign_code():
                    item = self._items.sequence[other]
                raw = parts_of(item, self._items.inputs).image
            except Exception:
                return False
            self._of_vectors = len(shape_of(raw)) == 1
        return self._of_vectors

    def _refusal(self, error: Exception) -> str:
        """What to say where the data set raised."""
        cause = describe_exception(error)
        if threading.get_ident() == self._thread or not _ABOUT_THREADS.search(cause):
            return f"the data set raised {cause}"
        return (
            f"the data set can be read only in the thread that made it ({cause}), and the page and a diagnosis in the "
            "background read it in others; open what it reads from with check_same_thread=False, or in __getitem__ "
            "where a thread has not opened it yet"
        )

"""Which part of a data set's item is the image, and which the label: `parts_of(item)`.

Of a tuple the image is the first part that is one in memory (a picture, or an array with the axes of an image), else
the first that is a picture's path: what comes before it is its path or index. Of a dictionary, or an object with
attributes, the keys decide: `IMAGE_KEYS` in their order, so that what was made for the net wins over the picture that
it was made of. Parts may lie in parts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image

from filterscope.attributes import attribute
from filterscope.data.axes import Input, fits, image_axes, shape_of
from filterscope.data.class_names import LABEL_KEYS, class_of
from filterscope.data.folder import is_picture
from filterscope.data.picture_file import PictureFile
from filterscope.data.targets import TARGET_KEYS, is_target

IMAGE_KEYS = (
    "pixel_values",
    "input_values",
    "inputs",
    "input",
    "x",
    "X",
    "image",
    "img",
    "images",
    "imgs",
    "picture",
    "data",
    "tensors",
    "path",
    "image_path",
    "img_path",
    "filepath",
    "file_path",
    "filename",
    "file_name",
    "file",
)
"""The keys or attributes under which a sample may have its image, the likeliest first: first what was made for a net,
then a picture, then a picture's path. A key counts only where an image lies under it."""

_DEEPEST = 4
_BOXES = ("boxes", "bbox", "bboxes", "masks", "keypoints")


class NoImagePartError(ValueError):
    """An item has parts with names, and it is not clear which of them is the image."""


class Parts(NamedTuple):
    """The parts of an item.

    Attributes:
        image: The image as the data set has it; a picture's path; a list of images; or the item itself, if it has none.
        label: The label, or None.
        note: A sentence where another part could have been taken, else empty.
    """

    image: Any
    label: Any = None
    note: str = ""


def parts_of(item: Any, inputs: Sequence[Input]) -> Parts:
    """The image and the label in an item of a data set; no file is read.

    Args:
        item: A tuple, a dictionary, an object with attributes, or an image alone.
        inputs: The kinds of images that the net may take.

    Raises:
        NoImagePartError: If a dictionary has no image, or several under unknown keys.
    """
    parts = _parts(item, _least_axes(inputs), 0)
    label = parts.label
    if isinstance(label, torch.Tensor | np.ndarray | np.generic) or not hasattr(type(label), "__array__"):
        return parts
    with suppress(Exception):  # somebody's class; a label that is no array is what `class_of` says it is
        label = np.asarray(label)
    return parts._replace(label=label)


def _parts(item: Any, axes: int, depth: int) -> Parts:
    named = as_mapping(item)
    if named is not None:
        return _of_mapping(named, axes, depth)
    if isinstance(item, tuple | list) and len(item):
        if _number_axes(item) >= axes:  # Hugging Face's data sets return arrays as lists
            return Parts(np.asarray(item, np.float32))
        if depth and _are_images(item, axes, depth):
            return Parts(item)
        return _of_tuple(item, axes, depth)
    return Parts(item)


def holds_an_image(item: Any, inputs: Sequence[Input]) -> bool:
    """Whether an item is an image or a picture's path, or has one among its parts."""
    return _is_image(item, _least_axes(inputs), 0, paths=True)


def _least_axes(inputs: Sequence[Input]) -> int:
    """The axes that an array must have to be an image: 2, or 1 for a net of signals."""
    return min([2, *(rank for rank, _ in inputs)])


def as_mapping(item: Any) -> Mapping[str, Any] | None:
    """An item's parts by name, as of a dictionary, a named tuple, a dataclass or an object; None without names."""
    if isinstance(item, Mapping):
        return item
    if isinstance(item, torch.Tensor | np.ndarray | Image.Image | PictureFile | str | bytes | list | type):
        return None
    if isinstance(item, tuple):
        fields = getattr(item, "_fields", ())
        return dict(zip(fields, item, strict=False)) if set(fields) & set(IMAGE_KEYS) else None
    if hasattr(type(item), "keys") and hasattr(type(item), "__getitem__"):
        return {str(key): item[key] for key in item.keys()}  # noqa: SIM118
    if dataclasses.is_dataclass(item):
        return {field.name: getattr(item, field.name) for field in dataclasses.fields(item)}
    if hasattr(type(item), "__array__"):
        return None
    missing = object()
    named = {key: attribute(item, key, missing) for key in (*IMAGE_KEYS, *LABEL_KEYS)}
    known = {key: value for key, value in named.items() if value is not missing}
    return known if set(known) & set(IMAGE_KEYS) else None


def _of_mapping(named: Mapping[str, Any], axes: int, depth: int) -> Parts:
    keys = [key for key in IMAGE_KEYS if key in named and _is_image(named[key], axes, depth, paths=True)]
    if not keys:
        others = [key for key in named if key not in LABEL_KEYS]
        keys = [key for key in others if _is_image(named[key], axes, depth)]
        if len(keys) != 1:
            known = ", ".join(repr(key) for key in named)
            coded = [key for key in others if isinstance(named[key], bytes)]
            if coded:
                raise NoImagePartError(
                    f"it is a dictionary of {known}, and its {coded[0]!r} is bytes that are not decoded; give "
                    f"transform=lambda item: PIL.Image.open(io.BytesIO(item[{coded[0]!r}]))"
                )
            example = (keys or [key for key in others if not str(key).startswith("_")] or list(named) or ["image"])[0]
            raise NoImagePartError(
                f"it is a dictionary of {known or 'nothing'}; expected one with 'pixel_values', 'image' or 'img', or "
                f"transform= that takes the image out of it, such as transform=lambda item: item[{example!r}]"
            )
    key = keys[0]
    inner = _parts(named[key], axes, depth + 1)
    image = inner.image
    if isinstance(image, list | tuple) and not _are_images(image, axes, depth):
        image = np.asarray(image, np.float32)
    label = next((named[name] for name in LABEL_KEYS if name in named and name != key), inner.label)
    if label is None:
        targets = (named[name] for name in TARGET_KEYS if name in named and name != key)
        label = next((target for target in targets if is_target(target)), None)
    in_memory = [other for other in keys[1:] if not is_picture(named[other])]
    note = inner.note
    if in_memory:
        note = (
            f"The image is the sample's {key!r}, not its {in_memory[0]!r}; for that give "
            f"[(item[{in_memory[0]!r}], item.get('label')) for item in data]."
        )
    return Parts(image, label, note)


def _of_tuple(item: Sequence[Any], axes: int, depth: int) -> Parts:
    place = next((i for i, part in enumerate(item) if _is_image(part, axes, depth)), None)
    if place is None:
        place = next((i for i, part in enumerate(item) if is_picture(part)), 0)
    inner = _parts(item[place], axes, depth + 1)
    before, after = item[:place], item[place + 1 :]
    if inner.label is not None:
        return inner
    label, note = _label(after, axes, depth), inner.note
    if label is not None and label is not after[0] and not is_picture(after[0]):
        note = f"The label is the first class that comes after the image, {label!r}."
    if label is None and not after and before and is_class(before[-1]) and not is_picture(before[-1]):
        note = (
            f"What comes before the image, {before[-1]!r}, is not taken for its label; give (image, label) to have it "
            "as one."
        )
    return Parts(inner.image, label, note)


def _label(after: Sequence[Any], axes: int, depth: int) -> Any:
    """The label among what comes after an image: the first part, unless it is a path or a mask and a class follows."""
    if not after:
        return None
    for part in after:
        if isinstance(part, Mapping) and not any(key in part for key in _BOXES):
            label = next((part[key] for key in LABEL_KEYS if key in part), None)
            if label is not None:
                return label
        if is_class(part) and not is_picture(part):
            return part
        if not is_picture(part) and not _is_image(part, axes, depth):
            break
    first = after[0]
    return None if is_picture(first) else first


def is_class(part: Any) -> bool:
    """Whether a part may be a class: a number, a name, or one-hot."""
    return len(shape_of(part)) < 2 and class_of(part, ())[0] is not None


def _is_image(part: Any, axes: int, depth: int, paths: bool = False) -> bool:
    """Whether a part of an item is an image in memory, or has one in it; `paths` lets a picture's path count as one."""
    if isinstance(part, Image.Image | PictureFile):
        return True
    if isinstance(part, str | bytes | int | float) or part is None:
        return paths and is_picture(part)
    if isinstance(part, torch.Tensor | np.ndarray) or hasattr(type(part), "__array__"):
        return len(shape_of(part)) >= axes
    if depth >= _DEEPEST:
        return False
    named = as_mapping(part)
    if named is not None:
        values = [named[key] for key in IMAGE_KEYS if key in named]
        return any(_is_image(value, axes, depth + 1, paths) for value in values)
    if isinstance(part, list | tuple) and len(part):
        if _number_axes(part) >= axes:
            return True
        return any(_is_image(value, axes, depth + 1, paths) for value in part[:8])
    return paths and is_picture(part)


def _number_axes(part: Any) -> int:
    """The axes of lists of lists of numbers, by their first entries; 0 for anything else."""
    axes = 0
    while isinstance(part, list) and part and len(set(map(type, part))) == 1:
        part, axes = part[0], axes + 1
    return axes if isinstance(part, int | float) and not isinstance(part, bool) else 0


def _are_images(parts: Any, axes: int, depth: int) -> bool:
    """Whether all parts are images themselves, in memory or by their paths."""
    plain = Image.Image | PictureFile | torch.Tensor | np.ndarray
    return all((isinstance(part, plain) and _is_image(part, axes, depth)) or is_picture(part) for part in parts)


def first_view(image: Any, inputs: Sequence[Input], label: Any) -> tuple[Any, str]:
    """The first of several views or crops of an image, and a sentence on it; another image is returned itself.

    Args:
        image: An image; a list of views; or an array of views, with one axis more than an image.
        inputs: The kinds of images that the net may take.
        label: Its label, which tells a batch from views: a batch has none for all, or one for each.

    Raises:
        ValueError: If it is a batch, or may be one.
    """
    if isinstance(image, list | tuple) and len(image) and _are_images(image, 1, 0):
        others = f"The sample has {len(image)} images, of which the first is shown." if len(image) > 1 else ""
        others += " forward=lambda net, images: net(*images) gives the net all of them." if others else ""
        return image[0], others
    shape = shape_of(image)
    if not has_more_axes(shape, inputs) or not shape[0]:
        return image, ""
    if shape[0] == 1 and len(shape) == 3:  # a gray image as well: which it is, the net tells when it is called
        return image, ""
    if shape[0] == 1:
        return image[0], f"Its shape is {shape}: the first axis, of one entry, is taken away."
    if _entries(label) == shape[0]:
        raise ValueError(
            f"it has shape {shape}, a batch of {shape[0]} images with their labels; give one image an item, such as "
            "[sample for batch in data for sample in zip(*batch)]"
        )
    if is_class(label):
        return image[0], f"It has shape {shape}: {shape[0]} views, of which the first is shown."
    raise ValueError(
        f"it has shape {shape}; expected an image {image_axes(inputs)}; if it is a batch of {shape[0]} images, give "
        "[image for batch in data for image in batch]; if it is several views of one image, give "
        "transform=lambda views: views[0]"
    )


def _entries(label: Any) -> int | None:
    """How many entries a label has that may be several labels."""
    if isinstance(label, list | tuple):
        return len(label)
    shape = shape_of(label)
    return shape[0] if shape else None


def has_more_axes(shape: tuple[int, ...], inputs: Sequence[Input]) -> bool:
    """Whether an array of that shape has one axis more than an image for the net, and so is several images."""
    if len(shape) < 2 or any(fits(shape, *candidate) for candidate in inputs):
        return False
    ranks = [rank for rank, _ in inputs]
    if any(fits(shape[1:], *candidate) for candidate in inputs if len(shape) > candidate[0] + 1):
        return True
    return len(shape) == max(2, *ranks) + 2

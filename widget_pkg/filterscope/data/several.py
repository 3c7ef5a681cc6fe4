"""The inputs of a sample that has several: a pair of images, an image with a mask or a vector, a dictionary of them.

Only a net that is called by `forward=` can be given more than its image. `forward=` receives the inputs as the data set
has them, each as a batch of one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from PIL import Image

from filterscope.attributes import plain_tensor
from filterscope.data.class_names import LABEL_KEYS, class_of
from filterscope.inputs import Inputs, leaves, map_leaves


def several_of(item: Any, image: Any, label: Any) -> tuple[Inputs, Any] | None:
    """The inputs of a data set's item and its label; None where the item has no other input than its image.

    Args:
        item: `((a, b), label)`, whose first part is several inputs; `(a, b, label)`, of which all arrays but the label
            are inputs; or a dictionary, of which all arrays and numbers are.
        image: The image in the item. Where it is no part of the item, the first image among the inputs is shown.
        label: The label in the item, if it is a dictionary; of a tuple it is looked for among what is no input.
    """
    together = True
    if isinstance(item, Mapping):
        values: Any = _inputs_in(item)
        counted: Any = [value for key, value in values.items() if key not in LABEL_KEYS]
    elif isinstance(item, tuple | list) and len(item) and isinstance(item[0], tuple | list | Mapping):
        values, label = _inputs_in(item[0]), item[1] if len(item) > 1 else None
        counted = values
    elif isinstance(item, tuple | list):
        label, together = _label(item), False
        values = counted = tuple(part for part in item if _is_array(part) and part is not label)
    else:
        return None
    arrays = [leaf for leaf in leaves(values) if _is_array(leaf)]
    images = [leaf for leaf in arrays if isinstance(leaf, Image.Image) or leaf.ndim > 1]
    vector = together and not images  # a generator's latent vector, and what else it is given
    images = arrays[:1] if vector else images
    if not images or len(leaves(counted)) < 2:
        return None
    shown = next((leaf for leaf in images if leaf is image), images[0])
    return Inputs(values, shown, together, vector), label


def as_arrays(inputs: Inputs, image: np.ndarray, as_image: Callable[[Any], np.ndarray]) -> Inputs:
    """Inputs as NumPy arrays, each without a batch axis.

    Args:
        inputs: As the data set has them.
        image: What the net is given of the image that is shown, float32 `(C, H, W)`.
        as_image: Makes such an array of another image: of an input that is a PIL image or has as many axes as the one
            that is shown. All others keep their axes; those of floats become float32, those of numbers int64 or bool.
    """
    axes = _axes(inputs.shown)

    def array(value: Any) -> np.ndarray:
        if value is inputs.shown:
            return image
        numbers = None if isinstance(value, Image.Image) else _numbers(value)
        if numbers is None or (numbers.ndim == axes > 1 and numbers.dtype.kind in "fu"):
            return as_image(value)
        return numbers.astype(np.float32) if numbers.dtype.kind == "f" else numbers

    return inputs.map(array)


def _inputs_in(group: Any) -> Any:
    """The arrays and numbers in a tuple, a list or a dictionary, which stays what it is; without what is neither."""
    if isinstance(group, Mapping):
        return {key: _inputs_in(value) for key, value in group.items() if _is_input(value)}
    if isinstance(group, tuple | list):
        if not all(map(_is_input, group)):
            return ()
        return map_leaves(lambda leaf: leaf, group)
    return group


def _is_input(value: Any) -> bool:
    if isinstance(value, tuple | list | Mapping):
        return bool(value) and all(map(_is_input, value.values() if isinstance(value, Mapping) else value))
    return _is_array(value) or isinstance(value, int | float | np.number | torch.Tensor | np.ndarray)


def _is_array(value: Any) -> bool:
    if isinstance(value, torch.Tensor | np.ndarray):
        return value.ndim > 0 and not (isinstance(value, np.ndarray) and value.dtype.hasobject)
    return isinstance(value, Image.Image)


def _label(item: Any) -> Any:
    """The first part after the first array that is a class; one-hot only where it is the last part."""
    first = next((place for place, part in enumerate(item) if _is_array(part)), len(item))
    for place in range(first + 1, len(item)):
        part = item[place]
        vector = _is_array(part) and (isinstance(part, Image.Image) or _size(part) > 1)
        if vector and (place < len(item) - 1 or isinstance(part, Image.Image) or part.ndim > 1):
            continue
        if part is not None and class_of(part, ())[0] is not None:
            return part
    return None


def _size(array: Any) -> int:
    return int(np.prod(array.shape))


def _axes(value: Any) -> int:
    return (2 if len(value.getbands()) == 1 else 3) if isinstance(value, Image.Image) else int(value.ndim)


def _numbers(value: Any) -> np.ndarray:
    if isinstance(value, torch.Tensor):
        value = plain_tensor(value).detach().cpu()
        value = (value.float() if value.is_floating_point() else value).numpy()
    return np.asarray(value)

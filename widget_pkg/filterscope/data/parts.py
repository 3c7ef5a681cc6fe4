"""Which part of a data set's item is the image, and which the label: `parts_of(item)`."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image

from filterscope.data.class_names import LABEL_KEYS
from filterscope.data.folder import is_picture, read_picture

IMAGE_KEYS = ("image", "img", "pixel_values", "images", "picture", "x", "input")
"""The keys under which a sample that is a dictionary may have its image, the likeliest first."""


def parts_of(item: Any, channels: int | None) -> tuple[Any, Any]:
    """The image and the label in an item of a data set.

    Args:
        item: A pair or longer tuple, a dictionary, or an image alone. The image may be the path of a picture.
        channels: The net's input channels, for a picture file.

    Returns:
        The image as the data set has it, and the label or None.

    Raises:
        ValueError: If a dictionary has no image.
        OSError: If the image is a file that cannot be read.
    """
    label = None
    if isinstance(item, dict) or (hasattr(item, "keys") and hasattr(item, "__getitem__")):
        key = _image_key(item)
        label = next((item[name] for name in LABEL_KEYS if name in item and name != key), None)
        item = item[key]
        if isinstance(item, list):  # Hugging Face's data sets return arrays as lists
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

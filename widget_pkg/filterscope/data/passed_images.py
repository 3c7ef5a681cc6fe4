"""Images among the arguments and results of somebody's transform: found, compared, and others put in their place."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image

_FIRST_KEYS = ("image", "img", "pixel_values")


def first_image(value: Any) -> Any:
    """The first tensor, array or PIL image of two axes or more in a value."""
    if isinstance(value, Image.Image):
        return value
    if isinstance(value, torch.Tensor | np.ndarray):
        return value if value.ndim > 1 else None
    if isinstance(value, dict):
        value = [*(value[key] for key in _FIRST_KEYS if key in value), *value.values()]
    if isinstance(value, tuple | list):
        return next((image for image in map(first_image, value) if image is not None), None)
    return None


def values_of(image: Any) -> np.ndarray:
    """An image's values, without axes of length 1 in front."""
    if isinstance(image, torch.Tensor):
        image = image.detach().cpu()
        image = (image.float() if image.is_floating_point() else image).numpy()
    values = np.asarray(image)
    while values.ndim > 3 and values.shape[0] == 1:
        values = values[0]
    return values


def replaced(value: Any, image: Any, other: Any) -> Any:
    """A value of tuples, lists and dictionaries, with another image in an image's place."""
    if value is image:
        return other
    if isinstance(value, dict):
        return {name: replaced(inner, image, other) for name, inner in value.items()}
    if type(value) in (list, tuple):
        return type(value)(replaced(inner, image, other) for inner in value)
    return value


def constant_like(image: Any, brightness: int) -> Any:
    """An image of the same kind, all black or all white; None where that cannot be made."""
    if isinstance(image, Image.Image):
        bands = len(image.getbands())
        return Image.new(image.mode, image.size, (255 * brightness,) * bands) if image.mode in ("L", "RGB") else None
    white = 255 if image.dtype in (torch.uint8, np.uint8) else 1
    full: Any = torch.full_like if isinstance(image, torch.Tensor) else np.full_like
    return full(image, white * brightness)


def level_like(image: Any, level: np.ndarray) -> Any:
    """An image of the same kind and in memory of its own, whose every channel has one value."""
    shape = tuple(image.shape)
    axis = -1 if shape[-1] == len(level) and shape[-3:][0] != len(level) else -min(3, len(shape))
    across = [1] * len(shape)
    across[axis] = len(level)
    values = torch.from_numpy(np.asarray(level, np.float32)).reshape(across).expand(shape)
    if isinstance(image, torch.Tensor):
        return image.clone().copy_(values)
    return values.numpy().astype(image.dtype)


def is_same(values: np.ndarray | None, image: np.ndarray) -> bool:
    """Whether a run gave this image, whatever the order of its axes."""
    if values is None:
        return False
    slack = 1e-3 * max(1.0, float(np.abs(image).max())) if image.size else 0.0
    for candidate in (values, np.moveaxis(values, -1, 0), values[None]):
        if candidate.shape == image.shape and np.allclose(candidate, image, rtol=0, atol=slack, equal_nan=True):
            return True
    return False

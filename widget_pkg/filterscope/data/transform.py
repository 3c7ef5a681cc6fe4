"""`transform=`: from what the data set gives to what the net takes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from PIL import Image

from filterscope.data.axes import as_picture
from filterscope.errors import SampleError, describe_exception, kind_of


class GivenTransform:
    """A transform that the user gave.

    Args:
        transform: A function of one image, or a torchvision weights object, for its own transforms.

    Attributes:
        function: The function.
        name: Its name in a sentence.

    Raises:
        TypeError: If it is neither.
    """

    function: Callable[[Any], Any]

    def __init__(self, transform: Any) -> None:
        if isinstance(transform, type):
            recommended = getattr(transform, "DEFAULT", None)  # of an enumeration of weights
            if recommended is None:
                raise TypeError(f"transform is the class {transform.__name__}; call it to make a transform")
            transform = recommended
        if hasattr(transform, "meta") and callable(getattr(transform, "transforms", None)):
            self.function, self.name = transform.transforms(), f"the transforms of {transform}"
            return
        if not callable(transform):
            raise TypeError(f"transform is {kind_of(transform)}; give a function of one image, or None")
        name = getattr(transform, "__name__", type(transform).__name__)
        self.function, self.name = transform, "your transform" if name == "<lambda>" else f"transform ({name})"

    def __call__(self, index: int, image: Any, layout: str | None, channels: int | None) -> Any:
        """What the transform makes of an image; it gets a copy, so that one that works in place leaves the data alone.

        torchvision's transforms get an 8-bit NumPy array as the picture that they expect, and any transform that
        refuses 8-bit values is tried with a picture.

        Args:
            index: Index of the sample, for an error.
            image: The image that the data set gives.
            layout: Order of its axes, where it is known.
            channels: How many channels the net takes, which says which axis is which.

        Raises:
            SampleError: If it raises.
        """
        picture = as_picture(image, layout, channels)
        if picture is not None and isinstance(image, np.ndarray) and _of_torchvision(self.function):
            image, picture = picture, None
        try:
            return self.function(_copied(image))
        except Exception as error:
            if picture is not None:
                with suppress(Exception):  # the first error is what the user expects to hear of
                    return self.function(picture)
            raise SampleError(index, f"the transform raised {describe_exception(error)}") from error


def _copied(image: Any) -> Any:
    if isinstance(image, torch.Tensor):
        return image.clone()
    return image.copy() if isinstance(image, np.ndarray | Image.Image) else image


def _of_torchvision(function: Callable[[Any], Any]) -> bool:
    return type(function).__module__.split(".")[0] == "torchvision"

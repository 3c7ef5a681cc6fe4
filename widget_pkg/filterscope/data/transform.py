"""The user's `transform=`, which makes the image that the net receives of the one that the data set has."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from PIL import Image

from filterscope.attributes import attribute
from filterscope.data.axes import as_picture
from filterscope.errors import SampleError, describe_exception, foreign_code, kind_of


class GivenTransform:
    """The user's transform.

    Args:
        transform: A function of one image, or a torchvision weights object, whose own transforms are taken.

    Attributes:
        function: The function of one image.
        name: Its name as a sentence has it.

    Raises:
        TypeError: If `transform` is neither.
    """

    function: Callable[[Any], Any]

    def __init__(self, transform: Any) -> None:
        if isinstance(transform, type):
            recommended = attribute(transform, "DEFAULT")  # of an enumeration of weights
            if recommended is None:
                raise TypeError(f"transform is the class {transform.__name__}; call it to make a transform")
            transform = recommended
        if attribute(transform, "meta") is not None and callable(attribute(transform, "transforms")):
            self.function, self.name = transform.transforms(), f"the transforms of {transform}"
            return
        if not callable(transform):
            raise TypeError(f"transform is {kind_of(transform)}; give a function of one image, or None")
        name = attribute(transform, "__name__", type(transform).__name__)
        words = attribute(transform, "words")
        if isinstance(words, str):  # a library's own, see `adapters.preprocessing`
            self.function, self.name = transform, words
            return
        self.function, self.name = transform, "your transform" if name == "<lambda>" else f"transform ({name})"

    def __call__(self, index: int, image: Any, layout: str | None, channels: int | None) -> Any:
        """Applies the transform to a copy of an image, so that an in-place transform does not change the data set.

        torchvision's transforms receive a uint8 NumPy array as the PIL image that they expect. Any other transform that
        raises for a uint8 image is tried again with a PIL image.

        Args:
            index: Index of the sample, for the error message.
            image: The image in the data set.
            layout: Order of its axes, where it is known.
            channels: The net's input channels, which help to tell the axes apart; None where they are not known.

        Returns:
            What the transform returned.

        Raises:
            SampleError: If the transform raises.
        """
        takes = attribute(self.function, "takes")
        if callable(takes) and isinstance(attribute(self.function, "words"), str) and not takes(image):
            return image
        picture = as_picture(image, layout, channels)
        if picture is not None and isinstance(image, np.ndarray) and _of_torchvision(self.function):
            image, picture = picture, None
        try:
            with foreign_code():
                return self.function(_copied(image))
        except Exception as error:
            if picture is not None:
                with suppress(Exception), foreign_code():  # the first error is the one that the user needs
                    return self.function(picture)
            raise SampleError(index, f"the transform raised {describe_exception(error)}") from error


def _copied(image: Any) -> Any:
    if isinstance(image, torch.Tensor):
        return image.clone()
    return image.copy() if isinstance(image, np.ndarray | Image.Image) else image


def _of_torchvision(function: Callable[[Any], Any]) -> bool:
    return type(function).__module__.split(".")[0] == "torchvision"

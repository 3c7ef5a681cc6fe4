"""Images and labels side by side: `(images, labels)` as a data set of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from filterscope.data.axes import Input, fitting


class Columns:
    """Images and labels from two sequences of equal length, as a data set of pairs."""

    def __init__(self, images: Any, labels: Any) -> None:
        self._images, self._labels = images, labels
        self.targets = labels

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._images[index], self._labels[index]


def are_columns(data: Any, inputs: Sequence[Input]) -> bool:
    """Whether the data are a pair of all images and all labels.

    Raises:
        ValueError: If they are, and the numbers of images and labels differ.
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


def is_image(data: Any, inputs: Sequence[Input]) -> bool:
    """Whether it is one image that the net may take."""
    if isinstance(data, np.ndarray | torch.Tensor):
        return 0 < data.ndim <= fitting(inputs, data)[0] + 1
    return isinstance(data, Image.Image)


def _are_labels(labels: Any) -> bool:
    if isinstance(labels, np.ndarray | torch.Tensor):
        return labels.ndim in (1, 2)
    return isinstance(labels, list | tuple | range) and bool(labels) and all(map(is_label, labels))


def is_label(label: Any) -> bool:
    """Whether it is one label: a number, a name, or None."""
    number = isinstance(label, np.ndarray | torch.Tensor) and label.ndim == 0
    return label is None or number or isinstance(label, str | int | float | np.generic)

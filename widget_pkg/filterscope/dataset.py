"""Anything that yields images, one sample at a time: `source[i]` → `Sample(image, label, display)`.

The image is what the network is given; the display is what a person is shown, with Normalize undone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, IterableDataset

from filterscope.errors import SampleError, describe_exception

LAYOUTS = ("CHW", "HWC")


@dataclass(frozen=True, eq=False)
class Sample:
    """One sample of the data set.

    Attributes:
        index: Its index in the data set.
        image: What the network is given, float32 `(C, H, W)`; `(C, L)` for a 1-D net, `(C, D, H, W)` for a 3-D one.
        label: Its class: the name, an int where there is no name, or None.
        display: What is drawn, float32 `(H, W)` or `(H, W, 3)` in [0, 1]: a signal's channels as rows, the middle slice
            of a volume.
        low: The image value that is drawn black.
        high: The image value that is drawn white.
        note: How the display came about, in words.
    """

    index: int
    image: np.ndarray
    label: str | int | None
    display: np.ndarray
    low: float
    high: float
    note: str


class SampleSource:
    """Reads samples of a data set as float32 images with their class names.

    Args:
        data: A torch `Dataset`, a `DataLoader` (its data set is read in order), an array or tensor `(N, C, H, W)` or
            `(N, H, W)`, a NumPy array `(N, H, W, C)` (a tensor too, with `layout="HWC"`), or a sequence of images or of
            `(image, label)`. Nothing is read ahead.
        classes: Class names; by default the data set's `.classes`.
        transform: Applied to each image as the data set gives it, before anything else.
        mean: Of the Normalize that the images went through, a number a channel; undone for display.
        std: Its standard deviation.
        layout: `"CHW"` or `"HWC"`, the order of an image's axes where it is not clear; `"NCHW"` and `"NHWC"` say the
            same of the whole array.
        rank: Spatial axes of an image: 1, 2 or 3.

    Raises:
        TypeError: If `data` cannot be indexed or has no length.
        ValueError: If it is empty, or an option does not fit.
    """

    def __init__(
        self,
        data: Any,
        *,
        classes: Sequence[str] | None = None,
        transform: Callable[[Any], Any] | None = None,
        mean: Sequence[float] | float | None = None,
        std: Sequence[float] | float | None = None,
        layout: str | None = None,
        rank: int = 2,
    ) -> None:
        if isinstance(data, DataLoader):
            data = data.dataset
        self._data = data
        self.measure()
        self._transform = transform
        if transform is not None and not callable(transform):
            raise TypeError(f"transform is a {type(transform).__name__}; give a function of one image, or None")
        if (mean is None) != (std is None):
            raise ValueError("mean and std are given together: the Normalize that the images went through")
        self._mean, self._std = _per_channel(mean, "mean"), _per_channel(std, "std")
        if layout is not None and str(layout).removeprefix("N") not in LAYOUTS:
            raise ValueError(f"layout is {layout!r}; choose 'CHW', 'HWC' or None (found out from the shape)")
        self._layout = layout and layout.removeprefix("N")
        self._rank = rank
        self.given_classes = None if classes is None else _names(classes)
        self.classes = self.given_classes or _own_names(data)

    def measure(self) -> None:
        """Asks the data set for its length, as at first and after it changed."""
        self._length = _length(self._data)

    def __len__(self) -> int:
        return self._length

    def read(self, index: int) -> Sample:
        """Reads one sample.

        Raises:
            SampleError: If the data set raises, or what it gives is not an image.
        """
        try:
            item = self._data[index]
        except Exception as error:
            raise SampleError(index, f"the data set raised {describe_exception(error)}") from error
        image, label = _parts(item)
        if self._transform is not None:
            try:
                image = self._transform(image)
            except Exception as error:
                raise SampleError(index, f"the transform raised {describe_exception(error)}") from error
        array = _as_image(index, image, self._layout, self._rank)
        display, low, high, note = self._display(index, array)
        name = self._label(label)
        if name is None and label is not None:
            note = f"{note} The label, {_short(label)}, is no class.".strip()
        return Sample(index, array, name, display, low, high, note)

    def labels(self, read: Callable[[int], str | int | None]) -> list[str | int | None] | None:
        """The classes of all samples without reading them, where the data set holds them beside; else None.

        torchvision's data sets have `.targets` or `.labels`. They are taken only where nothing changes them on the way
        and five samples, spread over the data set, have the same label when they are read.

        Args:
            read: Gives the label of a sample by reading it.
        """
        if getattr(self._data, "target_transform", None) is not None:
            return None
        for name in ("targets", "labels"):
            held = getattr(self._data, name, None)
            if held is None or not hasattr(held, "__len__") or len(held) != self._length:
                continue
            try:
                found = [self._label(label) for label in np.asarray(held).tolist()]
                if all(
                    found[index] == read(index)
                    for index in {self._length * k // 4 for k in range(4)} | {self._length - 1}
                ):
                    return found
            except (SampleError, TypeError, ValueError):
                continue
        return None

    def class_name(self, number: int) -> str | int:
        """The name of a class, or its number where there is no name."""
        return self.classes[number] if 0 <= number < len(self.classes) else number

    def _label(self, label: Any) -> str | int | None:
        """A class's name or number; None for what is neither, such as a segmentation mask."""
        if label is None:
            return None
        value = (
            label.item() if isinstance(label, torch.Tensor | np.ndarray | np.generic) and _is_scalar(label) else label
        )
        if isinstance(value, str):
            return str(value)
        return self.class_name(int(value)) if isinstance(value, int) else None

    def _display(self, index: int, image: np.ndarray) -> tuple[np.ndarray, float, float, str]:
        shown, note = image, ""
        if self._mean is not None and self._std is not None:
            for name, values in (("mean", self._mean), ("std", self._std)):
                if len(values) not in (1, image.shape[0]):
                    raise SampleError(
                        index, f"{name} has {len(values)} numbers, the image {image.shape[0]} channels; give one each"
                    )
            across = (-1,) + (1,) * (image.ndim - 1)
            shown = image * self._std.reshape(across) + self._mean.reshape(across)
            note = "Normalize undone. "
        if image.ndim == 4:
            middle = shown.shape[1] // 2
            note += f"slice {middle} of {shown.shape[1]}. "
            shown = shown[:, middle]
        elif image.ndim == 2:
            shown = shown[None]  # the channels are the rows
        if shown.shape[0] == 3:
            plane = np.moveaxis(shown, 0, -1)
        else:
            plane = shown[0]
            if shown.shape[0] > 1:
                note += f"channel 0 of {shown.shape[0]}. "
        finite = plane[np.isfinite(plane)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
        if self._mean is not None or (low >= 0 and high <= 1):
            low, high = 0.0, 1.0
        scaled = (plane - low) / (high - low) if high > low else np.zeros_like(plane)
        display = np.clip(np.nan_to_num(scaled, nan=0.0, posinf=1.0, neginf=0.0), 0, 1).astype(np.float32)
        return display, low, high, note.strip()


def _length(data: Any) -> int:
    kind = type(data).__name__
    if isinstance(data, IterableDataset):
        raise TypeError(
            f"the data set is a {kind}, which can only be read from the start; give one that can be indexed, such as "
            "list(itertools.islice(data, 1000))"
        )
    if isinstance(data, str | bytes | dict) or not hasattr(data, "__getitem__"):
        raise TypeError(
            f"the data set is a {kind}; expected something that gives image i as data[i]: a torch Dataset, an array "
            "(N, C, H, W), or a list of images or of (image, label)"
        )
    try:
        length = len(data)
    except TypeError as error:
        raise TypeError(f"the data set ({kind}) has no length; give one with __len__") from error
    if length == 0:
        raise ValueError(f"the data set ({kind}) is empty; give one with at least one image")
    return length


def _per_channel(value: Sequence[float] | float | None, name: str) -> np.ndarray | None:
    if value is None:
        return None
    numbers = np.atleast_1d(np.asarray(value, np.float32))
    if numbers.ndim != 1 or not np.isfinite(numbers).all() or (name == "std" and (numbers <= 0).any()):
        raise ValueError(
            f"{name} is {value!r}; give a number, or one for each channel" + (", above 0" * (name == "std"))
        )
    return numbers


def _names(classes: Any) -> tuple[str, ...]:
    if isinstance(classes, str) or not hasattr(classes, "__iter__"):
        raise TypeError(f"classes is {_short(classes)}; give a list of names, one for each class number")
    return tuple(str(name) for name in classes)


def _own_names(data: Any) -> tuple[str, ...]:
    """The data set's `.classes`, where that is a list of names or a mapping from numbers to them."""
    own = getattr(data, "classes", ())
    if isinstance(own, dict):
        own = own.values()
    return () if isinstance(own, str) or not hasattr(own, "__iter__") else tuple(str(name) for name in own)


def _parts(item: Any) -> tuple[Any, Any]:
    """A sample's image and label; what a tuple holds beyond these is not ours."""
    if not isinstance(item, tuple | list) or not item:
        return item, None
    return item[0], item[1] if len(item) > 1 else None


def _is_scalar(value: torch.Tensor | np.ndarray | np.generic) -> bool:
    return (value.numel() if isinstance(value, torch.Tensor) else value.size) == 1


_AXES = {1: "(L) or (C, L)", 2: "(H, W), (C, H, W) or (H, W, C)", 3: "(D, H, W) or (C, D, H, W)"}


def _as_image(index: int, image: Any, layout: str | None, rank: int) -> np.ndarray:
    """Float32 `(C, H, W)`, or with the axes of that rank; 8-bit integers become [0, 1], as `ToTensor` makes them."""
    if isinstance(image, Image.Image):
        array, channels_last = np.asarray(image), True
    elif isinstance(image, torch.Tensor):
        array, channels_last = _tensor_values(image), False
    elif isinstance(image, np.ndarray):
        last = rank == 2 and image.ndim == 3 and image.shape[-1] in (1, 3, 4) and image.shape[0] not in (1, 3)
        array, channels_last = image, last
    else:
        raise SampleError(index, f"it is {_short(image)}, not an image; expected a tensor, an array or a PIL image")
    if rank == 1 and array.ndim == 3:
        rank = 2  # an image after all, which the net itself makes a signal of
    if array.ndim == rank:
        array = array[None]
    elif array.ndim != rank + 1:
        raise SampleError(index, f"it has shape {array.shape}; expected an image {_AXES[rank]}")
    elif (layout == "HWC") if layout is not None else channels_last:
        array = np.moveaxis(array, -1, 0)
    if array.size == 0:
        raise SampleError(index, f"it has shape {array.shape}: no pixels")
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array, np.float32) / np.float32(255)  # the same bits as ToTensor's
    if array.dtype == np.bool_ or np.issubdtype(array.dtype, np.floating):
        return np.array(array, np.float32, order="C")
    raise SampleError(index, f"its values are {array.dtype}; expected floats, or uint8 (taken as 0 … 255 → [0, 1])")


def _tensor_values(image: torch.Tensor) -> np.ndarray:
    values = image.detach().cpu()
    return (values.float() if values.is_floating_point() else values).numpy()


def _short(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"

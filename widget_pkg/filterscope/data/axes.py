"""Which axis is which: of a whole array, and of one image; every image becomes float32 `(C, H, W)`.

A net's images have a rank, its number of spatial axes (1, 2 or 3), and a number of channels. Where its convolutions
leave several open, the first that fits the shape is taken. `layout` overrides what would be found out from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from filterscope.data.class_names import short

Input = tuple[int, int | None]
"""What images a net takes: spatial axes, and channels, None where they are not known."""

LAYOUTS = ("CHW", "HWC", "NCHW", "NHWC", "NHW")

STILL_FRAMES = 16
"""Frames of the clip that is made of a still image; what torchvision's video nets were trained on."""

_AXES = {1: "(L) or (C, L)", 2: "(H, W), (C, H, W) or (H, W, C)", 3: "(D, H, W) or (C, D, H, W)"}
_BATCHES = {1: "(N, C, L)", 2: "(N, C, H, W), (N, H, W, C) or (N, H, W)", 3: "(N, C, D, H, W)"}


def check_layout(layout: Any) -> str | None:
    """A layout as it was given.

    Raises:
        ValueError: If it is none of the choices.
    """
    if layout is None or layout in LAYOUTS:
        return layout
    raise ValueError(
        f"layout is {layout!r}; choose 'CHW', 'HWC', 'NCHW', 'NHWC', 'NHW' or None (found out from the shape)"
    )


def fitting(inputs: Sequence[Input], data: Any, several: bool = False) -> Input:
    """Of what images a net may take, the first that a shape fits; the first of all where none does.

    Args:
        inputs: Pairs of spatial axes and channels, the likeliest first.
        data: An image or an array of them, with a `.shape`; a PIL image; anything else fits none.
        several: Whether it may be many images, with an axis before theirs.
    """
    if isinstance(data, Image.Image):
        bands = len(data.getbands())
        shape: tuple[int, ...] = (data.height, data.width, bands)[: 2 + (bands > 1)]
    else:
        shape = tuple(getattr(data, "shape", ()))
    return next((one for one in inputs if _fits(shape, *one) or (several and _fits_many(shape, *one))), inputs[0])


def _fits(shape: tuple[int, ...], rank: int, channels: int | None) -> bool:
    axes = len(shape)
    if rank == 3 and channels is not None and channels > 1 and axes == 3:
        return channels in (shape[0], shape[-1])  # a still image for a net of clips
    return (axes == rank and channels == 1) or (axes == rank + 1 and channels in (shape[0], shape[-1]))


def _fits_many(shape: tuple[int, ...], rank: int, channels: int | None) -> bool:
    return len(shape) > 1 and _fits(shape[1:], rank, channels)


def array_layout(array: Any, rank: int, channels: int | None, layout: str | None) -> tuple[bool, str | None]:
    """Whether an array or tensor is one image, and the layout of its images.

    Args:
        array: Of any library, with a `.shape`.
        rank: Spatial axes of an image.
        channels: The net's input channels, None where they are not known.
        layout: What the user said.

    Raises:
        ValueError: If it has another number of axes than images or a batch of them, or than the layout says.
    """
    shape = tuple(array.shape)
    axes = len(shape)
    if rank == 1 and axes == 4:
        rank, channels = 2, None  # images after all, which the net itself makes signals of
    if not rank <= axes <= rank + 2:
        raise ValueError(
            f"the data set is an array of shape {shape}; expected {_BATCHES[rank]}, or one image {_AXES[rank]}"
        )
    if rank == 3 and axes == 4 and layout in ("NCHW", "NHWC"):
        return False, _image_part(layout)  # still images for a net of clips
    if layout is not None and rank == 2:
        if (axes == 4 and layout == "NHW") or (layout.startswith("N") and axes != len(layout)):
            raise ValueError(f"layout is {layout!r}, but the array has shape {shape}")
        return axes == 2 or (axes == 3 and layout in ("CHW", "HWC")), _image_part(layout)
    last = layout is not None and layout.endswith("C")
    if axes == rank:
        return True, None
    if axes == rank + 1:
        several = channels is not None and channels > 1
        ends = shape[:1] if rank == 3 else (shape[0], shape[-1])  # (N, H, W, C) for a net of clips are still images
        if rank == 3 and channels in (shape[1], shape[-1]):
            several = False  # as many still images as they have channels: more common than a clip of so few frames
        one = (several and channels in ends) or (rank == 2 and shape[-1] == 1 < shape[-2])
        first = one and several and shape[0] == channels
        return one, layout if layout else ("CHW" if first or not one else "HWC")
    if layout is None:
        last = _channels_last(shape[1:], channels, isinstance(array, np.ndarray) and rank == 2)
    return False, "HWC" if last else "CHW"


def _image_part(layout: str | None) -> str | None:
    part = None if layout is None else layout.removeprefix("N")
    return None if part == "HW" else part


def _channels_last(shape: tuple[int, ...], channels: int | None, as_pictures: bool) -> bool:
    """Whether an image's last axis is its channels.

    Args:
        shape: Of the image, with its channels.
        channels: The net's, which decide where one end of the shape has as many and the other has not.
        as_pictures: Whether 1, 3 or 4 values at the last axis are taken for colours, as NumPy users have them.
    """
    if channels is not None and (shape[0] == channels) != (shape[-1] == channels):
        return shape[-1] == channels
    return as_pictures and shape[-1] in (1, 3, 4) and shape[0] not in (1, 3, 4)


class NoImageError(ValueError):
    """What is given is not an image; the text says what it is and what was expected."""


def image_values(image: Any) -> tuple[np.ndarray, str]:
    """The values of a tensor, an array or a PIL image as they are, and which of the three it was."""
    if isinstance(image, Image.Image):
        if image.mode == "P":
            image = image.convert("RGBA" if "transparency" in image.info else "RGB")
        elif image.mode in ("CMYK", "YCbCr", "HSV", "LAB"):
            image = image.convert("RGB")
        return np.asarray(image), "PIL image"
    if isinstance(image, torch.Tensor):
        values = image.detach()
        values = (values.to_dense() if values.layout != torch.strided else values).cpu()
        return (values.float() if values.is_floating_point() else values).numpy(), "tensor"
    if isinstance(image, np.ndarray):
        return image, "array"
    raise NoImageError(f"it is {short(image)}, not an image; expected a tensor, an array or a PIL image")


def as_image(image: Any, layout: str | None, rank: int, channels: int | None = None) -> tuple[np.ndarray, str]:
    """An image as float32 `(C, H, W)`, or with the axes of its rank; uint8 becomes [0, 1], as `ToTensor` makes it.

    Args:
        image: A tensor, an array or a PIL image.
        layout: Of this image, where it is known.
        rank: Spatial axes.
        channels: The net's input channels, where they are known.

    Returns:
        The image, and a sentence on what was done to it.

    Raises:
        NoImageError: If it is no image.
    """
    try:
        values, kind = image_values(image)
    except (RuntimeError, NotImplementedError, TypeError) as error:
        raise NoImageError(f"its values cannot be read: {error}") from error
    if rank == 1 and values.ndim == 3:
        rank, channels = 2, None
    said = []
    if rank == 3 and channels is not None and channels > 1:
        values, how = _as_clip(values, channels, layout)
        if how:
            said, layout = [how], "CHW"
    if values.ndim == rank:
        values = values[None]
    elif values.ndim != rank + 1:
        raise NoImageError(f"it has shape {values.shape}; expected an image {_AXES[rank]}")
    elif kind == "PIL image" and rank == 2:
        values = np.moveaxis(values, -1, 0)
    elif (_image_part(layout) or _guess(values.shape, channels, kind == "array" and rank == 2)) == "HWC":
        values = np.moveaxis(values, -1, 0)
        said.append("Its last axis is taken as the channels.")
    if values.size == 0:
        raise NoImageError(f"it has shape {values.shape}: no pixels")
    if values.dtype == np.uint8:
        said.append(f"{'PIL image' if kind == 'PIL image' else 'uint8'}: 0 … 255 given to the net as 0 … 1.")
        return np.ascontiguousarray(values, np.float32) / np.float32(255), " ".join(said)  # the same bits as ToTensor's
    if values.dtype == np.bool_ or np.issubdtype(values.dtype, np.floating):
        return np.array(values, np.float32, order="C"), " ".join(said)
    raise NoImageError(f"its values are {values.dtype}; expected floats, or uint8 (taken as 0 … 255 → [0, 1])")


def _as_clip(values: np.ndarray, channels: int, layout: str | None) -> tuple[np.ndarray, str]:
    """What a net of clips `(C, D, H, W)` is given for a still image, and for a clip whose frames come first."""
    if values.ndim == 3 and channels in (values.shape[0], values.shape[-1]):
        last = values.shape[0] != channels or (values.shape[-1] == channels and _image_part(layout) == "HWC")
        still = np.moveaxis(values, -1, 0) if last else values
        clip = np.repeat(still[:, None], STILL_FRAMES, axis=1)
        return clip, f"A still image, given to the net as a clip of {STILL_FRAMES} equal frames."
    if values.ndim == 4 and values.shape[0] != channels and channels in (values.shape[1], values.shape[-1]):
        where = 1 if values.shape[1] == channels else 3
        return np.moveaxis(values, where, 0), "Its first axis is taken as the frames."
    return values, ""


def _guess(shape: tuple[int, ...], channels: int | None, as_pictures: bool) -> str:
    return "HWC" if _channels_last(shape, channels, as_pictures) else "CHW"


def as_picture(image: Any, layout: str | None, channels: int | None) -> Image.Image | None:
    """A uint8 array or tensor as the PIL image that torchvision's transforms expect; None for anything else."""
    if not isinstance(image, np.ndarray | torch.Tensor):
        return None
    values, kind = image_values(image)
    if values.dtype != np.uint8 or values.ndim not in (2, 3) or values.size == 0:
        return None
    if values.ndim == 3 and (_image_part(layout) or _guess(values.shape, channels, kind == "array")) == "CHW":
        values = np.moveaxis(values, 0, -1)
    if values.ndim == 3 and values.shape[-1] == 1:
        values = values[:, :, 0]
    if values.ndim == 3 and values.shape[-1] not in (3, 4):
        return None
    return Image.fromarray(np.ascontiguousarray(values))

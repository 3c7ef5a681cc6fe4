"""Finds out which axis of an array or an image is which, and makes every image float32 `(C, H, W)`.

A net takes images of a rank, the number of spatial axes (1, 2 or 3), and with a number of channels. Where its
convolutions leave several pairs of these possible, the first that fits the shape is taken. `layout` overrides that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from filterscope.attributes import attribute, plain_tensor
from filterscope.data.class_names import short
from filterscope.data.picture_modes import bands, picture_values

Input = tuple[int, int | None]
"""The images that a net takes: their spatial axes, and their channels or None where these are not known."""

LAYOUTS = ("CHW", "HWC", "NCHW", "NHWC", "NHW", "NL")

STILL_FRAMES = 16
"""Pictures in the clip that is made of a still image: as many as torchvision's video nets were trained on."""

_AXES = {1: "(L) or (C, L)", 2: "(H, W), (C, H, W) or (H, W, C)", 3: "(D, H, W) or (C, D, H, W)"}
_BATCHES = {1: "(N, C, L)", 2: "(N, C, H, W), (N, H, W, C) or (N, H, W)", 3: "(N, C, D, H, W)"}


def check_layout(layout: Any) -> str | None:
    """The layout that the user gave, one of `LAYOUTS` or None.

    Raises:
        ValueError: If it is neither.
    """
    if layout is None or (isinstance(layout, str) and layout in LAYOUTS):
        return layout
    raise ValueError(
        f"layout is {layout!r}; choose 'CHW', 'HWC', 'NCHW', 'NHWC', 'NHW', 'NL' or None (found out from the shape)"
    )


def fitting(inputs: Sequence[Input], data: Any, several: bool = False) -> Input:
    """The first kind of image that fits the data's shape; the first of all kinds where none fits.

    Args:
        inputs: The kinds of images that the net may take, the likeliest first.
        data: An image or an array of images, with a `.shape`; or a PIL image. Anything else fits no kind.
        several: Whether the data may also be many images, with one axis more.
    """
    if isinstance(data, Image.Image):
        count = bands(data)
        shape: tuple[int, ...] = (data.height, data.width, count)[: 2 + (count > 1)]
    else:
        shape = shape_of(data)
    return next(
        (candidate for candidate in inputs if fits(shape, *candidate) or (several and _fits_many(shape, *candidate))),
        inputs[0],
    )


def shape_of(data: Any) -> tuple[int, ...]:
    """Shape of an array of any library; empty for anything that has none."""
    if isinstance(data, torch.Tensor | np.ndarray):
        return tuple(data.shape)
    shape = attribute(data, "shape")
    return tuple(shape) if isinstance(shape, tuple | list) else ()


def image_axes(inputs: Sequence[Input]) -> str:
    """The axes of an image, as a sentence has them: of the likeliest kind that the net may take."""
    return _AXES[inputs[0][0]]


def fits(shape: tuple[int, ...], rank: int, channels: int | None) -> bool:
    """Whether one image that the net may take can have that shape; False where its channels are not known."""
    axes = len(shape)
    if rank == 3 and channels is not None and channels > 1 and axes == 3:
        return channels in (shape[0], shape[-1])  # a still image for a net of clips
    return (axes == rank and channels == 1) or (axes == rank + 1 and channels in (shape[0], shape[-1]))


def _fits_many(shape: tuple[int, ...], rank: int, channels: int | None) -> bool:
    return len(shape) > 1 and fits(shape[1:], rank, channels)


def array_layout(array: Any, rank: int, channels: int | None, layout: str | None) -> tuple[bool, str | None]:
    """Whether an array or tensor is one image, and the layout of its images.

    Args:
        array: An array of any library, with a `.shape`.
        rank: Spatial axes of an image.
        channels: The net's input channels, None where they are not known.
        layout: The user's `layout=`.

    Returns:
        Whether it is one image, and `"CHW"`, `"HWC"` or None.

    Raises:
        ValueError: If its number of axes fits neither one image nor several, or does not fit the layout.
    """
    shape = tuple(array.shape)
    axes = len(shape)
    if rank == 1 and axes == 4:
        rank, channels = 2, None  # images, which the net itself turns into signals
    if not rank <= axes <= rank + 2:
        raise ValueError(
            f"the data set is an array of shape {shape}; expected {_BATCHES[rank]}, or one image {_AXES[rank]}"
            f"{clips_hint(axes - 1, rank)}"
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
            several = False  # as many still images as channels: more common than a clip of so few pictures
        is_one_image = (several and channels in ends) or (rank == 2 and shape[-1] == 1 < shape[-2])
        first = is_one_image and several and shape[0] == channels
        return is_one_image, layout if layout else ("CHW" if first or not is_one_image else "HWC")
    if layout is None:
        last = _channels_last(shape[1:], channels, isinstance(array, np.ndarray) and rank == 2)
    return False, "HWC" if last else "CHW"


def _image_part(layout: str | None) -> str | None:
    part = None if layout is None else layout.removeprefix("N")
    return None if part == "HW" else part


def _channels_last(shape: tuple[int, ...], channels: int | None, as_pictures: bool) -> bool:
    """Whether an image's last axis is its channels.

    Args:
        shape: Shape of the image, with its channels.
        channels: The net's input channels. They decide if exactly one end of the shape has that length.
        as_pictures: Whether a last axis of length 1, 3 or 4 is taken for colours, as is usual in NumPy.
    """
    if channels is not None and (shape[0] == channels) != (shape[-1] == channels):
        return shape[-1] == channels
    return as_pictures and shape[-1] in (1, 3, 4) and shape[0] not in (1, 3, 4)


class NoImageError(ValueError):
    """An object is not an image; the message says what it is and what was expected."""


def clips_hint(axes: int, rank: int) -> str:
    """What to give where an image has one axis more than the net takes, the end of a sentence; else ""."""
    if (axes, rank) != (4, 2):
        return ""
    return "; clips, for a net that takes them, are shown with forward=lambda net, clip: net(clip)"


def image_values(image: Any) -> tuple[np.ndarray, str]:
    """The values of a tensor or array in their own dtype, and its kind: `"tensor"` or `"array"`.

    Raises:
        NoImageError: If it is neither.
    """
    if isinstance(image, torch.Tensor):
        values = plain_tensor(image).detach()
        values = (values.to_dense() if values.layout != torch.strided else values).cpu()
        return (values.float() if values.is_floating_point() else values).numpy(), "tensor"
    if isinstance(image, np.ndarray):
        return np.asarray(image), "array"
    if isinstance(image, tuple | list | dict) and len(image) > 1:
        parts = list(image.values() if isinstance(image, dict) else image)
        if all(isinstance(part, torch.Tensor | np.ndarray | Image.Image) for part in parts):
            key, call = (next(iter(image)), "images") if isinstance(image, dict) else (0, "*images")
            raise NoImageError(
                f"it is {len(image)} images, and the net is given one; forward=lambda net, images: net({call}) gives "
                f"it all of them, transform=lambda images: images[{key!r}] the first alone"
            )
    raise NoImageError(f"it is {short(image)}, not an image; expected a tensor, an array or a PIL image")


def as_image(image: Any, layout: str | None, rank: int, channels: int | None = None) -> tuple[np.ndarray, str]:
    """An image as float32 `(C, H, W)`, or `(C, *size)` of its rank; uint8 becomes [0, 1], as in `ToTensor`.

    Args:
        image: A tensor, an array or a PIL image.
        layout: The image's layout, where it is known.
        rank: Number of spatial axes.
        channels: The net's input channels, where they are known.

    Returns:
        The image, and sentences on what was done to it.

    Raises:
        NoImageError: If it is not an image.
    """
    sentences = []
    try:
        if isinstance(image, Image.Image):
            (values, sentence), kind, layout = picture_values(image, channels), "PIL image", "HWC"
            sentences += [sentence] if sentence else []
        else:
            values, kind = image_values(image)
    except NoImageError:
        raise
    except (RuntimeError, NotImplementedError, TypeError) as error:
        raise NoImageError(f"its values cannot be read: {error}") from error
    except (OSError, ValueError) as error:  # of a PIL image, whose file is read when its values are asked for
        raise NoImageError(str(error)) from error
    if rank == 1 and values.ndim == 3:
        rank, channels = 2, None
    if rank == 3 and channels is not None and channels > 1:
        values, sentence = _as_clip(values, channels, layout)
        if sentence:
            sentences.append(sentence)
            layout = "CHW"
    if kind == "PIL image" and rank == 3 and values.ndim == 3:  # its channels are no depth
        raise NoImageError(f"it is a PIL image of {values.shape[2]} channels; expected an image {_AXES[rank]}")
    if values.ndim == rank:
        values = values[None]
    elif values.ndim != rank + 1:
        hint = clips_hint(values.ndim, rank)
        raise NoImageError(f"it has shape {values.shape}; expected an image {_AXES[rank]}{hint}")
    elif kind == "PIL image" and rank == 2:
        values = np.moveaxis(values, -1, 0)
    elif (_image_part(layout) or _guess(values.shape, channels, kind == "array" and rank == 2)) == "HWC":
        values = np.moveaxis(values, -1, 0)
        sentences.append("Its last axis is taken as the channels.")
    if values.size == 0:
        raise NoImageError(f"it has shape {values.shape}: no pixels")
    if values.dtype == np.uint8:
        sentences.append(f"{'PIL image' if kind == 'PIL image' else 'uint8'}: 0 … 255 given to the net as 0 … 1.")
        return np.ascontiguousarray(values, np.float32) / np.float32(255), " ".join(
            sentences
        )  # bit for bit as ToTensor
    if values.dtype == np.bool_ or np.issubdtype(values.dtype, np.floating):
        return np.array(values, np.float32, order="C"), " ".join(sentences)
    raise NoImageError(f"its values are {values.dtype}; expected floats, or uint8 (taken as 0 … 255 → [0, 1])")


def _as_clip(values: np.ndarray, channels: int, layout: str | None) -> tuple[np.ndarray, str]:
    """A clip `(C, D, H, W)` made of a still image, or of a clip whose pictures come first, and a sentence on it.

    Any other array is returned itself, with an empty sentence.
    """
    if values.ndim == 3 and channels in (values.shape[0], values.shape[-1]):
        last = values.shape[0] != channels or (values.shape[-1] == channels and _image_part(layout) == "HWC")
        still = np.moveaxis(values, -1, 0) if last else values
        clip = np.repeat(still[:, None], STILL_FRAMES, axis=1)
        return clip, f"A still image, given to the net as a clip of {STILL_FRAMES} equal frames."
    if values.ndim == 4 and values.shape[0] != channels and channels in (values.shape[1], values.shape[-1]):
        channel_axis = 1 if values.shape[1] == channels else 3
        return np.moveaxis(values, channel_axis, 0), "Its first axis is taken as the frames."
    return values, ""


def _guess(shape: tuple[int, ...], channels: int | None, as_pictures: bool) -> str:
    return "HWC" if _channels_last(shape, channels, as_pictures) else "CHW"


def as_picture(image: Any, layout: str | None, channels: int | None) -> Image.Image | None:
    """A PIL image made of a uint8 array or tensor, as torchvision's transforms expect; None for anything else.

    Args:
        image: The image in the data set.
        layout: Its layout, where it is known.
        channels: The net's input channels, None where they are not known.
    """
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

"""A picture that somebody tries in place of a sample: through the data's own transforms to what the net is given."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

from filterscope.attributes import attribute
from filterscope.data.axes import as_image
from filterscope.data.normalize import Finding
from filterscope.data.sample import Sample
from filterscope.errors import SampleError, describe_exception, foreign_code, kind_of

_LUMA = np.array([0.299, 0.587, 0.114])
_MOST_PIXELS = 2**26
_DEEPEST = 8


def own_transform(data: Any) -> Callable[[Any], Any] | None:
    """The transform of one image that a data set has, or the data set that it is a part of; None where it has none."""
    for _ in range(_DEEPEST):
        if data is None or isinstance(data, np.ndarray | torch.Tensor | list | tuple | dict | str):
            return None
        transform = attribute(data, "transform")
        if callable(transform):
            found: Callable[[Any], Any] = transform
            return found
        data = attribute(data, "dataset")
    return None


def trial_sample(picture: Any, like: Sample, transform: Callable[[Any], Any] | None) -> Sample:
    """A sample of a picture, with the index of the one in whose place it is tried.

    Floats are what the net is given, as the data set gives it. A picture of bytes, a PIL image or the path of a file
    goes through the data's transform; where there is none it is scaled to the size and channels of that sample's image,
    0 … 255 becomes 0 … 1, and its Normalize is applied.

    Args:
        picture: A float array or tensor of the image's shape `(C, H, W)`, or `(H, W)` of one channel; or a picture:
            uint8 `(H, W)` or `(H, W, 3 or 4)`, a PIL image, a path.
        like: The sample in whose place it is tried.
        transform: The data's own transform of one picture; None where it has none.

    Raises:
        SampleError: If it is no picture, has values that are not finite or another shape, or the transform refuses it.
    """
    if like.inputs is not None:
        raise SampleError(like.index, "it has several inputs, of which one cannot be tried alone")
    if isinstance(picture, str | os.PathLike):
        try:
            with Image.open(picture) as opened:
                picture = opened.convert("RGB")
        except (OSError, ValueError) as error:
            raise SampleError(like.index, f"{os.fspath(picture)!r} cannot be opened as a picture ({error})") from error
    array = picture.detach().cpu().numpy() if isinstance(picture, torch.Tensor) else picture
    if isinstance(array, Image.Image):
        array = np.asarray(array.convert("RGB") if array.mode not in ("L", "RGB") else array)
    try:
        array = np.asarray(array)
    except ValueError:
        array = np.asarray(None)
    if array.dtype.kind not in "fiub" or not array.size or array.size > _MOST_PIXELS:
        said = repr(picture)[:60] if isinstance(picture, str) else kind_of(picture)
        raise SampleError(like.index, f"{said} is no picture; give an array of floats or uint8, a PIL image or a path")
    shape = like.image.shape
    if array.dtype.kind == "f":
        if array.shape == shape[1:] and shape[0] == 1:
            array = array[None]
        if array.shape != shape:
            raise SampleError(
                like.index,
                f"floats of shape {array.shape} are tried, and the net is given {shape}; a picture of another size is "
                "given as uint8 (H, W) or (H, W, 3)",
            )
        return _sample(np.array(array, np.float32), like, "Given to the net as it is.")
    if array.min() < 0 or array.max() > 255:
        raise SampleError(like.index, f"the picture has values {array.min()} … {array.max()}; give 0 … 255, or floats")
    levels = array.astype(np.uint8) if array.dtype.kind != "b" else array.astype(np.uint8) * 255
    if levels.ndim not in (2, 3) or (levels.ndim == 3 and levels.shape[2] not in (1, 3, 4)):
        raise SampleError(like.index, f"a picture of shape {levels.shape} is tried; give (H, W) or (H, W, 3)")
    if len(shape) != 3:
        raise SampleError(like.index, "pictures are tried on nets of images alone; give floats of the sample's shape")
    if transform is None:
        return _scaled(levels, like)
    opened = Image.fromarray(levels[..., :3].squeeze() if levels.ndim == 3 else levels)
    try:
        with foreign_code():
            made = transform(opened.convert("L" if shape[0] == 1 else "RGB"))
        image, _ = as_image(made, None, 2, shape[0])
    except Exception as error:
        raise SampleError(
            like.index, f"the data's transform refused the picture: {describe_exception(error)}"
        ) from error
    return _sample(image, like, "A picture that went through the data's own transform.")


def _scaled(levels: np.ndarray, like: Sample) -> Sample:
    channels, height, width = like.image.shape
    values: np.ndarray = levels.astype(np.float32)
    note = ""
    if values.shape[:2] != (height, width):
        smaller = values.shape[0] > height or values.shape[1] > width
        values = cv2.resize(values, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
        note = f" Scaled from {levels.shape[0]}×{levels.shape[1]}."
    if values.ndim == 3 and values.shape[2] != channels:
        values = values[..., 0] if values.shape[2] == 1 else (values[..., :3] * _LUMA).sum(-1)
    planes = np.moveaxis(values, -1, 0) if values.ndim == 3 else np.repeat(values[None], channels, 0)
    image = _normalized((planes / 255).astype(np.float32), like.finding, like.high)
    return _sample(image, like, f"A picture, 0 … 255 as 0 … 1.{note}")


def _normalized(zero_to_one: np.ndarray, finding: Finding, white: float) -> np.ndarray:
    normalize = finding.normalize
    if normalize is None or not normalize.fits(zero_to_one):
        return zero_to_one
    across = (-1, 1, 1)
    values: np.ndarray = (
        zero_to_one * (normalize.white or white) - normalize.mean.reshape(across)
    ) / normalize.std.reshape(across)
    return values.astype(np.float32)


def painted_sample(pixels: np.ndarray, like: Sample, plane: int | None) -> Sample:
    """A sample whose picture was changed by hand: where a pixel is another than it was, its value is the new one's.

    Args:
        pixels: uint8 `(h, w)` or `(h, w, 3)`: the picture as a page has it, of a large one the means of blocks.
        like: The sample that was changed.
        plane: Which channel was drawn, where they cannot be drawn together.

    Raises:
        SampleError: If the picture has another shape.
    """
    if like.inputs is not None or like.image.ndim != 3:
        raise SampleError(like.index, "only plain images can be painted on")
    drawn = like.drawn(plane)
    before = drawn.pixels
    block = -(-before.shape[0] // max(1, pixels.shape[0]))
    grown = pixels.repeat(block, 0).repeat(block, 1)[: before.shape[0], : before.shape[1]]
    if grown.shape != before.shape:
        raise SampleError(like.index, f"a picture of shape {pixels.shape} was painted, and its own has {before.shape}")
    levels = np.floor(before * 255 + 0.5)
    if block > 1:
        rows, columns = (np.arange(0, side, block) for side in before.shape[:2])
        means = np.add.reduceat(np.add.reduceat(before, rows, 0), columns, 1)
        sizes = np.multiply.outer(np.diff([*rows, before.shape[0]]), np.diff([*columns, before.shape[1]]))
        means = means / (sizes[..., None] if before.ndim == 3 else sizes)
        levels = np.floor(means * 255 + 0.5).repeat(block, 0).repeat(block, 1)[: before.shape[0], : before.shape[1]]
        changed = np.abs(levels - grown) > 1  # the page's means are rounded once more
    else:
        changed = levels != grown
    image = like.image.copy()
    values = drawn.low + (drawn.high - drawn.low) * grown.astype(np.float64) / 255
    channels = [drawn.plane] if drawn.plane is not None else range(min(len(image), 3))
    normalize = like.finding.normalize if "Normalize undone" in drawn.note else None
    for channel in channels:
        new = values if values.ndim == 2 else values[..., channel]
        where = changed if changed.ndim == 2 else changed[..., channel]
        if normalize is not None:
            mean, std = (float(each[channel if len(each) > 1 else 0]) for each in (normalize.mean, normalize.std))
            new = (new - mean) / std
        image[channel][where] = new[where]
    return _sample(image, like, f"{int(changed.any(-1).sum() if changed.ndim == 3 else changed.sum())} pixels changed.")


def _sample(image: np.ndarray, like: Sample, said: str) -> Sample:
    if not np.isfinite(image).all():
        wrong = image.size - int(np.isfinite(image).sum())
        raise SampleError(
            like.index, f"{wrong} of {image.size} values of the trial are NaN or infinite; give finite ones"
        )
    words = f"A trial in place of the data set's image {like.index}. {said}"
    return Sample(like.index, np.ascontiguousarray(image, np.float32), None, words, like.finding, trial=True)

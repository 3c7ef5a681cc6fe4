"""One frame: all that a page paints for a selection, as plain arrays, ranges and words.

Small layers go to the page in full precision, so that the filter slider needs no further message; larger ones as one
byte a value, and what would still be too much as means of square blocks. The selected filter is always sent in full.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from filterscope.engine import Engine
from filterscope.image_part import drawn_plane, image_part
from filterscope.response import matches_image, shown_channels
from filterscope.selection import Scale, Selection
from filterscope.value_range import ValueRange, encode, value_range

FULL_PRECISION_BYTES = 256 * 2**10
MOST_CODES = 2**20
_ROUNDING = 1e-3  # of a map's largest value: far above float32's rounding, far below what a wrong picture would differ


def build_frame(engine: Engine, selection: Selection) -> dict[str, Any]:
    """Everything a page paints for a selection; arrays stand where the wire puts them.

    Raises:
        SampleError: If the sample cannot be read.
        NetError: If the net refuses it.
    """
    engine.check()
    revision = engine.revision
    layer = engine.layers[selection.layer]
    sample = engine.sample(selection.image)
    channels = shown_channels(sample.image, layer, selection.channel, selection.source)
    whole, bias = engine.held_weights(selection.layer)
    kernels = whole[:, channels]
    responses = engine.responses(selection.image, selection.layer, selection.channel, selection.source)
    activations = engine.activations(selection.image, selection.layer)
    agreement = _agreement(engine, selection, responses, bias)
    if not np.array_equal(whole, engine.held_weights(selection.layer)[0], equal_nan=True):
        agreement = None  # another thread trains the net: kernels and maps are of two moments
    depth = layer.out_shape[1] if layer.rank == 3 else 1
    kernels, kernel_slice = _planes(kernels, 2, selection.kernel_slice, layer.kernel_size[0])
    responses, slice_note = _planes(responses, 1, selection.slice, depth)
    activations, activation_slice = _planes(activations, 1, selection.slice, depth)
    return {
        "revision": revision,
        **asdict(selection),
        "images": len(engine.source),
        "sample": {
            **image_part(sample, drawn_plane(sample, layer, selection), engine.source.note),
            "prediction": _best(engine.prediction(selection.image)),
        },
        "kernels": _kernel_picture(kernels, selection.scale),
        "responses": _picture(responses, selection.scale),
        "activations": _picture(activations, selection.scale),
        "detail": {
            "kernel": kernels[selection.filter],
            "response": responses[selection.filter],
            "activation": activations[selection.filter],
        },
        "agreement": agreement,
        "notes": {
            "kernel": _kernel_note(channels, layer.channels) + kernel_slice,
            "response": _response_note(engine, selection, channels) + slice_note,
            "activation": layer.activation.name
            + activation_slice
            + (f"; the first of {layer.items} that the net made of the image" if layer.items > 1 else ""),
        },
    }


def _planes(maps: np.ndarray, leading: int, chosen: int | None, of: int) -> tuple[np.ndarray, str]:
    """Maps as planes `(…, H, W)` behind so many leading axes: a signal as one row, of a volume one slice.

    Args:
        maps: Maps or kernels of any rank.
        leading: How many axes come before the map's own.
        chosen: The slice, `0 … of − 1`; None for the middle one. Of a volume with another depth (what a pool after the
            convolution leaves, or filter2D over the image) it is the slice at the same height.
        of: The depth in which `chosen` counts.

    Returns:
        The planes, and for the note below them which slice they are.
    """
    rank = maps.ndim - leading
    if rank == 1:
        return maps[..., None, :], ""
    if rank == 3:
        depth = maps.shape[leading]
        k = depth // 2 if chosen is None else (2 * chosen + 1) * depth // (2 * of)
        return np.ascontiguousarray(maps.take(k, axis=leading)), f"; slice {k} of {depth}"
    return maps, ""


def _agreement(
    engine: Engine, selection: Selection, responses: np.ndarray, bias: np.ndarray | None
) -> dict[str, Any] | None:
    """The proof that the pictures are what the net computes, for each filter of the layer.

    Its bias, and the largest difference between the response plus that bias and the pre-activation; the share of the
    values that is rounding in the dtype in which the net computes; None where the response is of one channel alone or
    of the image.
    """
    if selection.source != "input" or selection.channel is not None:
        return None
    summed = responses if bias is None else responses + bias.reshape((-1,) + (1,) * (responses.ndim - 1))
    gap = summed - engine.pre_activations(selection.image, selection.layer)
    difference = np.abs(gap).reshape(len(summed), -1).max(axis=1)
    computed_in = engine.maps(selection.image, selection.layer).pre_activation.dtype
    return {
        "bias": np.zeros_like(difference) if bias is None else bias,
        "difference": difference,
        "rounding": max(_ROUNDING, 4 * torch.finfo(computed_in).eps),
        "dtype": str(computed_in).removeprefix("torch."),
    }


def outline(engine: Engine, version: str) -> dict[str, Any]:
    """What does not change with the selection: the layers, and how many images there are."""
    return {
        "version": version,
        "revision": engine.revision,
        "images": len(engine.source),
        "input": list(engine.sample(engine.first_image).image.shape),
        "layers": [
            {
                "name": layer.name,
                "call": layer.call,
                "title": layer.title,
                "filters": layer.out_channels,
                "channels": layer.channels,
                "kernel": list(layer.kernel_size),
                "out_shape": list(layer.out_shape),
                "activation_name": layer.activation.name,
            }
            for layer in engine.layers
        ],
    }


def _best(prediction: list[tuple[str | int, float]]) -> list[tuple[str | int, float]]:
    """The ten best; none where the net's output is not finite, which no bar can show."""
    return prediction[:10] if all(np.isfinite(probability) for _, probability in prediction) else []


def _ranges(maps: np.ndarray, scale: Scale) -> list[ValueRange]:
    """One range for the whole layer, or one a map; the first axis counts the maps."""
    return [value_range(maps)] if scale == "layer" else [value_range(one) for one in maps]


def _picture(maps: np.ndarray, scale: Scale) -> dict[str, Any]:
    ranges = _ranges(maps, scale)
    reduced = 1
    values = maps
    encoding = "float32"
    if maps.nbytes > FULL_PRECISION_BYTES:
        encoding = "codes"
        while values.size > MOST_CODES:
            reduced += 1
            values = _block_means(maps, reduced)
        values = _encode_all(values, ranges)
    return {
        "tensor": values,
        "encoding": encoding,
        "reduced": reduced,
        "ranges": [asdict(shown) for shown in ranges],
    }


def _kernel_picture(kernels: np.ndarray, scale: Scale) -> dict[str, Any]:
    """All kernels of each filter; where that is too much, their root mean square over the channels."""
    if kernels.size > MOST_CODES:
        kernels = np.sqrt(np.mean(np.square(kernels), axis=1, keepdims=True))
    return _picture(kernels, scale)


def _encode_all(maps: np.ndarray, ranges: list[ValueRange]) -> np.ndarray:
    if len(ranges) == 1:
        return encode(maps, ranges[0])
    return np.stack([encode(one, shown) for one, shown in zip(maps, ranges, strict=True)])


def _block_means(maps: np.ndarray, block: int) -> np.ndarray:
    """Means of `block × block` pixels of maps `(F, …, H, W)`; what does not fill a block at the end is its own mean."""
    rows = np.arange(0, maps.shape[-2], block)
    columns = np.arange(0, maps.shape[-1], block)
    sums = np.add.reduceat(np.add.reduceat(maps, rows, axis=-2), columns, axis=-1)
    heights = np.diff(np.append(rows, maps.shape[-2]))
    widths = np.diff(np.append(columns, maps.shape[-1]))
    return sums / (heights[:, None] * widths).astype(np.float32)


def _kernel_note(channels: list[int], of: int) -> str:
    return f"kernel {channels[0]} of {of}" if len(channels) == 1 else f"all {of} kernels"


def _response_note(engine: Engine, selection: Selection, channels: list[int]) -> str:
    layer = engine.layers[selection.layer]
    several = len(channels) > 1
    if selection.source == "input":
        where = "the layer's own input, summed over its channels" if several else "its channel of the layer's own input"
        where += "; without the bias"
    else:
        image = engine.sample(selection.image).image
        if image.shape[0] == 1:
            where = "the image itself"
        elif matches_image(image, layer):
            where = "the image, summed over its channels" if several else "its channel of the image"
        else:
            where = "the image's luma" if image.shape[0] == 3 else "the mean of the image's channels"
    return f"cv2.filter2D of {_kernel_note(channels, layer.channels)} over {where}"

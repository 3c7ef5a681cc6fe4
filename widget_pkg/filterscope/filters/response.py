"""From a layer's input, or the image, to a filter's response over it; next: `filters.value_range`.

The response is `cv2.filter2D` of the filter's kernels over its source: the image or the layer's own input.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any, Literal

import cv2
import numpy as np
import torch
from torch.nn import functional as F

from filterscope.filters.rounding import LARGEST_DIRECT
from filterscope.nets.layers import ConvLayer
from filterscope.nets.modes import plain_modes

Source = Literal["image", "input"]
SOURCES: tuple[Source, Source] = ("image", "input")

# What np.pad calls torch's padding modes.
_PAD_MODES: dict[str, Literal["constant", "reflect", "edge", "wrap"]] = {
    "zeros": "constant",
    "reflect": "reflect",
    "replicate": "edge",
    "circular": "wrap",
}
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
# Limits for a whole layer, about 10 ms each. Above them torch computes it: ResNet-18's conv1 in 3 ms instead of 30.
_MOST_FILTER2D_CALLS = 2_048
_MOST_FILTER2D_PIXELS = 2_048 * 28 * 28


def matches_image(image: np.ndarray, layer: ConvLayer) -> bool:
    """Whether a filter has as many kernels as the image `(C, *size)` has channels: one kernel for each channel."""
    return layer.channels == len(image)


def shown_channels(image: np.ndarray, layer: ConvLayer, channel: int | None, source: Source) -> list[int]:
    """The channels of the filter whose kernels' responses are summed.

    Args:
        image: The image, float32 `(C, H, W)`.
        layer: The layer.
        channel: One channel; None for all, or for channel 0 where `source` is `"image"` and the image's channels do not
            match the filter's.
        source: `"image"` or `"input"`.
    """
    if channel is not None:
        return [channel]
    if source == "image" and not matches_image(image, layer):
        return [0]
    return list(range(layer.channels))


def shown_plane(image: np.ndarray, layer: ConvLayer, channel: int | None) -> int:
    """The image's channel to draw where they cannot be drawn together: the chosen kernel's, else 0."""
    return channel if channel is not None and matches_image(image, layer) else 0


def gray(image: np.ndarray) -> np.ndarray:
    """One plane `(*size)` of an image `(C, *size)`, float32: its only channel, the luma of three, else the mean.

    The luma is 0.299 R + 0.587 G + 0.114 B, ITU-R BT.601.
    """
    if image.shape[0] == 1:
        return np.ascontiguousarray(image[0])
    if image.shape[0] == 3:
        # No `np.tensordot`, which for a large image is a product in OpenBLAS's threads, see `verdicts.matrices`.
        red, green, blue = (weight * plane for weight, plane in zip(_LUMA, image, strict=True))
        luma: np.ndarray = red + green + blue
        return luma
    mean: np.ndarray = image.mean(axis=0, dtype=np.float32)
    return mean


def response_over_image(image: np.ndarray, kernels: np.ndarray, layer: ConvLayer, channel: int | None) -> np.ndarray:
    """A filter's response over the image: `cv2.filter2D(img2d, -1, kernel[c])`, bit for bit as in the classic notebook.

    Args:
        image: float32 `(C, H, W)`.
        kernels: One filter's kernels, float32 `(C_in/groups, kH, kW)`.
        layer: The layer they belong to.
        channel: One kernel; None for the sum over all kernels, or for kernel 0 where the filter does not have as many
            kernels as the image has channels.

    Returns:
        float32 `(H, W)`: with OpenCV's default border (reflect 101) and stride 1, without the bias. For a 1-D layer the
        signal is one row; for a 3-D layer the slices' responses are summed, with that border along the depth, too.
    """
    plane = None if matches_image(image, layer) else gray(image)
    return _sum(
        _filter_all(image[c] if plane is None else plane, kernels[c])
        for c in shown_channels(image, layer, channel, "image")
    )


def response_over_input(
    layer_input: np.ndarray, kernels: np.ndarray, layer: ConvLayer, filter_index: int, channel: int | None
) -> np.ndarray:
    """A filter's response over the layer's own input, with the layer's padding, stride, dilation and groups.

    The sum over all channels, plus the bias, is the layer's pre-activation up to float32 rounding. A transposed
    convolution is computed as `cv2.filter2D` with the reversed kernel over its input with zeros between the pixels.

    Args:
        layer_input: float32 `(C_in, H, W)`.
        kernels: One filter's kernels, float32 `(C_in/groups, kH, kW)`.
        layer: The layer they belong to.
        filter_index: Index of the filter, which determines its group.
        channel: One kernel; None for the sum over all.

    Returns:
        float32 `(H', W')`, the size of the layer's output, without the bias; with 1 or 3 spatial axes where the layer
        has these.
    """
    first = filter_index // (layer.out_channels // layer.groups) * layer.channels
    channels = range(layer.channels) if channel is None else [channel]
    return _sum(_filter_valid(_prepare(layer_input[first + c], layer), kernels[c], layer) for c in channels)


def _sum(parts: Iterable[np.ndarray]) -> np.ndarray:
    """The sum of arrays, added one after the other in float32; a single array is returned itself."""
    return reduce(np.add, parts)


def _slices(array: np.ndarray) -> np.ndarray:
    """An array of 1, 2 or 3 axes as a stack of planes `(D, H, W)`."""
    return array.reshape((1,) * (3 - array.ndim) + array.shape)


def _filter_all(plane: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """filter2D at every position, with its default border, also along a third axis."""
    planes, taps = _slices(plane), np.ascontiguousarray(_slices(kernel))
    if len(taps) == 1 and len(planes) == 1:  # no third axis: no copies, which in a large image take as long as filter2D
        return cv2.filter2D(np.ascontiguousarray(planes[0]), -1, taps[0]).reshape(plane.shape)
    before = len(taps) // 2
    planes = np.pad(planes, ((before, len(taps) - 1 - before), (0, 0), (0, 0)), mode="reflect")
    filtered = [
        _sum(cv2.filter2D(np.ascontiguousarray(planes[depth + tap]), -1, taps[tap]) for tap in range(len(taps)))
        for depth in range(len(planes) - len(taps) + 1)
    ]
    return np.stack(filtered).reshape(plane.shape)


def _prepare(plane: np.ndarray, layer: ConvLayer) -> np.ndarray:
    """A channel of the layer's input with its padding; for a transposed layer also with zeros between the pixels."""
    if not layer.transposed:
        return np.pad(plane, layer.pads, mode=_PAD_MODES[layer.padding_mode])
    spread = np.zeros([s * (n - 1) + 1 for s, n in zip(layer.stride, plane.shape, strict=True)], plane.dtype)
    spread[tuple(slice(None, None, s) for s in layer.stride)] = plane
    reach = [d * (k - 1) for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
    around = [(r - p, r - p + more) for r, (p, _), more in zip(reach, layer.pads, layer.output_padding, strict=True)]
    padded = np.pad(spread, [(max(a, 0), max(b, 0)) for a, b in around])
    # A padding wider than the kernel's reach crops the transposed convolution's output.
    return padded[tuple(slice(max(-a, 0), n - max(-b, 0)) for (a, b), n in zip(around, padded.shape, strict=True))]


def _filter_valid(padded: np.ndarray, kernel: np.ndarray, layer: ConvLayer) -> np.ndarray:
    """filter2D at the positions where the whole kernel fits, at the layer's stride, also along a third axis."""
    rank = kernel.ndim
    if layer.transposed:
        kernel = np.flip(kernel)
    step = (1,) * 3 if layer.transposed else (1,) * (3 - rank) + layer.stride
    spacing = (1,) * (3 - rank) + layer.dilation
    planes = np.ascontiguousarray(_slices(padded))
    taps = [_dilate(plane, spacing[1:]) for plane in _slices(kernel)]
    filtered = [
        _sum(_filter_plane(planes[depth + tap * spacing[0]], taps[tap], step[1:]) for tap in range(len(taps)))
        for depth in range(0, len(planes) - spacing[0] * (len(taps) - 1), step[0])
    ]
    return np.stack(filtered).reshape((len(filtered), *filtered[0].shape)[3 - rank :])


def _filter_plane(plane: np.ndarray, kernel: np.ndarray, step: tuple[int, ...]) -> np.ndarray:
    height, width = kernel.shape
    if height * width > LARGEST_DIRECT and not np.isfinite(plane).all():
        # For large kernels filter2D uses a Fourier transform, which spreads one NaN over the whole plane.
        tensors = torch.from_numpy(plane)[None, None], torch.from_numpy(kernel)[None, None]
        with plain_modes():
            return F.conv2d(*tensors, stride=(step[0], step[1]))[0, 0].numpy()
    # filter2D puts its anchor at k // 2, so the result of the kernel's first full position stands there.
    whole = cv2.filter2D(plane, -1, kernel)
    top, left = height // 2, width // 2
    valid = whole[top : top + plane.shape[0] - height + 1, left : left + plane.shape[1] - width + 1]
    return np.ascontiguousarray(valid[:: step[0], :: step[1]])


def _dilate(kernel: np.ndarray, dilation: tuple[int, ...]) -> np.ndarray:
    """The kernel with zeros between its taps: `d·(k − 1) + 1` cells along each axis."""
    if set(dilation) == {1}:
        return np.ascontiguousarray(kernel)
    size = [d * (k - 1) + 1 for d, k in zip(dilation, kernel.shape, strict=True)]
    spread = np.zeros(size, kernel.dtype)
    spread[:: dilation[0], :: dilation[1]] = kernel
    return spread


def layer_responses(
    image: np.ndarray,
    layer_input: np.ndarray,
    kernels: np.ndarray,
    layer: ConvLayer,
    channel: int | None,
    source: Source,
    filters: Sequence[int] | None = None,
) -> np.ndarray:
    """The responses of every filter of a layer, or of some that follow one another.

    Each is that of `response_over_image` or `response_over_input`. Where a layer would take more than 2,048 calls of
    filter2D (fewer over maps larger than 28×28), one convolution in torch computes it, equal up to float32 rounding.

    Args:
        image: float32 `(C, H, W)`.
        layer_input: float32 `(C_in, H, W)`.
        kernels: The layer's kernels, float32 `(F, C_in/groups, kH, kW)`.
        layer: The layer.
        channel: One kernel of each filter; None for the sum over all.
        source: `"image"` or `"input"`.
        filters: Indices that follow one another; None for all filters.

    Returns:
        float32 `(n, H', W')`.
    """
    filters = range(layer.out_channels) if filters is None else filters
    channels = len(shown_channels(image, layer, channel, source))
    depth = layer.kernel_size[0] * layer.out_shape[1] if layer.rank == 3 else 1
    calls = layer.out_channels * channels * depth
    over = image if source == "image" else layer_input
    if calls <= _MOST_FILTER2D_CALLS and calls * int(np.prod(over.shape[-2:])) <= _MOST_FILTER2D_PIXELS:
        if source == "image":
            return np.stack([response_over_image(image, kernels[f], layer, channel) for f in filters])
        return np.stack([response_over_input(layer_input, kernels[f], layer, f, channel) for f in filters])
    if source == "image":
        return _convolve_image(image, kernels[list(filters)], layer, channel)
    return _convolve(layer_input, kernels, layer, channel, filters)


def _convolve_image(image: np.ndarray, kernels: np.ndarray, layer: ConvLayer, channel: int | None) -> np.ndarray:
    """The responses of filters over the image by one convolution in torch, with filter2D's border and anchor."""
    channels = shown_channels(image, layer, channel, "image")
    planes = image[channels] if matches_image(image, layer) else gray(image)[None]
    around = [(k // 2, k - 1 - k // 2) for k in layer.kernel_size]
    padded = np.pad(planes, [(0, 0), *around], mode="reflect")
    return _torch_convolution(padded, kernels[:, channels])


def _convolve(
    layer_input: np.ndarray,
    kernels: np.ndarray,
    layer: ConvLayer,
    channel: int | None,
    filters: Sequence[int] | None = None,
) -> np.ndarray:
    """The responses of filters that follow one another, or of all, over the layer's input by one convolution."""
    filters = range(layer.out_channels) if filters is None else filters
    a_group = layer.out_channels // layer.groups
    groups = range(filters[0] // a_group, filters[-1] // a_group + 1)  # those to which the filters belong
    kernels = kernels[groups[0] * a_group : (groups[-1] + 1) * a_group]
    layer_input = layer_input[groups[0] * layer.channels : (groups[-1] + 1) * layer.channels]
    if len(groups) == 1:
        kernels = kernels[[f - groups[0] * a_group for f in filters]]
    if channel is not None:
        layer_input = layer_input[channel :: layer.channels]  # that channel of each group
        kernels = kernels[:, channel : channel + 1]
    if layer.transposed:
        kernels = np.flip(kernels, axis=tuple(range(2, 2 + layer.rank)))
    # Where torch can pad, no copy of the input is needed: in a large image that is half of the time.
    plain = not layer.transposed and layer.padding_mode == "zeros" and all(a == b for a, b in layer.pads)
    responses = _torch_convolution(
        layer_input if plain else np.stack([_prepare(plane, layer) for plane in layer_input]),
        kernels,
        padding=tuple(before for before, _ in layer.pads) if plain else 0,
        stride=(1,) * layer.rank if layer.transposed else layer.stride,
        dilation=layer.dilation,
        groups=len(groups),
    )
    return responses if len(groups) == 1 else responses[[f - groups[0] * a_group for f in filters]]


def _torch_convolution(planes: np.ndarray, kernels: np.ndarray, **geometry: Any) -> np.ndarray:
    """`F.conv1d`, `conv2d` or `conv3d` without a bias: planes `(C, *size)`, kernels `(F, C/groups, *k)`."""
    convolve = (F.conv1d, F.conv2d, F.conv3d)[kernels.ndim - 3]
    tensors = torch.from_numpy(np.ascontiguousarray(planes)), torch.from_numpy(np.ascontiguousarray(kernels))
    with plain_modes():
        responses: np.ndarray = convolve(tensors[0][None], tensors[1], **geometry)[0].numpy()
    return responses

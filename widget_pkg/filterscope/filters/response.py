"""The response: `cv2.filter2D` of a filter's kernels over a source, which is the image or the layer's own input."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any, Literal

import cv2
import numpy as np
import torch
from torch.nn import functional as F

from filterscope.nets.layers import ConvLayer

Source = Literal["image", "input"]
SOURCES: tuple[Source, Source] = ("image", "input")

_PAD_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
_LARGEST_DIRECT = 11 * 11  # numbers of a kernel for which OpenCV's filter2D computes the sum itself
# For a whole layer; about 10 ms each. Beyond either, torch computes it: ResNet-18's conv1 in 3 ms instead of 30.
_MOST_FILTER2D_CALLS = 2_048
_MOST_FILTER2D_PIXELS = 2_048 * 28 * 28


def matches_image(image: np.ndarray, layer: ConvLayer) -> bool:
    """Whether a filter has as many kernels as the image has channels, so that each kernel has its own channel."""
    return bool(layer.channels == image.shape[0])


def shown_channels(image: np.ndarray, layer: ConvLayer, channel: int | None, source: Source) -> list[int]:
    """The input channels whose kernels the response sums.

    All of a filter's for `channel=None`; only kernel 0 where `source="image"` and the image's channels do not match.
    """
    if channel is not None:
        return [channel]
    if source == "image" and not matches_image(image, layer):
        return [0]
    return list(range(layer.channels))


def shown_plane(image: np.ndarray, layer: ConvLayer, channel: int | None) -> int:
    """The image's channel that is drawn where they cannot be drawn together: the one that the kernel looks at."""
    return channel if channel is not None and matches_image(image, layer) else 0


def gray(image: np.ndarray) -> np.ndarray:
    """One plane of an image `(C, *size)`: its only channel, the luma of three, the mean of any other number."""
    if image.shape[0] == 1:
        return np.ascontiguousarray(image[0])
    if image.shape[0] == 3:
        luma: np.ndarray = np.tensordot(_LUMA, image, axes=1).astype(np.float32)
        return luma
    mean: np.ndarray = image.mean(axis=0, dtype=np.float32)
    return mean


def response_over_image(image: np.ndarray, kernels: np.ndarray, layer: ConvLayer, channel: int | None) -> np.ndarray:
    """`cv2.filter2D(img2d, -1, kernel[c])`, bit for bit what the classic notebook computes.

    Args:
        image: float32 `(C, H, W)`.
        kernels: One filter's kernels, float32 `(C_in/groups, kH, kW)`.
        layer: The layer they belong to.
        channel: Which kernel; None for the sum over all, where the filter has as many kernels as the image has
            channels, else for kernel 0.

    Returns:
        float32 `(H, W)`: OpenCV's default border (reflect 101), stride 1, no bias. For a 1-D layer the signal is one
        row; for a 3-D one the slices' responses are summed, with the same border along the depth.
    """
    plane = None if matches_image(image, layer) else gray(image)
    return _sum(
        _filter_all(image[c] if plane is None else plane, kernels[c])
        for c in shown_channels(image, layer, channel, "image")
    )


def response_over_input(
    layer_input: np.ndarray, kernels: np.ndarray, layer: ConvLayer, filter_index: int, channel: int | None
) -> np.ndarray:
    """`cv2.filter2D` over the layer's own input, with its padding, stride, dilation and groups.

    Summed over the channels, plus the bias, it is the layer's pre-activation to float32 rounding. A transposed
    convolution is the same over its input with zeros between the pixels, with the kernel turned about.

    Args:
        layer_input: float32 `(C_in, H, W)`.
        kernels: One filter's kernels, float32 `(C_in/groups, kH, kW)`.
        layer: The layer they belong to.
        filter_index: Which filter, for its group.
        channel: Which kernel; None for the sum over all.

    Returns:
        float32 `(H', W')`, the size of the layer's output; the bias is not in it. With 1 or 3 spatial axes where the
        layer has these.
    """
    first = filter_index // (layer.out_channels // layer.groups) * layer.channels
    channels = range(layer.channels) if channel is None else [channel]
    return _sum(_filter_valid(_prepare(layer_input[first + c], layer), kernels[c], layer) for c in channels)


def _sum(parts: Iterable[np.ndarray]) -> np.ndarray:
    """Added one after the other in float32; a single one stays as it is, to the bit."""
    return reduce(np.add, parts)


def _slices(array: np.ndarray) -> np.ndarray:
    """An array of 1, 2 or 3 axes as a stack of planes `(D, H, W)`."""
    return array.reshape((1,) * (3 - array.ndim) + array.shape)


def _filter_all(plane: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """filter2D everywhere, with its default border; along a third axis the same."""
    planes, taps = _slices(plane), np.ascontiguousarray(_slices(kernel))
    if len(taps) == 1 and len(planes) == 1:  # no third axis: no copies, which in a large image take as long as filter2D
        return cv2.filter2D(np.ascontiguousarray(planes[0]), -1, taps[0]).reshape(plane.shape)
    before = len(taps) // 2
    planes = np.pad(planes, ((before, len(taps) - 1 - before), (0, 0), (0, 0)), mode="reflect")
    found = [
        _sum(cv2.filter2D(np.ascontiguousarray(planes[depth + tap]), -1, taps[tap]) for tap in range(len(taps)))
        for depth in range(len(planes) - len(taps) + 1)
    ]
    return np.stack(found).reshape(plane.shape)


def _prepare(plane: np.ndarray, layer: ConvLayer) -> np.ndarray:
    """A channel of the layer's input, padded; for a transposed layer with zeros between the pixels and around."""
    if not layer.transposed:
        mode: Any = _PAD_MODES[layer.padding_mode]
        padded: np.ndarray = np.pad(plane, layer.pads, mode=mode)
        return padded
    spread = np.zeros([s * (n - 1) + 1 for s, n in zip(layer.stride, plane.shape, strict=True)], plane.dtype)
    spread[tuple(slice(None, None, s) for s in layer.stride)] = plane
    reach = [d * (k - 1) for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
    around = [(r - p, r - p + more) for r, (p, _), more in zip(reach, layer.pads, layer.output_padding, strict=True)]
    padded = np.pad(spread, [(max(a, 0), max(b, 0)) for a, b in around])
    # A padding that reaches beyond the kernel cuts instead.
    return padded[tuple(slice(max(-a, 0), n - max(-b, 0)) for (a, b), n in zip(around, padded.shape, strict=True))]


def _filter_valid(padded: np.ndarray, kernel: np.ndarray, layer: ConvLayer) -> np.ndarray:
    """filter2D where the whole kernel fits, at every stride-th position; taps along a third axis are summed."""
    rank = kernel.ndim
    if layer.transposed:
        kernel = np.flip(kernel)
    step = (1,) * 3 if layer.transposed else (1,) * (3 - rank) + layer.stride
    spacing = (1,) * (3 - rank) + layer.dilation
    planes = np.ascontiguousarray(_slices(padded))
    taps = [_dilate(plane, spacing[1:]) for plane in _slices(kernel)]
    found = [
        _sum(_filter_plane(planes[depth + tap * spacing[0]], taps[tap], step[1:]) for tap in range(len(taps)))
        for depth in range(0, len(planes) - spacing[0] * (len(taps) - 1), step[0])
    ]
    return np.stack(found).reshape((len(found), *found[0].shape)[3 - rank :])


def _filter_plane(plane: np.ndarray, kernel: np.ndarray, step: tuple[int, ...]) -> np.ndarray:
    height, width = kernel.shape
    if height * width > _LARGEST_DIRECT and not np.isfinite(plane).all():
        # filter2D takes a Fourier transform for large kernels, which spreads one NaN over the whole plane.
        where = torch.from_numpy(plane)[None, None], torch.from_numpy(kernel)[None, None]
        return F.conv2d(*where, stride=(step[0], step[1]))[0, 0].numpy()
    # filter2D puts its anchor at k // 2, so the result of the kernel's first full position stands there.
    whole = cv2.filter2D(plane, -1, kernel)
    top, left = height // 2, width // 2
    valid = whole[top : top + plane.shape[0] - height + 1, left : left + plane.shape[1] - width + 1]
    return np.ascontiguousarray(valid[:: step[0], :: step[1]])


def _dilate(kernel: np.ndarray, dilation: tuple[int, ...]) -> np.ndarray:
    """The kernel with zeros between its taps: `d·(k − 1) + 1` cells a side."""
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
    """The responses of every filter of a layer, or of some that follow one another, float32 `(n, H', W')`.

    Each is what `response_over_image` or `response_over_input` gives. What would take more than 2,048 calls of
    filter2D, or as many over larger maps, is computed by one convolution in torch instead, which agrees to float32
    rounding.
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
    """Some filters over the image by one ordinary convolution, with filter2D's border and anchor."""
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
    """Filters that follow one another, or all, by one ordinary convolution over the prepared input."""
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
    # Where torch can pad by itself, that spares a copy of the input: half of the time in a large image.
    plain = not layer.transposed and layer.padding_mode == "zeros" and all(a == b for a, b in layer.pads)
    found = _torch_convolution(
        layer_input if plain else np.stack([_prepare(plane, layer) for plane in layer_input]),
        kernels,
        padding=tuple(before for before, _ in layer.pads) if plain else 0,
        stride=(1,) * layer.rank if layer.transposed else layer.stride,
        dilation=layer.dilation,
        groups=len(groups),
    )
    return found if len(groups) == 1 else found[[f - groups[0] * a_group for f in filters]]


def _torch_convolution(planes: np.ndarray, kernels: np.ndarray, **geometry: Any) -> np.ndarray:
    """`F.conv1d`, `conv2d` or `conv3d` without padding and bias: planes `(C, *size)`, kernels `(F, C/groups, *k)`."""
    convolve = (F.conv1d, F.conv2d, F.conv3d)[kernels.ndim - 3]
    given = torch.from_numpy(np.ascontiguousarray(planes)), torch.from_numpy(np.ascontiguousarray(kernels))
    found: np.ndarray = convolve(given[0][None], given[1], **geometry)[0].numpy()
    return found

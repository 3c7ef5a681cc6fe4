"""The response: `cv2.filter2D` of a filter's kernels over a source, which is the image or the layer's own input."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
import torch
from torch.nn import functional as F

from filterscope.layers import ConvLayer

Source = Literal["image", "input"]
SOURCES: tuple[Source, Source] = ("image", "input")

_PAD_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
_MOST_FILTER2D_CALLS = 2_048  # for a whole layer; about 10 ms at 28×28


def matches_image(image: np.ndarray, layer: ConvLayer) -> bool:
    """Whether a filter has as many kernels as the image has channels, so that each kernel has its own channel."""
    return layer.channels == image.shape[0]


def shown_channels(image: np.ndarray, layer: ConvLayer, channel: int | None, source: Source) -> list[int]:
    """The input channels whose kernels the response sums.

    All of a filter's for `channel=None`; only kernel 0 where `source="image"` and the image's channels do not match.
    """
    if channel is not None:
        return [channel]
    if source == "image" and not matches_image(image, layer):
        return [0]
    return list(range(layer.channels))


def gray(image: np.ndarray) -> np.ndarray:
    """One plane of an image `(C, H, W)`: its only channel, the luma of three, the mean of any other number."""
    if image.shape[0] == 1:
        return np.ascontiguousarray(image[0])
    if image.shape[0] == 3:
        return np.tensordot(_LUMA, image, axes=1).astype(np.float32)
    return image.mean(axis=0, dtype=np.float32)


def response_over_image(image: np.ndarray, kernels: np.ndarray, layer: ConvLayer, channel: int | None) -> np.ndarray:
    """`cv2.filter2D(img2d, -1, kernel[c])`, bit for bit what the classic notebook computes.

    Args:
        image: float32 `(C, H, W)`.
        kernels: One filter's kernels, float32 `(C_in/groups, kH, kW)`.
        layer: The layer they belong to.
        channel: Which kernel; None for the sum over all, where the filter has as many kernels as the image has
            channels, else for kernel 0.

    Returns:
        float32 `(H, W)`: OpenCV's default border (reflect 101), stride 1, no bias.
    """
    plane = None if matches_image(image, layer) else gray(image)
    total: np.ndarray | None = None
    for c in shown_channels(image, layer, channel, "image"):
        source = np.ascontiguousarray(image[c]) if plane is None else plane
        part = cv2.filter2D(source, -1, np.ascontiguousarray(kernels[c]))
        total = part if total is None else total + part
    assert total is not None
    return total


def response_over_input(
    layer_input: np.ndarray, kernels: np.ndarray, layer: ConvLayer, filter_index: int, channel: int | None
) -> np.ndarray:
    """`cv2.filter2D` over the layer's own input, with its padding, stride, dilation and groups.

    Summed over the channels, plus the bias, it is the layer's pre-activation to float32 rounding.

    Args:
        layer_input: float32 `(C_in, H, W)`.
        kernels: One filter's kernels, float32 `(C_in/groups, kH, kW)`.
        layer: The layer they belong to.
        filter_index: Which filter, for its group.
        channel: Which kernel; None for the sum over all.

    Returns:
        float32 `(H', W')`, the size of the layer's output; the bias is not in it.
    """
    group = filter_index // (layer.out_channels // layer.groups)
    channels = range(layer.channels) if channel is None else [channel]
    total: np.ndarray | None = None
    for c in channels:
        part = _filter_plane(_pad(layer_input[group * layer.channels + c], layer), kernels[c], layer)
        total = part if total is None else total + part
    assert total is not None
    return total


def _pad(plane: np.ndarray, layer: ConvLayer) -> np.ndarray:
    if layer.pads == ((0, 0), (0, 0)):
        return np.ascontiguousarray(plane)
    return np.pad(plane, layer.pads, mode=_PAD_MODES[layer.padding_mode])  # type: ignore[call-overload]


def _filter_plane(padded: np.ndarray, kernel: np.ndarray, layer: ConvLayer) -> np.ndarray:
    """filter2D of one kernel over one padded plane, cut to where the whole kernel fits, and strided."""
    spread = _dilate(kernel, layer.dilation)
    height, width = spread.shape
    # filter2D puts its anchor at k // 2, so the result of the kernel's first full position stands there.
    whole = cv2.filter2D(padded, -1, spread)
    top, left = height // 2, width // 2
    valid = whole[top : top + padded.shape[0] - height + 1, left : left + padded.shape[1] - width + 1]
    return np.ascontiguousarray(valid[:: layer.stride[0], :: layer.stride[1]])


def _dilate(kernel: np.ndarray, dilation: tuple[int, int]) -> np.ndarray:
    """The kernel with zeros between its taps: `d·(k − 1) + 1` cells a side."""
    if dilation == (1, 1):
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
) -> np.ndarray:
    """The responses of every filter of a layer, float32 `(F, H', W')`.

    Each is what `response_over_image` or `response_over_input` gives. A layer over its own input that would take more
    than 2,048 calls of filter2D is computed by one convolution in torch instead, which agrees to float32 rounding.
    """
    filters = range(layer.out_channels)
    if source == "image":
        return np.stack([response_over_image(image, kernels[f], layer, channel) for f in filters])
    calls = layer.out_channels * (layer.channels if channel is None else 1)
    if calls <= _MOST_FILTER2D_CALLS:
        return np.stack([response_over_input(layer_input, kernels[f], layer, f, channel) for f in filters])
    return _convolve(layer_input, kernels, layer, channel)


def _convolve(layer_input: np.ndarray, kernels: np.ndarray, layer: ConvLayer, channel: int | None) -> np.ndarray:
    if channel is not None:
        layer_input = layer_input[channel :: layer.channels]  # that channel of each group
        kernels = kernels[:, channel : channel + 1]
    padded = np.pad(layer_input, ((0, 0), *layer.pads), mode=_PAD_MODES[layer.padding_mode])  # type: ignore[call-overload]
    result = F.conv2d(
        torch.from_numpy(padded)[None],
        torch.from_numpy(np.ascontiguousarray(kernels)),
        stride=layer.stride,
        dilation=layer.dilation,
        groups=layer.groups,
    )
    return result[0].numpy()

"""What a layer's kernels are laid on: second moments of the windows of its input, as sums that merge exactly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

INPUT_IMAGES = 64
"""Over so many images, the first ones: 50 say as much as 200 (1×1 filters: area under the curve .83 and .84)."""

_WINDOWS = 4, 32  # fewest and most of an image; as many as these numbers allow
_NUMBERS = 32_768


class InputMoments:
    """Second moments over channels and over places of the windows that a layer's kernels are laid on.

    Each window's numbers are taken about their mean over all windows. Of every image a grid of windows is looked at.

    Args:
        groups: `G`, the layer's groups.
        channels: `C`, channels of a filter.
        cells: `S`, cells of a kernel.

    Attributes:
        images: Images in the sums.
        windows: Windows in the sums.
        mean: float64 `(G, C, S)`.
        over_channels: Centred second co-moments, float64 `(G, C, C)`: sums, not yet divided.
        over_places: Likewise `(G, S, S)`.
    """

    def __init__(self, groups: int, channels: int, cells: int) -> None:
        self.images = self.windows = 0
        self.mean = np.zeros((groups, channels, cells))
        self.over_channels = np.zeros((groups, channels, channels))
        self.over_places = np.zeros((groups, cells, cells))

    @classmethod
    def of(
        cls,
        maps: torch.Tensor,
        kernel_size: Sequence[int],
        stride: Sequence[int],
        pads: Sequence[tuple[int, int]],
        dilation: Sequence[int],
        groups: int,
    ) -> InputMoments:
        """The sums of one batch; an image with a NaN or infinite value is left out.

        Args:
            maps: The layer's input `(N, C_in, *S)`, before its padding.
            kernel_size: For each spatial axis.
            stride: Likewise.
            pads: Zeros before and after, likewise.
            dilation: Likewise.
            groups: The layer's groups.
        """
        channels, cells = maps.shape[1] // groups, int(np.prod(kernel_size))
        moments = cls(groups, channels, cells)
        maps = maps.detach().float()
        maps = maps[torch.isfinite(maps).flatten(1).all(1)]
        most = int(np.clip(_NUMBERS // (channels * cells), *_WINDOWS))
        windows = _windows(maps, kernel_size, stride, pads, dilation, most)  # (windows, C_in, S)
        if not len(windows):
            return moments
        moments.images, moments.windows = len(maps), len(windows)
        values = windows.reshape(len(windows), groups, channels, cells)
        mean = values.mean(0)
        values = values - mean
        by_channel = values.permute(1, 2, 0, 3).flatten(2)  # (G, C, windows · S)
        by_place = values.permute(1, 3, 0, 2).flatten(2)
        moments.mean = _numpy(mean)
        moments.over_channels = _numpy(torch.bmm(by_channel, by_channel.transpose(1, 2)))
        moments.over_places = _numpy(torch.bmm(by_place, by_place.transpose(1, 2)))
        return moments

    def merge(self, other: InputMoments) -> None:
        """Takes in the sums over other images (Chan, Golub, LeVeque 1983)."""
        windows = self.windows + other.windows
        if other.windows:
            apart, weight = other.mean - self.mean, self.windows * other.windows / windows
            self.over_channels += other.over_channels + np.einsum("gcs,gds->gcd", apart, apart) * weight
            self.over_places += other.over_places + np.einsum("gcs,gct->gst", apart, apart) * weight
            self.mean += apart * (other.windows / windows)
        self.images, self.windows = self.images + other.images, windows


def _windows(
    maps: torch.Tensor,
    kernel_size: Sequence[int],
    stride: Sequence[int],
    pads: Sequence[tuple[int, int]],
    dilation: Sequence[int],
    most: int,
) -> torch.Tensor:
    """A grid of at most about so many windows of each image, `(windows, C_in, S)`."""
    rank = len(kernel_size)
    maps = F.pad(maps, [pad for axis in reversed(pads) for pad in axis])
    spans = [d * (k - 1) + 1 for k, d in zip(kernel_size, dilation, strict=True)]
    if any(side < span for side, span in zip(maps.shape[2:], spans, strict=True)):
        return maps.new_zeros(0, maps.shape[1], int(np.prod(kernel_size)))
    along = max(1, int(most ** (1 / rank) + 1e-9))
    for axis in range(rank):
        maps = maps.unfold(2 + axis, spans[axis], stride[axis])
        places = maps.shape[2 + axis]
        chosen = np.unique(np.linspace(0, places - 1, min(along, places)).round().astype(int))
        maps = maps.index_select(2 + axis, torch.from_numpy(chosen).to(maps.device))[..., :: dilation[axis]]
    return maps.movedim(1, 1 + rank).flatten(2 + rank).flatten(0, rank)


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    numbers: np.ndarray = tensor.cpu().numpy()
    return numbers.astype(np.float64)

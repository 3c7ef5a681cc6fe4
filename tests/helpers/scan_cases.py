"""Nets whose arithmetic is exact, so that a scan can be compared number by number, and data sets for workers.

Weights are multiples of 1/4 and pixels of 1/8: no sum of them rounds in float32, in whatever order it is taken, and
many values are equal.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import IterableDataset

from nets import Everything, TwoConvs, seeded


def coarse(net: nn.Module) -> nn.Module:
    """A net with weights that are multiples of 1/4."""
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_((parameter * 8).round().clamp(-4, 4) / 4)
    return net.eval()


def pixels(*shape: int, seed: int = 0) -> torch.Tensor:
    """Images whose values are multiples of 1/8 from 0 to 1."""
    return torch.randint(0, 9, shape, generator=torch.Generator().manual_seed(seed)) / 8


class PlainNorm(nn.BatchNorm2d):
    """A batch norm that changes nothing: exact, too."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=0)


def everything() -> nn.Module:
    net = Everything()
    net.bn = PlainNorm(4)
    return net


class Signals(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv1d(2, 3, 5, stride=2, padding=2), nn.Conv1d(3, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.two(F.leaky_relu(self.one(x), 0.5)))


class Volumes(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(1, 3, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.conv(x))


class Grouped(nn.Module):
    """Strides, groups and dilation, and a transposed convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(4, 4, 3, stride=2, groups=2, padding=1)
        self.two = nn.Conv2d(4, 6, 3, dilation=2)
        self.up = nn.ConvTranspose2d(6, 2, 2, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.up(F.relu6(self.two(F.relu(self.one(x)))))


@dataclass(frozen=True)
class Case:
    """A net, images for it, and what each of its layers gives for a batch, computed by hand.

    Attributes:
        net: The net.
        images: `(N, C, *size)`.
        maps: Returns each layer's activations and its pre-activations for the images.
    """

    net: nn.Module
    images: torch.Tensor
    maps: Callable[[Any, torch.Tensor], list[tuple[torch.Tensor, torch.Tensor]]]

    @torch.no_grad()
    def activations(self, before: bool = False) -> list[torch.Tensor]:
        """Each layer's maps of all images; `before` normalisation and nonlinearity, or after them."""
        return [pair[before] for pair in self.maps(self.net, self.images)]


def _two_convs(net: Any, x: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    one = net.conv1(x)
    two = net.conv2(F.max_pool2d(F.relu(one), 2))
    return [(F.relu(one), one), (F.relu(two), two)]


def _everything(net: Any, x: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    stem = net.stem(x)
    a = F.relu(stem)
    block = net.block(a)
    again = net.block(a + block)
    return [(a, stem), (block, block), (F.relu(again), again)]


def _signals(net: Any, x: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    one = net.one(x)
    two = net.two(F.leaky_relu(one, 0.5))
    return [(F.leaky_relu(one, 0.5), one), (F.relu(two), two)]


def _volumes(net: Any, x: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [(F.relu(net.conv(x)), net.conv(x))]


def _grouped(net: Any, x: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    one = net.one(x)
    two = net.two(F.relu(one))
    up = net.up(F.relu6(two))
    return [(F.relu(one), one), (F.relu6(two), two), (up, up)]


CASES: dict[str, Callable[[], Case]] = {
    "two convolutions": lambda: Case(coarse(seeded(TwoConvs)), pixels(70, 1, 12, 13), _two_convs),
    "norm, skip and a module called twice": lambda: Case(coarse(seeded(everything)), pixels(45, 1, 9, 8), _everything),
    "signals": lambda: Case(coarse(seeded(Signals)), pixels(60, 2, 31), _signals),
    "volumes": lambda: Case(coarse(seeded(Volumes)), pixels(33, 1, 5, 6, 7), _volumes),
    "strides, groups, dilation, transposed": lambda: Case(coarse(seeded(Grouped)), pixels(50, 4, 15, 14), _grouped),
}


# For workers, which find this module by its name

COUNT = 60


def small_net() -> nn.Module:
    return coarse(seeded(TwoConvs))


def other_net() -> nn.Module:
    return coarse(seeded(TwoConvs, seed=1))


def small_data() -> list[tuple[torch.Tensor, int]]:
    return [(image, index % 3) for index, image in enumerate(pixels(COUNT, 1, 12, 12))]


def other_data() -> list[tuple[torch.Tensor, int]]:
    return [(image, index % 3) for index, image in enumerate(pixels(COUNT, 1, 12, 12, seed=1))]


def raises() -> nn.Module:
    raise OSError("no weights here")


class Stream(IterableDataset):
    """A data set that can only be read from its start."""

    def __iter__(self) -> Any:
        return iter(small_data())


class Kills:
    """A data set of which one image ends the process that reads it, unless that is this one.

    Args:
        folder: Where it leaves a file for each time.
        times: How often.
        index: Which image.
        samples: All of them.
    """

    def __init__(self, folder: Path, times: int, index: int = 20, samples: Any = None) -> None:
        self.folder, self.times, self.index, self.home = folder, times, index, os.getpid()
        self.samples = small_data() if samples is None else samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Any:
        if index == self.index and os.getpid() != self.home:
            before = len(list(self.folder.iterdir()))
            if before < self.times:
                (self.folder / str(before)).touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return self.samples[index]


class Locked:
    """A data set that cannot be pickled."""

    def __init__(self) -> None:
        self.lock, self.samples = threading.Lock(), small_data()

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> Any:
        return self.samples[index]


class LockedNet(TwoConvs):
    """A net that cannot be pickled."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()


class Breaks:
    """A data set of which some images cannot be read."""

    def __init__(self, broken: tuple[int, ...] = (3, 40)) -> None:
        self.broken, self.samples = broken, small_data()

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> Any:
        if index in self.broken:
            raise OSError(f"image {index} is gone")
        return self.samples[index]


def brute_force(maps: torch.Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each map's maximum, its first place and its mean, `(N, F)` each, value by value."""
    flat = maps.flatten(2).double().numpy()
    images, filters, positions = flat.shape
    maximum = np.zeros((images, filters), np.float32)
    place = np.zeros((images, filters), np.int64)
    for image in range(images):
        for number in range(filters):
            values = flat[image, number].tolist()
            nan = [index for index, value in enumerate(values) if value != value]
            place[image, number] = nan[0] if nan else values.index(max(values))
            maximum[image, number] = values[place[image, number]]
    with np.errstate(all="ignore"):
        mean = flat.sum(-1).astype(np.float32) / np.float32(positions)
    return maximum, place, mean


def order(values: np.ndarray, descending: bool) -> list[int]:
    """Indices by value, the lower index first of equal ones, without those that are NaN."""
    numbers = [(index, value) for index, value in enumerate(values.tolist()) if value == value]
    return [index for index, value in sorted(numbers, key=lambda pair: (-pair[1] if descending else pair[1], pair[0]))]

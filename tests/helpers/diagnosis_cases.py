"""Nets and data sets for diagnoses in workers, which find this module by its name."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils.data import Subset

from filterscope import demo

COUNT = 72


def net() -> nn.Module:
    """The demo net, of which filter 7 of the first layer is a copy of filter 0."""
    found = demo.fashion_net()
    with torch.no_grad():
        found.conv1.weight[7], found.conv1.bias[7] = found.conv1.weight[0], found.conv1.bias[0]
    return found


def other_net() -> nn.Module:
    return demo.fashion_net(epoch=1)


def data() -> Any:
    return Subset(demo.fashion_test_data(), range(COUNT))


def other_data() -> Any:
    return Subset(demo.fashion_test_data(), range(1, COUNT + 1))


class Changed:
    """The data set with some samples changed.

    Args:
        unreadable: These cannot be read.
        odd: These have another size.
        labelled: Only these have a label; None for all.
        marked: These have a pixel far above 1.
    """

    def __init__(
        self,
        unreadable: tuple[int, ...] = (),
        odd: tuple[int, ...] = (),
        labelled: tuple[int, ...] | None = None,
        marked: tuple[int, ...] = (),
    ) -> None:
        self.samples, self.unreadable, self.odd = data(), unreadable, odd
        self.labelled, self.marked = labelled, marked

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> Any:
        if index in self.unreadable:
            raise OSError(f"image {index} is gone")
        image, label = self.samples[index]
        if index in self.odd:
            image = image[:, 1:]
        if index in self.marked:
            image[0, 0, 0] = 1000
        return image, label if self.labelled is None or index in self.labelled else None


class RefusesMarked(nn.Module):
    """Refuses marked images, in a pass that can be differentiated only, or in each."""

    def __init__(self, always: bool) -> None:
        super().__init__()
        self.net, self.always = net(), always

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if (x > 100).any() and (self.always or torch.is_grad_enabled()):
            raise RuntimeError("a value above 100")
        out: torch.Tensor = self.net(x)
        return out


def refuses_marked() -> nn.Module:
    return RefusesMarked(always=True).eval()


def no_gradient_of_marked() -> nn.Module:
    return RefusesMarked(always=False).eval()

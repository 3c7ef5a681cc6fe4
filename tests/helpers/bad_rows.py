"""A row of the table of bad input, and the place where it goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from filterscope import Explorer
from nets import images


@dataclass
class Place:
    """Where something goes wrong: a net that takes gray images, and a good data set for it."""

    net: nn.Module
    data: Any

    def explorer(self, data: Any = None, **options: Any) -> Explorer:
        return Explorer(self.net, self.data if data is None else data, **options)

    def second(self, item: Any, **options: Any) -> Explorer:
        """An explorer of a good image, a bad one and a good one, at the second."""
        return self.explorer([images(1, 14, 14), item, images(1, 14, 14)], image_index=1, **options)


@dataclass(frozen=True)
class Bad:
    """A row: `error` is what Python raises, `None` where the view says it and nothing is raised."""

    what: str
    do: Callable[[Place], Any]
    error: type[Exception] | None
    says: str


def activation_of(explorer: Explorer) -> np.ndarray:
    return explorer.activation

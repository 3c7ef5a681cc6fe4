"""What convolutions and linear layers are given of certain channels, seen in a pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode


@dataclass(frozen=True, eq=False)
class Consumed:
    """What one operation was given of certain channels.

    Attributes:
        values: float64 `(N, R, *S)`: its input in these channels.
        partners: float64 `(N, P, *S)`: its input in others, for comparison.
        options: Stride, padding and the like of a convolution; empty for a linear layer.
    """

    values: torch.Tensor
    partners: torch.Tensor
    options: tuple[Any, ...]


class ConsumedChannels(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Keeps what operations are given of certain channels.

    Args:
        channels: By the name of an operation's weight: the weight, the channels to keep, and others for comparison.

    Attributes:
        consumed: What was kept, by the name of the weight.
    """

    def __init__(self, channels: Mapping[str, tuple[torch.Tensor, np.ndarray, np.ndarray]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._names = {weight.untyped_storage().data_ptr(): name for name, (weight, _, _) in channels.items()}
        self._channels = channels
        self.consumed: dict[str, Consumed] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Runs an operation, and keeps its input where it is asked for."""
        name = func._schema.name.partition("::")[2]
        if "convolution" in name and len(args) >= 9:
            self._keep(args[0], args[1], 1, tuple(args[3:9]))
        elif name in ("addmm", "mm", "linear"):
            data, weight = args[1:3] if name == "addmm" else args[:2]
            self._keep(data, weight, -1, ())
        return func(*args, **(kwargs or {}))

    def _keep(self, data: torch.Tensor, weight: torch.Tensor, axis: int, options: tuple[Any, ...]) -> None:
        name = self._names.get(weight.untyped_storage().data_ptr())
        if name is None:
            return
        _, channels, others = self._channels[name]
        rows = data.detach().movedim(axis, 1)
        kept, partners = (rows[:, torch.from_numpy(part).to(data.device)].cpu().double() for part in (channels, others))
        self.consumed[name] = Consumed(kept, partners, options)

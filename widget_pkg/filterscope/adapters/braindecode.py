"""braindecode: nets that are given recordings `(N, channels, times)`, drawn as a picture of that many rows."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.nn.modules.conv import _ConvNd

from filterscope.adapters.adaptation import Adaptation, BatchForward
from filterscope.attributes import attribute


def adapt(model: Any, data: Any, transform: Any) -> Adaptation | None:
    """A net that knows its `n_chans`, `n_times` and `n_outputs`."""
    if not isinstance(model, nn.Module):
        return None
    numbers = [attribute(model, name) for name in ("n_chans", "n_times", "n_outputs")]
    if not all(isinstance(number, int) for number in numbers):
        return None
    first = next((module for module in model.modules() if isinstance(module, _ConvNd)), None)
    if first is not None and len(first.kernel_size) == 1:
        return Adaptation(inputs=((1, numbers[0]),))
    return Adaptation(inputs=((2, 1),), forward=BatchForward(lambda net, batch: net(batch.squeeze(1))))

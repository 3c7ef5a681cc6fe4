"""skorch: the module inside of a `NeuralNet`, and its classes."""

from __future__ import annotations

from typing import Any

from torch import nn

from filterscope.adapters.adaptation import Adaptation
from filterscope.attributes import attribute
from filterscope.errors import NetError


def adapt(model: Any, data: Any, transform: Any) -> Adaptation | None:
    """A `NeuralNet`.

    Raises:
        NetError: If it has not made its module yet.
    """
    parts = [attribute(model, name) for name in ("module", "criterion", "iterator_valid", "initialize")]
    if isinstance(model, nn.Module) or any(part is None for part in parts):
        return None
    inner = attribute(model, "module_")
    if not isinstance(inner, nn.Module):
        raise NetError(f"this {type(model).__name__} has not made its module yet; call its initialize(), or fit it")
    classes = attribute(model, "classes_")
    return Adaptation(net=inner, classes=() if classes is None else tuple(map(str, classes)))

"""segmentation-models-pytorch: a class for each pixel, and sides that the encoder can halve."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from filterscope.adapters.adaptation import Adaptation
from filterscope.adapters.preprocessing import PadToMultiple, Preprocessing, normalize, to_tensor
from filterscope.attributes import attribute
from filterscope.outputs.kind import MASKS


def adapt(model: Any, data: Any, transform: Any) -> Adaptation | None:
    """A model of `encoder`, `decoder` and `segmentation_head`.

    Pictures go through the Normalize of the encoder's weights, where it has such, and are padded by zeros.
    """
    parts = (attribute(model, name) for name in ("encoder", "decoder", "segmentation_head"))
    if any(part is None for part in parts):
        return None
    steps: list[Any] = [to_tensor]
    config = attribute(model, "config")
    if isinstance(config, Mapping):
        if config.get("in_channels", 3) != 3:
            return Adaptation(output=MASKS)
        numbers = _normalize(config)
        steps += [normalize(*numbers)] if numbers else []
    stride = attribute(attribute(model, "encoder"), "output_stride")
    steps.append(PadToMultiple(stride if isinstance(stride, int) and stride > 0 else 32))
    return Adaptation(transform=Preprocessing("segmentation-models-pytorch", steps), output=MASKS)


def _normalize(config: Mapping[str, Any]) -> tuple[Any, Any] | None:
    """Mean and standard deviation that the encoder's weights were trained with; None where it has no weights."""
    weights = config.get("encoder_weights")
    encoders = attribute(sys.modules.get("segmentation_models_pytorch.encoders"), "encoders", {})
    with suppress(Exception):
        settings = encoders[config["encoder_name"]]["pretrained_settings"][weights]
        return settings["mean"], settings["std"]
    return ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)) if weights else None

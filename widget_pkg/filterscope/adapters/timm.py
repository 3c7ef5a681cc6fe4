"""timm: the preprocessing, and the kind of weights, that a model's `pretrained_cfg` names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from filterscope.adapters.adaptation import Adaptation, defined_in
from filterscope.adapters.preprocessing import Preprocessing, ResizeAndCrop, normalize, to_tensor
from filterscope.attributes import attribute
from filterscope.outputs.kind import EMBEDDING

_IMAGENET = 1000


def adapt(model: Any, data: Any, transform: Any) -> Adaptation | None:
    """A model with timm's `pretrained_cfg`; pictures are prepared as `timm.data.create_transform` does for testing.

    A model without a head (`num_classes=0`), or of features alone (`features_only=True`), gives an embedding.
    """
    config = attribute(model, "pretrained_cfg")
    inner = attribute(model, "model")  # of models that return features
    if not isinstance(config, Mapping) and defined_in(model, "timm"):
        config = attribute(inner, "pretrained_cfg")
    if not isinstance(config, Mapping) or not {"input_size", "mean", "std"} <= {*config}:
        return None
    headless = attribute(model, "num_classes") in (0, None) or "FeatureListNet" in type(model).__name__
    return Adaptation(
        transform=_preprocessing(config),
        classes=() if headless else _names(model, config),
        output=EMBEDDING if headless else None,
    )


def _preprocessing(config: Mapping[str, Any]) -> Preprocessing | None:
    channels, height, width = config["input_size"]
    if channels != 3 or config.get("crop_mode", "center") != "center":
        return None
    share = config.get("crop_pct") or 0.875
    resize: Any = [math.floor(height / share), math.floor(width / share)]
    resize = resize[0] if height == width else resize
    crop = ResizeAndCrop(resize, (height, width), config.get("interpolation") or "bilinear")
    return Preprocessing("timm", [crop, to_tensor, normalize(config["mean"], config["std"])])


def _names(model: Any, config: Mapping[str, Any]) -> tuple[str, ...]:
    own = config.get("label_names")
    if isinstance(own, list | tuple) and len(own) == attribute(model, "num_classes"):
        return tuple(map(str, own))
    if {attribute(model, "num_classes"), config.get("num_classes")} != {_IMAGENET}:
        return ()
    from torchvision.models import ResNet18_Weights  # timm's order is ImageNet's own, as torchvision's

    return tuple(ResNet18_Weights.DEFAULT.meta["categories"])

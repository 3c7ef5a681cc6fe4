"""torchvision: classes for each pixel of segmentation nets, boxes of detection nets, features of an extractor."""

from __future__ import annotations

from typing import Any

from filterscope.adapters.adaptation import Adaptation, defined_in
from filterscope.outputs.kind import BOXES_OF_DICTIONARIES, EMBEDDING, MASKS

_BY_PACKAGE = {"torchvision.models.segmentation": MASKS, "torchvision.models.detection": BOXES_OF_DICTIONARIES}


def adapt(model: Any, data: Any, transform: Any) -> Adaptation | None:
    """A model of torchvision; its preprocessing and class names come with `transform=` its weights."""
    for package, kind in _BY_PACKAGE.items():
        if defined_in(model, package):
            return Adaptation(output=kind)
    if type(model).__name__ == "IntermediateLayerGetter" or _is_extractor(model):
        return Adaptation(output=EMBEDDING)
    return None


def _is_extractor(model: Any) -> bool:
    """Whether `create_feature_extractor` made it: a graph of a net whose output is a dictionary of features."""
    return defined_in(model, "torchvision.models.feature_extraction")

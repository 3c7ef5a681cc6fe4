"""ultralytics: the net inside of `YOLO(...)`, its letterbox, its names and its boxes. It is never imported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from filterscope.adapters.adaptation import Adaptation
from filterscope.adapters.preprocessing import Letterbox, Preprocessing, ResizeAndCrop, to_tensor
from filterscope.attributes import attribute
from filterscope.errors import NetError
from filterscope.outputs.detections import of_anchors
from filterscope.outputs.kind import CLASSES, MASKS, OutputKind

_SIDE, _SIDE_OF_CLASSIFIERS = 640, 224
_TASKS = ("detect", "segment", "classify", "pose", "obb", "semantic")


def adapt(model: Any, data: Any, transform: Any) -> Adaptation | None:
    """`YOLO("…")` itself, or the net inside of it.

    Raises:
        NetError: If the model was exported to another engine, so that there is no net inside.
    """
    task = attribute(model, "task")
    if isinstance(task, str) and task in _TASKS and isinstance(attribute(model, "overrides"), Mapping):
        inner = attribute(model, "model")
        if not isinstance(inner, nn.Module):
            raise NetError(
                f"the model of this {type(model).__name__} is {inner!r}, which torch does not run; give one with torch "
                "weights, as YOLO('yolo11n.pt')"
            )
        return _adaptation(inner, task, attribute(model, "overrides")).with_inner(Adaptation(net=inner))
    if isinstance(attribute(model, "yaml"), Mapping) and isinstance(attribute(model, "names"), Mapping):
        task = attribute(model, "task") or _task_by_head(model)
        return _adaptation(model, task, {}) if task in _TASKS else None
    return None


def _task_by_head(model: Any) -> str:
    head = type(_head(model)).__name__.lower()
    named = {"classify": "classify", "segment": "segment", "pose": "pose", "obb": "obb", "detect": "detect"}
    return next((task for word, task in named.items() if word in head), "")


def _head(model: Any) -> Any:
    layers = attribute(model, "model")
    return layers[-1] if isinstance(layers, nn.Sequential) and len(layers) else None


def _adaptation(net: nn.Module, task: str, overrides: Mapping[str, Any]) -> Adaptation:
    names = attribute(net, "names")
    words = tuple(str(names[number]) for number in sorted(names)) if isinstance(names, Mapping) else ()
    words = () if words == tuple(map(str, range(len(words)))) else words
    arguments = attribute(net, "args")
    side = overrides.get("imgsz") or (arguments.get("imgsz") if isinstance(arguments, Mapping) else None)
    if task == "classify":
        side = side if isinstance(side, int) and side != _SIDE else _SIDE_OF_CLASSIFIERS
        steps: list[Any] = [ResizeAndCrop(side, (side, side)), to_tensor]
        return Adaptation(transform=Preprocessing("ultralytics", steps), classes=words, output=CLASSES)
    stride = attribute(net, "stride")
    least = int(max(stride)) if stride is not None else 32
    steps = [Letterbox(side if isinstance(side, int) else _SIDE, least), to_tensor]
    kind = MASKS if task == "semantic" else _boxes(net, task)
    return Adaptation(transform=Preprocessing("ultralytics", steps), classes=words, output=kind)


def _boxes(net: nn.Module, task: str) -> OutputKind:
    """Boxes; of oriented ones those that they turn about."""
    head = _head(net)
    classes = int(attribute(head, "nc") or len(attribute(net, "names") or ()))
    ends = bool(attribute(head, "end2end", False))
    return OutputKind("boxes", lambda output, images, size: of_anchors(output, classes, ends))

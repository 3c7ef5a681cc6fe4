"""Finds the names of a data set's classes, and the class of a sample's label."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from filterscope.text import well_formed

_DEEPEST = 12


def given_names(classes: Any) -> tuple[str, ...] | None:
    """Class names by class number from the user's `classes=`; None for None.

    Args:
        classes: Names in order; a mapping from numbers to names, or from names to numbers; or a torchvision weights
            object, which has them in `meta["categories"]`.

    Raises:
        TypeError: If it is none of these.
    """
    if classes is None:
        return None
    categories = weights_names(classes)
    if categories:
        return categories
    if isinstance(classes, dict):
        return _by_number(classes)
    if isinstance(classes, str | bytes) or not hasattr(classes, "__iter__"):
        raise TypeError(f"classes is {short(classes)}; give a list of names, one for each class number")
    return tuple(_name(name) for name in classes)


def weights_names(weights: Any) -> tuple[str, ...]:
    """The categories of a torchvision weights object; empty for any other object."""
    weights = getattr(weights, "DEFAULT", weights) if isinstance(weights, type) else weights
    meta = getattr(weights, "meta", None)
    categories = meta.get("categories") if isinstance(meta, dict) else None
    return tuple(_name(name) for name in categories) if isinstance(categories, list | tuple) else ()


def own_names(data: Any, depth: int = 0) -> tuple[str, ...]:
    """The class names by class number that a data set or one of its parts has; empty where there are none.

    They are looked for in `.classes`, `.class_to_idx` and `.features` (as in Hugging Face's data sets), then in the
    `.dataset` of a `Subset` and the like, and in the `.datasets` of a `ConcatDataset` if all of these agree.

    Args:
        data: The data set.
        depth: How many data sets it is inside of.
    """
    if data is None or depth > _DEEPEST:
        return ()
    listed, mapped = _listed(getattr(data, "classes", None)), _mapped(getattr(data, "class_to_idx", None))
    direct = listed or mapped or _feature(data)
    if direct:
        return direct
    parts = getattr(data, "datasets", None)
    if isinstance(parts, list | tuple) and parts:
        names = {own_names(part, depth + 1) for part in parts}
        return names.pop() if len(names) == 1 else ()
    attributes = vars(data) if hasattr(data, "__dict__") else {}
    return own_names(attributes.get("dataset", attributes.get("_dataset")), depth + 1)


def class_of(label: Any, names: tuple[str, ...]) -> tuple[str | int | None, str]:
    """The class that a label stands for: its name, or its number where there is no name.

    Args:
        label: An int, a name, a number of NumPy or torch, a one-hot vector, or None.
        names: Class names by class number.

    Returns:
        The class, None where the label is no class; and a sentence on what is wrong with the label, or "".
    """
    if label is None:
        return None, ""
    value = _plain(label)
    if isinstance(value, str):
        return _name(value), ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int):
        value = int(value)
        if 0 <= value < len(names):
            return names[value], ""
        if names or value < 0:
            known = f"the classes are 0 … {len(names) - 1}" if names else "classes count from 0"
            return value, f"The label, {value}, is out of range: {known}."
        return value, ""
    return None, f"The label, {short(label)}, is no class."


def _name(value: Any) -> str:
    """A class's name as it can be shown and saved: folders may be named in bytes that are no UTF-8."""
    return well_formed(str(value))


def _plain(label: Any) -> Any:
    """A label as Python's own string, int or float; a label that is none of these is returned unchanged."""
    if isinstance(label, list | tuple) and len(label) > 1:
        try:
            label = np.asarray(label)
        except ValueError:
            return label
    if isinstance(label, torch.Tensor):
        label = label.detach().cpu()
        label = label.float().numpy() if label.is_floating_point() else label.numpy()
    if isinstance(label, np.ndarray | np.generic):
        if label.size == 1:
            label = label.item()
        elif label.ndim == 1 and label.dtype.kind in "biuf" and (label == 1).sum() == 1 and (label != 0).sum() == 1:
            return int(label.argmax())  # one-hot
    return str(label) if isinstance(label, str) else label


def _listed(classes: Any) -> tuple[str, ...]:
    if isinstance(classes, dict):
        return _by_number(classes)
    if isinstance(classes, str | bytes | type) or not hasattr(classes, "__iter__"):
        return ()
    return tuple(_name(name) for name in classes)


def _mapped(class_to_idx: Any) -> tuple[str, ...]:
    return _by_number(class_to_idx) if isinstance(class_to_idx, dict) else ()


def _by_number(classes: dict[Any, Any]) -> tuple[str, ...]:
    """Names by class number, from a mapping in either direction; a number without a name becomes its own name."""
    if classes and all(isinstance(number, int | np.integer) for number in classes):
        pairs = {int(number): _name(name) for number, name in classes.items()}
    elif classes and all(isinstance(number, int | np.integer) for number in classes.values()):
        pairs = {int(number): _name(name) for name, number in classes.items()}
    else:
        return tuple(_name(name) for name in classes.values())
    if min(pairs) < 0 or max(pairs) > 10 * len(pairs) + 100:
        return ()
    return tuple(pairs.get(number, str(number)) for number in range(max(pairs) + 1))


def _feature(data: Any) -> tuple[str, ...]:
    features = getattr(data, "features", None)
    if not isinstance(features, dict):
        return ()
    for key in LABEL_KEYS:
        names = getattr(features.get(key), "names", None)
        if isinstance(names, list | tuple):
            return tuple(_name(name) for name in names)
    return ()


LABEL_KEYS = ("label", "labels", "fine_label", "target", "class", "y")
"""The keys under which a sample that is a dictionary may have its label, the likeliest first."""


def short(value: Any) -> str:
    """A value's type and the beginning of its `repr`, for an error message."""
    text = " ".join(repr(value).split())
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"

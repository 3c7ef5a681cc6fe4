"""Classes: the names that a data set has for them, and a sample's label as one of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

_DEEPEST = 12


def given_names(classes: Any) -> tuple[str, ...] | None:
    """`classes=` as names by class number, or None where nothing was given.

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
    return tuple(str(name) for name in classes)


def weights_names(weights: Any) -> tuple[str, ...]:
    """The categories of a torchvision weights object; nothing for any other object."""
    weights = getattr(weights, "DEFAULT", weights) if isinstance(weights, type) else weights
    meta = getattr(weights, "meta", None)
    categories = meta.get("categories") if isinstance(meta, dict) else None
    return tuple(str(name) for name in categories) if isinstance(categories, list | tuple) else ()


def own_names(data: Any, depth: int = 0) -> tuple[str, ...]:
    """The class names that a data set, or what it is made of, holds: by class number, or nothing.

    Looked for in `.classes`, `.class_to_idx` and `.features` (as Hugging Face's data sets have them), then in the
    `.dataset` of a `Subset` and the like, and in the `.datasets` of a `ConcatDataset` where they agree.
    """
    if data is None or depth > _DEEPEST:
        return ()
    listed, mapped = _listed(getattr(data, "classes", None)), _mapped(getattr(data, "class_to_idx", None))
    own = listed or mapped or _feature(data)
    if own:
        return own
    parts = getattr(data, "datasets", None)
    if isinstance(parts, list | tuple) and parts:
        names = {own_names(part, depth + 1) for part in parts}
        return names.pop() if len(names) == 1 else ()
    held = vars(data) if hasattr(data, "__dict__") else {}
    return own_names(held.get("dataset", held.get("_dataset")), depth + 1)


def class_of(label: Any, names: tuple[str, ...]) -> tuple[str | int | None, str]:
    """A label as a class's name, or its number where there is no name; None for what is no class.

    Args:
        label: An int, a name, a number of NumPy or torch, a one-hot vector, or None.
        names: By class number.

    Returns:
        The class, and a sentence on what is wrong with the label, or nothing.
    """
    if label is None:
        return None, ""
    value = _plain(label)
    if isinstance(value, str):
        return value, ""
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


def _plain(label: Any) -> Any:
    """A label without its library: a string, an int, a float, or what it was."""
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
    return tuple(str(name) for name in classes)


def _mapped(class_to_idx: Any) -> tuple[str, ...]:
    return _by_number(class_to_idx) if isinstance(class_to_idx, dict) else ()


def _by_number(classes: dict[Any, Any]) -> tuple[str, ...]:
    """Names by number, from a mapping in either direction; a number without a name keeps its number."""
    if classes and all(isinstance(number, int | np.integer) for number in classes):
        pairs = {int(number): str(name) for number, name in classes.items()}
    elif classes and all(isinstance(number, int | np.integer) for number in classes.values()):
        pairs = {int(number): str(name) for name, number in classes.items()}
    else:
        return tuple(str(name) for name in classes.values())
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
            return tuple(str(name) for name in names)
    return ()


LABEL_KEYS = ("label", "labels", "fine_label", "target", "class", "y")
"""Where a sample that is a dictionary has its label."""


def short(value: Any) -> str:
    """A value's type and its beginning, for a sentence."""
    text = " ".join(repr(value).split())
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"

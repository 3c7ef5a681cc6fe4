"""Finds the names of a data set's classes, and the class of a sample's label."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any

import numpy as np
import torch

from filterscope.attributes import attribute, attributes_of, plain_tensor
from filterscope.text import well_formed

_DEEPEST = 12


def given_names(classes: Any) -> tuple[str, ...] | None:
    """Class names by class number from the user's `classes=`; None for None.

    Args:
        classes: Names in order; a mapping from numbers to names, or from names to numbers; an enumeration; a
            torchvision weights object, which has them in `meta["categories"]`; or an object that has them as a data set
            has, such as Hugging Face's configuration with its `id2label`.

    Raises:
        TypeError: If it is none of these.
    """
    if classes is None:
        return None
    if isinstance(classes, set | frozenset):
        raise TypeError(f"classes is {short(classes)}, which has no order; give a list of names, class 0 first")
    plain = isinstance(classes, list | tuple | Mapping | np.ndarray)
    names = () if plain else weights_names(classes) or own_names(classes)
    names = names or _listed(classes) or _listed(attribute(classes, "names"))
    if names or (plain and len(classes) == 0):
        return _distinct(names)
    raise TypeError(f"classes is {short(classes)}; give a list of names, one for each class number")


def weights_names(weights: Any) -> tuple[str, ...]:
    """The categories of a torchvision weights object; empty for any other object."""
    weights = attribute(weights, "DEFAULT", weights) if isinstance(weights, type) else weights
    meta = attribute(weights, "meta")
    categories = meta.get("categories") if isinstance(meta, dict) else None
    return _distinct(_strings(categories)) if isinstance(categories, list | tuple) else ()


def own_names(data: Any, depth: int = 0) -> tuple[str, ...]:
    """The class names by class number that a data set or one of its parts has; empty where there are none.

    They are looked for in `.classes`, `.class_to_idx`, `.idx_to_class`, `.categories`, `.vocab` (as in fastai's),
    `.features` (as in Hugging Face's) and `.info["label"]` (as in MedMNIST's), then in the `.dataset` of a `Subset` and
    the like, and in the `.datasets` of a `ConcatDataset` if all of these agree.

    Args:
        data: The data set.
        depth: How many data sets it is inside of.
    """
    if data is None or depth > _DEEPEST:
        return ()
    direct = next((names for look in _PLACES if (names := look(data))), ())
    if direct:
        return _distinct(direct)
    parts = attribute(data, "datasets")
    if isinstance(parts, list | tuple) and parts:
        of_parts = {own_names(part, depth + 1) for part in parts}
        return of_parts.pop() if len(of_parts) == 1 else ()
    attributes = attributes_of(data)
    return own_names(attributes.get("dataset", attributes.get("_dataset")), depth + 1)


def class_of(label: Any, names: tuple[str, ...]) -> tuple[str | int | None, str]:
    """The class that a label stands for: its name, or its number where there is no name.

    Args:
        label: An int, a name, a number of NumPy or torch, a one-hot vector, a member of an enumeration, or None.
        names: Class names by class number.

    Returns:
        The class, None where the label is no class; and a sentence on what is wrong with the label, or "".
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
    """A label as Python's own string, int or float; a label that is none of these is returned unchanged."""
    if isinstance(label, list | tuple) and len(label) > 1:
        try:
            label = np.asarray(label)
        except ValueError:
            return label
    if isinstance(label, torch.Tensor):
        label = plain_tensor(label).detach().cpu()
        label = label.float().numpy() if label.is_floating_point() else label.numpy()
    if isinstance(label, np.ndarray | np.generic):
        if label.size == 1:
            label = label.item()
        elif label.ndim == 1 and label.dtype.kind in "biuf" and (label == 1).sum() == 1 and (label != 0).sum() == 1:
            return int(label.argmax())  # one-hot
    if isinstance(label, Enum):
        label = label.value if isinstance(label.value, int | str) else label.name
    return _string(label) if isinstance(label, str | bytes) else label


def _listed(classes: Any) -> tuple[str, ...]:
    """Names from a list of them, an enumeration, or a mapping in either direction; empty for anything else."""
    if isinstance(classes, Mapping):
        return _by_number(classes)
    if isinstance(classes, type):
        return _of_enumeration(classes)
    if isinstance(classes, str | bytes) or not hasattr(type(classes), "__iter__"):
        return ()
    try:
        names = list(classes)
    except Exception:
        return ()
    if names and all(isinstance(name, Mapping) and "id" in name and "name" in name for name in names):
        return _by_number({name["id"]: name["name"] for name in names})  # as COCO lists its categories
    return _strings(names) if all(map(_is_name, names)) else ()


def _strings(names: Iterable[Any]) -> tuple[str, ...]:
    """Names as strings: bytes as text, a member of an enumeration by its name."""
    return tuple(_string(name) for name in names)


def _string(name: Any) -> str:
    if isinstance(name, bytes):
        return name.decode("utf-8", "replace")
    text = name.name if isinstance(name, Enum) and not isinstance(name, str) else str(name)
    return well_formed(text)  # a folder may be named in bytes that are no UTF-8


def _is_name(name: Any) -> bool:
    return isinstance(name, str | bytes | int | float | np.generic | Enum) or name is None


def _of_enumeration(kind: type) -> tuple[str, ...]:
    """The names of an enumeration of classes by their numbers, or in order where its values are no numbers."""
    if not issubclass(kind, Enum):
        return ()
    members = {_string(member): member.value for member in kind}
    return _by_number(members) or tuple(members)


def _by_number(classes: Mapping[Any, Any]) -> tuple[str, ...]:
    """Names by class number, from a mapping in either direction; a number without a name becomes its own name.

    Numbers may be strings, as JSON has them; but where only one side has numbers that are none, they are the classes'.
    """
    there, back = list(classes.items()), [(number, name) for name, number in classes.items()]
    for pairs, in_words in ((there, False), (back, False), (there, True), (back, True)):
        numbers = [_number(number, in_words) for number, _ in pairs]
        if pairs and None not in numbers:
            named = zip(numbers, pairs, strict=True)
            return _in_order({number: _string(name) for number, (_, name) in named if number is not None})
    return _strings(classes.values()) if all(map(_is_name, classes.values())) else ()


def _in_order(names: dict[int, str]) -> tuple[str, ...]:
    if min(names) < 0 or max(names) > 10 * len(names) + 100:
        return ()
    return tuple(names.get(number, str(number)) for number in range(max(names) + 1))


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names, each that several classes have with the class's number: a name must tell which class it is."""
    counted = Counter(names)
    return tuple(f"{name} ({number})" if counted[name] > 1 else name for number, name in enumerate(names))


def _number(value: Any, in_words: bool) -> int | None:
    """A class number: a whole number, also of NumPy or torch, or as a string where `in_words`; else None."""
    if isinstance(value, torch.Tensor | np.ndarray):
        value = value.item() if value.ndim == 0 else None
    if isinstance(value, str | bytes):
        text = _string(value).strip()
        return int(text) if in_words and re.fullmatch(r"-?[0-9]{1,9}", text) else None
    if isinstance(value, float | np.floating):
        return int(value) if float(value).is_integer() else None
    return int(value) if isinstance(value, int | np.integer) else None


def _feature(data: Any) -> tuple[str, ...]:
    """The names of Hugging Face's `features["label"]`, also in a `Sequence` of labels, which has it as `.feature`."""
    features = attribute(data, "features")
    if not isinstance(features, Mapping):
        return ()
    for key in LABEL_KEYS:
        feature = features.get(key)
        names = attribute(feature, "names") or attribute(attribute(feature, "feature"), "names")
        if isinstance(names, list | tuple):
            return _strings(names)
    return ()


def _info(data: Any) -> tuple[str, ...]:
    """The names of MedMNIST's `info["label"]`, or of TensorFlow's `info.features["label"]`."""
    info = attribute(data, "info")
    if not isinstance(info, Mapping):
        return _feature(info)
    found = next((info[key] for key in (*LABEL_KEYS, "classes", "names") if key in info), None)
    return _listed(found) if isinstance(found, Mapping | list | tuple) else ()


_PLACES: tuple[Callable[[Any], tuple[str, ...]], ...] = (
    lambda data: _listed(attribute(data, "classes")),
    lambda data: _listed(attribute(data, "class_to_idx")),
    lambda data: _listed(attribute(data, "idx_to_class")),
    lambda data: _listed(attribute(data, "categories")),
    lambda data: _listed(attribute(data, "vocab")),
    lambda data: _listed(attribute(data, "id2label")),
    _feature,
    _info,
)


LABEL_KEYS = ("label", "labels", "fine_label", "target", "targets", "cls", "class", "category", "class_id", "y")
"""The keys under which a sample that is a dictionary may have its label, the likeliest first."""


def short(value: Any) -> str:
    """A value's type and the beginning of its `repr`, for an error message."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # an object that cannot say what it is
        return type(value).__name__
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"

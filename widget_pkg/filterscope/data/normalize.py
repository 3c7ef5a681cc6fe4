"""Finds the Normalize among a data set's transforms, and undoes it for display.

Transforms are recognised by their class's name and their attributes, so that torchvision's v1 and v2, its presets, and
similar transforms of other packages are all found, and no package is imported for it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from torch import nn

from filterscope.attributes import attribute, attributes_of

_DEEPEST = 12
_EITHER = ("RandomChoice", "OneOf", "SomeOf")
_BY_CHANCE = ("albumentations", "kornia")  # whose every transform has a probability p


@dataclass(frozen=True, eq=False)
class Normalize:
    """`(x − mean) / std`, with one number for each channel or one for all.

    Attributes:
        mean: float32 `(C,)` or `(1,)`.
        std: float32 `(C,)` or `(1,)`, above 0.
        first: The first Normalize in a row of several, where this one stands for the whole row; else None.
        transform: The transform that was recognised as this Normalize; None where it stands for several or was given.
        seen_white: The value of white before Normalize, 0 where there is none; None where that was not seen.
    """

    mean: np.ndarray
    std: np.ndarray
    first: Normalize | None = None
    transform: Any = None
    seen_white: float | None = None

    def fits(self, image: np.ndarray) -> bool:
        """Whether this Normalize has one number, or one for each channel of an image `(C, …)`."""
        return {len(self.mean), len(self.std)} <= {1, image.shape[0]}

    def undo(self, image: np.ndarray) -> np.ndarray:
        """The image before Normalize, `image · std + mean`: float32 of the image's shape `(C, …)`.

        Example:
            >>> Normalize(np.float32([0.5]), np.float32([0.25])).undo(np.float32([[[-2, 0, 2]]]))
            array([[[0. , 0.5, 1. ]]], dtype=float32)
        """
        across = (-1,) + (1,) * (image.ndim - 1)
        original: np.ndarray = image * self.std.reshape(across) + self.mean.reshape(across)
        return original

    def after(self, first: Normalize) -> Normalize:
        """One Normalize that does what `first` and then this one do."""
        return Normalize(first.std * self.mean + first.mean, first.std * self.std, first.first or first)

    @property
    def white(self) -> float | None:
        """The value of white before Normalize: 1, or 255 as in nets from Caffe; None where the mean is no colour."""
        if self.seen_white is not None:
            return self.seen_white or None
        mean = (self.first or self).mean
        if mean.min() < 0 or mean.max() > 255:
            return None
        return 1.0 if mean.max() <= 1 else 255.0


@dataclass(frozen=True, eq=False)
class Finding:
    """The result of a search for Normalize.

    Attributes:
        normalize: One Normalize that stands for all that were found in a row, or None.
        doubt: A sentence where the result is not certain, else empty.
        parts: Every Normalize that was found, in the order of the transforms.
        at_random: Whether chance decides if, or which of them, is applied.
        only_found: Whether it was found and not seen to be what happened to an image: then it is undone only where that
            leaves values of a picture.
    """

    normalize: Normalize | None = None
    doubt: str = ""
    parts: tuple[Normalize, ...] = ()
    at_random: bool = False
    only_found: bool = False


def per_channel(value: Any, name: str) -> np.ndarray:
    """A mean or standard deviation as float32 `(C,)` or `(1,)`.

    Args:
        value: A number, or one for each channel.
        name: `"mean"` or `"std"`.

    Raises:
        ValueError: If it is neither, or not finite, or a `"std"` is not above 0.
    """
    try:
        numbers = np.atleast_1d(np.asarray(value, np.float32))
    except (TypeError, ValueError, RuntimeError):
        numbers = np.zeros((0, 0), np.float32)
    bad = numbers.ndim != 1 or not numbers.size or not np.isfinite(numbers).all()
    if bad or (name == "std" and (numbers <= 0).any()):
        raise ValueError(
            f"{name} is {value!r}; give a number, or one for each channel" + (", above 0" * (name == "std"))
        )
    return numbers


def find_normalize(data: Any, index: int, more: Any = None) -> Finding:
    """Finds every Normalize that a sample goes through.

    Args:
        data: A data set. Its own transforms are searched, and those of its parts (of a `Subset`, a `ConcatDataset`, or
            any other that has a `.dataset`).
        index: Index of the sample: the parts of a `ConcatDataset` may differ.
        more: A transform that is applied after the data set's own.
    """
    findings = [_walk(transform, 0) for transform in [*_transforms(data, index, 0), more] if transform is not None]
    return replace(_in_a_row(findings), only_found=True)


def contains_normalize(transform: Any) -> bool:
    """Whether a transform has a Normalize, or may have one."""
    finding = _walk(transform, 0)
    return finding.normalize is not None or bool(finding.doubt)


def _in_a_row(findings: Sequence[Finding]) -> Finding:
    whole: Normalize | None = None
    doubts = []
    for finding in findings:
        if finding.doubt:
            doubts.append(finding.doubt)
        if finding.normalize is not None:
            whole = finding.normalize if whole is None else finding.normalize.after(whole)
    parts = tuple(part for finding in findings for part in finding.parts)
    return Finding(whole, " ".join(dict.fromkeys(doubts)), parts, any(finding.at_random for finding in findings))


def _transforms(data: Any, index: int, depth: int) -> list[Any]:
    """The transforms that sample `index` goes through, in order: the inner data set's before the outer one's."""
    if data is None or depth > _DEEPEST:
        return []
    inner: list[Any] = []
    part, place = _part(data, index)
    if part is not None:
        inner = _transforms(part, place, depth + 1)
    return inner + _own_transforms(data)


def _part(data: Any, index: int) -> tuple[Any, int]:
    """The data set that sample `index` really comes from, and its index there."""
    ends, parts = attribute(data, "cumulative_sizes"), attribute(data, "datasets")
    if isinstance(ends, list | tuple) and isinstance(parts, list | tuple):
        number = min(bisect_right(ends, index), len(parts) - 1)
        return parts[number], index - (ends[number - 1] if number else 0)
    attributes = attributes_of(data)
    part = attributes.get("dataset", attributes.get("_dataset"))
    indices = attributes.get("indices")
    if part is not None and indices is not None:
        try:
            return part, int(indices[index])
        except (IndexError, KeyError, TypeError, ValueError):
            return part, index
    return part, index


def _own_transforms(data: Any) -> list[Any]:
    attributes = attributes_of(data)
    single, joint = attributes.get("transform"), attributes.get("transforms")
    if single is not None and attribute(joint, "transform") is single:
        joint = None  # torchvision keeps one transform in both attributes
    named = [transform for transform in (single, joint) if transform is not None]
    if named:
        return named
    others = [value for value in attributes.values() if callable(value) and contains_normalize(value)]
    return [others] if len(others) == 1 else [_Alternatives(others)] if others else []


class _Alternatives:
    """Transforms of which one is applied, and it is not known which."""

    def __init__(self, transforms: Sequence[Any]) -> None:
        self.transforms = transforms


def _walk(transform: Any, depth: int) -> Finding:
    """Finds every Normalize in a transform, in the order in which they are applied."""
    if transform is None or depth > _DEEPEST:
        return Finding()
    normalize = _as_normalize(transform)
    if normalize is not None:
        return _by_chance(Finding(normalize, parts=(normalize,)), transform)
    steps = [_walk(step, depth + 1) for step in _steps(transform)]
    if isinstance(transform, _Alternatives) or type(transform).__name__ in _EITHER:
        return _by_chance(_either(steps, at_random=not isinstance(transform, _Alternatives)), transform)
    return _by_chance(_in_a_row(steps), transform)


def _by_chance(finding: Finding, transform: Any) -> Finding:
    """What was found in a transform, which may be applied with a probability `p` only."""
    package = type(transform).__module__.split(".")[0]
    known = len(finding.parts) == 1 and finding.parts[0].transform is transform
    if finding.normalize is None or not (known or type(transform).__name__ == "RandomApply" or package in _BY_CHANCE):
        return finding
    chance = getattr(transform, "p", 1.0)
    if not isinstance(chance, int | float) or chance >= 1:
        return finding
    if chance <= 0:
        return Finding()
    doubt = f"It is applied at random (p={chance:g}), so perhaps not to this image."
    return Finding(finding.normalize, doubt, finding.parts, at_random=True)


def _either(steps: list[Finding], at_random: bool) -> Finding:
    certain = [step for step in steps if step.normalize is not None]
    if not certain:
        return Finding()
    pairs = {
        (tuple(finding.normalize.mean), tuple(finding.normalize.std))
        for finding in certain
        if finding.normalize is not None
    }
    parts = tuple(part for step in steps for part in step.parts)
    if len(pairs) == 1 and len(certain) == len(steps):
        return Finding(certain[0].normalize, certain[0].doubt, parts, any(step.at_random for step in steps))
    doubt = "There are several Normalize of which one is applied: say which by mean= and std=."
    return Finding(None, doubt, parts, at_random)


def _as_normalize(transform: Any) -> Normalize | None:
    normalization = getattr(transform, "normalization", "standard")
    if isinstance(normalization, str) and normalization != "standard":
        return None  # albumentations' others, which take mean and std of the image itself
    names = {kind.__name__ for kind in type(transform).__mro__}
    preset = type(transform).__module__.endswith("transforms._presets")
    if isinstance(transform, partial) and "normalize" in getattr(transform.func, "__name__", ""):
        mean, std = transform.keywords.get("mean"), transform.keywords.get("std")
    elif "Normalize" in names or preset:
        flags = getattr(transform, "flags", None)  # where kornia has them
        kept = flags if isinstance(flags, dict) and "mean" in flags else {}
        mean, std = (kept.get(name, getattr(transform, name, None)) for name in ("mean", "std"))
    else:
        return None
    if mean is None or std is None:
        return None
    try:
        numbers = per_channel(_flat(mean), "mean"), per_channel(_flat(std), "std")
        return Normalize(*numbers, transform=transform)
    except ValueError:
        return None


def _flat(numbers: Any) -> Any:
    """A tensor or array `(C, 1, 1)` or `(1, C)` as `(C,)`; anything else itself."""
    shape = getattr(numbers, "shape", ())
    return numbers.reshape(-1) if len(shape) > 1 and sum(length > 1 for length in shape) <= 1 else numbers


def _steps(transform: Any) -> list[Any]:
    if isinstance(transform, list | tuple | nn.ModuleList | nn.Sequential):
        return list(transform)
    inner = attribute(transform, "transforms")
    if isinstance(inner, list | tuple | nn.ModuleList | nn.Sequential):
        return list(inner)
    if isinstance(transform, nn.Module):
        return list(transform.children())
    attributes = {} if isinstance(transform, type) else attributes_of(transform)
    return [value for value in attributes.values() if callable(value) and not isinstance(value, type)]

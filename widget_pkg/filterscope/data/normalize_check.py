"""Whether the Normalize that was found among a data set's transforms is what happened to an image: it is watched.

The sample is read once more through stand-ins of the data set's objects. What Normalize was given and what it gave
shows whether it is `(x − mean) / std`. If the image is not what it gave, the sample is read twice more, with all of its
values replaced by one number, black and white: what comes behind it may move values, but not change them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from PIL import Image

from filterscope.data.normalize import Finding, Normalize
from filterscope.data.stand_ins import stand_ins

_TOLERANCE = 0.01  # of the range from black to white; half precision rounds by 0.001 of it
_FIRST_KEYS = ("image", "img", "pixel_values")

_USUAL_SCALES = (1.0, 1 / 255, 1 / 65535)

UNCHECKED = "It was found among the transforms; whether it is what happened to this image could not be checked."
OTHER_FORMULA = "Its Normalize is not (x − mean) / std: not undone."
CHANGED_BEHIND = "What comes behind its Normalize changes the values: not undone."
NONE_RAN = (
    "No Normalize ran when this image was read, so none is undone; if it was normalised before, say which by mean= and "
    "std=."
)

Read = Callable[..., tuple[Any, np.ndarray]]
"""Reads the sample from the roots' stand-ins: the item's image as the data set gives it, and float32 `(C, …)`."""


@dataclass(frozen=True, eq=False)
class _Run:
    """One run of a Normalize.

    Attributes:
        part: What it is.
        before: The first image that it was given; None where there was none.
        after: The first image that it gave; None where there was none.
        of_constant: What it gives of an image of the same kind, all black (0) or all white (1); None where that cannot
            be made.
    """

    part: Normalize
    before: np.ndarray | None
    after: np.ndarray | None
    of_constant: Callable[[int], np.ndarray | None]


class _Watcher:
    """Notes every run of some Normalize, or replaces what they give.

    Attributes:
        runs: The runs, in their order.
        level: What they are to give instead, a number for each channel; None to leave it.
    """

    def __init__(self, parts: Sequence[Normalize]) -> None:
        self._parts = {id(part.transform): part for part in parts}
        self.runs: list[_Run] = []
        self.level: np.ndarray | None = None

    def call(self, transform: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        image = _first_image((args, kwargs))
        before = None if image is None else _values(image).copy()

        def of_constant(brightness: int) -> np.ndarray | None:
            constant = _constant(image, brightness)
            if constant is None:
                return None
            positional, named = _replaced((args, kwargs), image, constant)
            made = _first_image(transform(*positional, **named))
            return None if made is None else _values(made)

        result = transform(*args, **kwargs)
        result_image = _first_image(result)
        after = None if result_image is None else _values(result_image).copy()
        self.runs.append(_Run(self._parts[id(transform)], before, after, of_constant))
        if self.level is None or result_image is None:
            return result
        return _replaced(result, result_image, _of_level(result_image, self.level))


def check(finding: Finding, roots: Sequence[Any], read: Read) -> Finding:
    """What was found, with what can be seen of it in one sample.

    Args:
        finding: A Normalize, or several, found among the transforms.
        roots: The data set that is read, and a transform that is applied to its items or None.
        read: Reads the sample, given stand-ins of the roots.
    """
    try:
        return _watched(finding, roots, read)
    except Exception:  # somebody's code, run in a way that its author did not think of
        return unchecked(finding)


def at_random(finding: Finding, image: np.ndarray) -> Finding:
    """What was found, for an image that it may have happened to or not.

    An image whose values all lie in 0 … 1 is taken as one that it did not happen to.
    """
    if finding.normalize is None or not _is_plain(image):
        return finding
    return Finding(doubt=f"{finding.doubt} Its values lie in 0 … 1: not undone.".strip())


def unchecked(finding: Finding) -> Finding:
    """What was found, with a sentence that it could not be checked."""
    if finding.normalize is None:
        return finding
    return replace(finding, doubt=f"{finding.doubt} {UNCHECKED}".strip())


def _watched(finding: Finding, roots: Sequence[Any], read: Read) -> Finding:
    watcher = _Watcher(finding.parts)
    copies = stand_ins(roots, [part.transform for part in finding.parts], watcher.call)
    raw, image = read(*copies)
    runs = list(watcher.runs)
    if not runs:
        again, _ = read(*copies)
        return unchecked(finding) if _is_kept(raw, again) and not _is_plain(image) else Finding(doubt=NONE_RAN)
    last = max((number for number, run in enumerate(runs) if _same(run.after, image)), default=None)
    row = _row(runs if last is None else runs[: last + 1], following=last is not None)
    formulas = [_scale(run) for run in row]
    if any(scale is None for scale in formulas):
        known = all(scale is None or scale > 0 for scale in formulas)
        return unchecked(finding) if known else Finding(doubt=OTHER_FORMULA)
    if any(scale == 0 for scale in formulas):
        return Finding(doubt=OTHER_FORMULA)
    whole = row[0].part
    for run in row[1:]:
        whole = run.part.after(whole)
    whole = replace(whole, seen_white=_white(row[0], formulas[0] or 1.0))
    checked = Finding(whole, parts=finding.parts)
    if last is not None:
        return checked
    for level in (0.0, whole.white or 1.0):
        watcher.level = (level - whole.mean) / whole.std
        watcher.runs.clear()
        _, image = read(*copies)
        if not watcher.runs:  # the data set keeps its samples
            return unchecked(finding)
        if not whole.fits(image):
            return checked
        middle = np.median(image.reshape(len(image), -1), axis=1)
        if (np.abs(middle - watcher.level) * whole.std > _TOLERANCE * (whole.white or 1.0)).any():
            return Finding(doubt=CHANGED_BEHIND)
    return checked


def _row(runs: list[_Run], following: bool) -> list[_Run]:
    """The runs that one image went through, one behind the other.

    Args:
        runs: All runs up to the last one of that image.
        following: Whether the last one is known to be of that image.
    """
    if following:
        row = [runs[-1]]
        for run in reversed(runs[:-1]):
            if row[0].before is not None and _same(run.after, row[0].before):
                row.insert(0, run)
        if len({id(run.part) for run in runs}) == len(row) or _is_picture(row[0].before):
            return row
    once: dict[int, _Run] = {}
    for run in runs:
        once.setdefault(id(run.part), run)
    return list(once.values())


def _scale(run: _Run) -> float | None:
    """By what factor undoing a run gives the image before it: 0 where it gives another one; None where it is not known.

    It is 1 for most, and 1/255 for one that divides bytes by 255 as well.
    """
    if run.before is None or run.after is None or not run.before.size:
        return None
    if run.before.shape != run.after.shape or np.ptp(run.before) == 0:
        return _scale_of_constants(run, run.before.dtype)
    count = max(len(run.part.mean), len(run.part.std))
    axis = 0 if count in (1, run.after.shape[0]) else -1
    if count not in (1, run.after.shape[axis]):
        return None
    undone = run.part.undo(np.moveaxis(run.after, axis, 0)).astype(np.float64)
    original = np.moveaxis(run.before, axis, 0).astype(np.float64)
    if not np.isfinite(undone).all():
        return None
    scale = float((undone * original).sum() / (original * original).sum())
    off = np.abs(undone - scale * original).max()
    if scale <= 0 or off > _TOLERANCE * np.abs(undone).max():
        return 0.0
    return next((usual for usual in _USUAL_SCALES if abs(scale / usual - 1) < _TOLERANCE), scale)


def _scale_of_constants(run: _Run, before: np.dtype[Any]) -> float | None:
    """`_scale` of a run that changes an image's size as well, or whose image has one value only."""
    for brightness in (0, 1):
        given = run.of_constant(brightness)
        if given is None or not given.size:
            return None
        count = max(len(run.part.mean), len(run.part.std))
        axis = 0 if count in (1, given.shape[0]) else -1
        if count not in (1, given.shape[axis]):
            return None
        middle = np.median(np.moveaxis(given, axis, 0).reshape(given.shape[axis], -1), axis=1)
        if (np.abs(middle * run.part.std + run.part.mean - brightness) > _TOLERANCE).any():
            return 0.0
    return 1 / 255 if before == np.uint8 else 1.0


def _white(run: _Run, scale: float) -> float | None:
    """The value of white after undoing a run, where the image before it shows that."""
    if run.before is None:
        return None
    if run.before.dtype.kind == "u":
        return round(float(np.iinfo(run.before.dtype).max) * scale, 6)
    least, most = float(run.before.min()), float(run.before.max())
    return 255.0 * scale if least >= 0 and 1.5 < most <= 255 else None


def _first_image(value: Any) -> Any:
    """The first tensor, array or PIL image of two axes or more in a value."""
    if isinstance(value, Image.Image):
        return value
    if isinstance(value, torch.Tensor | np.ndarray):
        return value if value.ndim > 1 else None
    if isinstance(value, dict):
        value = [*(value[key] for key in _FIRST_KEYS if key in value), *value.values()]
    if isinstance(value, tuple | list):
        return next((image for image in map(_first_image, value) if image is not None), None)
    return None


def _values(image: Any) -> np.ndarray:
    """An image's values, without axes of length 1 in front."""
    if isinstance(image, torch.Tensor):
        image = image.detach().cpu()
        image = (image.float() if image.is_floating_point() else image).numpy()
    values = np.asarray(image)
    while values.ndim > 3 and values.shape[0] == 1:
        values = values[0]
    return values


def _replaced(value: Any, image: Any, other: Any) -> Any:
    """A value of tuples, lists and dictionaries, with another image in an image's place."""
    if value is image:
        return other
    if isinstance(value, dict):
        return {name: _replaced(inner, image, other) for name, inner in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_replaced(inner, image, other) for inner in value)
    return value


def _constant(image: Any, brightness: int) -> Any:
    """An image of the same kind, all black or all white; None where that cannot be made."""
    if isinstance(image, Image.Image):
        bands = len(image.getbands())
        return Image.new(image.mode, image.size, (255 * brightness,) * bands) if image.mode in ("L", "RGB") else None
    white = 255 if image.dtype in (torch.uint8, np.uint8) else 1
    full: Any = torch.full_like if isinstance(image, torch.Tensor) else np.full_like
    return full(image, white * brightness)


def _of_level(image: Any, level: np.ndarray) -> Any:
    """An image of the same kind and in memory of its own, whose every channel has one value."""
    shape = tuple(image.shape)
    axis = -1 if shape[-1] == len(level) and shape[-3:][0] != len(level) else -min(3, len(shape))
    across = [1] * len(shape)
    across[axis] = len(level)
    values = torch.from_numpy(np.asarray(level, np.float32)).reshape(across).expand(shape)
    if isinstance(image, torch.Tensor):
        return image.clone().copy_(values)
    return values.numpy().astype(image.dtype)


def _same(values: np.ndarray | None, image: np.ndarray) -> bool:
    """Whether a run gave this image, whatever the order of its axes."""
    if values is None:
        return False
    slack = 1e-3 * max(1.0, float(np.abs(image).max())) if image.size else 0.0
    for candidate in (values, np.moveaxis(values, -1, 0), values[None]):
        if candidate.shape == image.shape and np.allclose(candidate, image, rtol=0, atol=slack, equal_nan=True):
            return True
    return False


def _is_kept(first: Any, second: Any) -> bool:
    """Whether two reads of one sample gave the same values in memory, as of a data set that keeps its samples."""
    with suppress(Exception):
        return first is second or bool(np.shares_memory(_values(first), _values(second)))
    return False


def _is_picture(values: np.ndarray | None) -> bool:
    return values is not None and (values.dtype.kind == "u" or _is_plain(values))


def _is_plain(image: np.ndarray) -> bool:
    """Whether an image has the values of a picture that was not normalised."""
    return bool(image.size) and float(np.nanmin(image)) >= 0 and float(np.nanmax(image)) <= 1

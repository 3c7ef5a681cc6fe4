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

from filterscope.data.normalize import Finding, Normalize
from filterscope.data.passed_images import constant_like, first_image, is_same, level_like, replaced, values_of
from filterscope.data.stand_ins import CannotWatchError, stand_ins

_TOLERANCE = 0.01  # of the range from black to white; half precision rounds by 0.001 of it

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
        image = first_image((args, kwargs))
        before = None if image is None else values_of(image).copy()

        def of_constant(brightness: int) -> np.ndarray | None:
            constant = constant_like(image, brightness)
            if constant is None:
                return None
            positional, named = replaced((args, kwargs), image, constant)
            made = first_image(transform(*positional, **named))
            return None if made is None else values_of(made)

        result = transform(*args, **kwargs)
        result_image = first_image(result)
        after = None if result_image is None else values_of(result_image).copy()
        self.runs.append(_Run(self._parts[id(transform)], before, after, of_constant))
        if self.level is None or result_image is None:
            return result
        level = level_like(result_image, self.level)
        result = replaced(result, result_image, level)
        if first_image(result) is not level:
            raise CannotWatchError
        return result


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
    last = max((number for number, run in enumerate(runs) if is_same(run.after, image)), default=None)
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
            if row[0].before is not None and is_same(run.after, row[0].before):
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
    """The value of white after undoing a run, 0 where there is none; None where the run does not show that."""
    if run.before is None or not run.before.size:
        return None
    if run.before.dtype.kind == "u":
        return round(float(np.iinfo(run.before.dtype).max) * scale, 6)
    least, most = float(run.before.min()), float(run.before.max())
    if least >= 0 and 64 < most <= 255:
        return 255.0 * scale
    colours_to_1 = run.part.white == 1
    return 0.0 if colours_to_1 and (least < -0.5 or most > 1.5) else None


def _is_kept(first: Any, second: Any) -> bool:
    """Whether two reads of one sample gave the same values in memory, as of a data set that keeps its samples."""
    with suppress(Exception):
        return first is second or bool(np.shares_memory(values_of(first), values_of(second)))
    return False


def _is_picture(values: np.ndarray | None) -> bool:
    return values is not None and (values.dtype.kind == "u" or _is_plain(values))


def _is_plain(image: np.ndarray) -> bool:
    """Whether an image has the values of a picture that was not normalised."""
    return bool(image.size) and float(np.nanmin(image)) >= 0 and float(np.nanmax(image)) <= 1

"""A page of the data set's images as thumbnails with their classes: the notebook's "batch" view."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from filterscope.engine import Engine
from filterscope.errors import SampleError
from filterscope.survey import OUTCOMES, Outcome, Survey

SIDE = 56
"""Pixels a side of a thumbnail's box: twice MNIST's 28."""

MOST = 60


def thumbnail(display: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """An image in a box of 56×56: shrunk by area, or enlarged by a whole factor, and centred.

    Args:
        display: float32 `(H, W)` or `(H, W, 3)` in [0, 1].

    Returns:
        uint8 `(56, 56, 3)`, and the height and width of the part that is image.
    """
    height, width = display.shape[:2]
    longest = max(height, width)
    if longest > SIDE:
        size = max(1, round(height * SIDE / longest)), max(1, round(width * SIDE / longest))
        small = cv2.resize(display, size[::-1], interpolation=cv2.INTER_AREA)
    else:
        small = display.repeat(SIDE // longest, 0).repeat(SIDE // longest, 1)
    height, width = small.shape[:2]
    levels = np.floor(small * 255 + 0.5).astype(np.uint8)
    box = np.zeros((SIDE, SIDE, 3), np.uint8)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    box[top : top + height, left : left + width] = levels if levels.ndim == 3 else levels[:, :, None]
    return box, (height, width)


def build_strip(engine: Engine, survey: Survey, args: dict[str, Any]) -> dict[str, Any]:
    """The images `start … start + count − 1` of those that match a filter.

    Args:
        engine: The net and the data set.
        survey: What is known of all images; it goes on in the background where the filter needs more.
        args: `start`, `count` (60 at most), `class` (or None) and `outcome` (`"right"`, `"wrong"` or None).

    Raises:
        ValueError: If an argument is not one of these.
    """
    start, count, wanted, outcome = _arguments(args, survey)
    total = len(engine.source)
    filtered = wanted is not None or outcome is not None
    partial = False
    if filtered:
        survey.need([], whole=True, predictions=outcome is not None)
        partial = survey.progress().running  # before counting: what is done by then is in the count
        matching = survey.matching(wanted, outcome)
        images = [int(image) for image in matching[start : start + count]]
        found = len(matching)
    else:
        images = list(range(start, min(start + count, total)))
        found = total
    survey.need(images, whole=filtered, predictions=outcome is not None or not filtered)
    progress = survey.progress()
    labels, thumbs, sizes, errors = _thumbnails(engine, images)
    return {
        "revision": engine.revision,
        "start": start,
        "images": images,
        "labels": labels,
        "predicted": [survey.predicted(image) for image in images],
        "thumbs": thumbs,
        "sizes": sizes,
        "errors": errors,
        "matching": found,
        "total": total,
        "classes": survey.classes(),
        "survey": {
            "done": progress.done,
            "total": progress.total,
            "running": partial or progress.running,
            "needed": partial or progress.running,
            "error": progress.error,
        },
    }


def _thumbnails(engine: Engine, images: list[int]) -> tuple[list[Any], np.ndarray, list[Any], list[str | None]]:
    labels: list[str | int | None] = []
    boxes: list[np.ndarray] = []
    sizes: list[tuple[int, int]] = []
    errors: list[str | None] = []
    for image in images:
        try:
            sample = engine.read(image)
        except SampleError as error:
            labels.append(None)
            errors.append(str(error))
            boxes.append(np.zeros((SIDE, SIDE, 3), np.uint8))
            sizes.append((0, 0))
            continue
        box, size = thumbnail(sample.display)
        labels.append(sample.label)
        errors.append(None)
        boxes.append(box)
        sizes.append(size)
    return labels, np.stack(boxes) if boxes else np.zeros((0, SIDE, SIDE, 3), np.uint8), sizes, errors


def _arguments(args: dict[str, Any], survey: Survey) -> tuple[int, int, str | int | None, Outcome | None]:
    start, count = args.get("start"), args.get("count")
    if isinstance(start, bool) or not isinstance(start, int) or start < 0:
        raise ValueError(f"start is {start!r}; expected an int from 0 on")
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MOST:
        raise ValueError(f"count is {count!r}; expected an int from 0 to {MOST}")
    wanted, outcome = args.get("class"), args.get("outcome")
    if wanted is not None and wanted not in survey.classes():
        raise ValueError(f"class is {wanted!r}; this data set has {', '.join(map(str, survey.classes()))}")
    if outcome is not None and outcome not in OUTCOMES:
        raise ValueError(f"outcome is {outcome!r}; choose 'right' or 'wrong'")
    return start, count, wanted, outcome

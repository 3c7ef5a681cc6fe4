"""A page of the data set's images as thumbnails with their classes: the notebook's "batch" view."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from typing import Any, TypedDict

import numpy as np

from filterscope.data.thumbnails import SIDE, Thumbnail, no_thumbnail
from filterscope.engine.engine import Engine
from filterscope.host.timing import STREAM_REQUEST_SECONDS, THUMBNAILS_SECONDS
from filterscope.session.survey import OUTCOMES, Outcome, Survey

MOST = 60


class SurveyBody(TypedDict):
    """How far the survey of the data set is; `needed`: somebody waits for it."""

    done: int
    total: int
    running: bool
    needed: bool
    error: str | None


class StripBody(TypedDict):
    """A page of images; `right` is None where labels and predictions tell.

    `thumbs` is uint8 `(n, 56, 56, 3)`, or None where the page has these `pictures`.
    """

    revision: int
    start: int
    images: list[int]
    labels: list[str | int | None]
    predicted: list[str | int | None]
    right: list[bool | None]
    thumbs: np.ndarray | None
    pictures: int
    sizes: list[tuple[int, int]]
    errors: list[str | None]
    matching: int
    total: int
    classes: list[str | int]
    survey: SurveyBody


def build_strip(
    engine: Engine, survey: Survey, args: dict[str, Any], someone_waits: Callable[[], bool] = lambda: False
) -> StripBody:
    """The images `start … start + count − 1` of those that match a filter.

    Args:
        engine: The net and the data set.
        survey: What is known of all images; it goes on in the background where the filter needs more.
        args: `start`, `count` (60 at most), `class` (or None) and `outcome` (`"right"`, `"wrong"` or None); and `held`,
            the `pictures` of a strip that the page has: if it would get the same again, its `thumbs` are None.
        someone_waits: Whether a person waits for a picture: then nothing is read here any more.

    Raises:
        ValueError: If an argument is not one of these.
    """
    start, count, label, outcome = _arguments(args, survey)
    engine.samples.has(start + count, STREAM_REQUEST_SECONDS)  # of a stream
    total = len(engine.source)
    filtered = label is not None or outcome is not None
    partial = False
    if filtered:
        survey.need([], whole=True, predictions=outcome is not None)
        partial = survey.progress().running  # before counting: what is done by then is in the count
        matching = survey.matching(label, outcome)
        images = [int(image) for image in matching[start : start + count]]
        matches = len(matching)
    else:
        images = list(range(start, min(start + count, total)))
        matches = total
    thumbnails = _thumbnails(survey, images, someone_waits)
    survey.need(images, whole=filtered, predictions=outcome is not None or not filtered, pictures=True)
    progress = survey.progress()
    running = partial or progress.running or None in thumbnails
    drawn = [thumbnail or no_thumbnail() for thumbnail in thumbnails]
    boxes = np.stack([each.box for each in drawn]) if drawn else np.zeros((0, SIDE, SIDE, 3), np.uint8)
    pictures = zlib.crc32(boxes.tobytes(), len(boxes))
    return {
        "revision": engine.revision,
        "start": start,
        "images": images,
        "labels": [each.label for each in drawn],
        "predicted": [
            survey.predicted(image) if each.label is None or each.label in engine.classes else None
            for image, each in zip(images, drawn, strict=True)
        ],
        "right": [survey.right(image) for image in images],
        "thumbs": None if args.get("held") == pictures else boxes,
        "pictures": pictures,
        "sizes": [each.size for each in drawn],
        "errors": [each.error for each in drawn],
        "matching": matches,
        "total": total,
        "classes": survey.classes(),
        "survey": {
            "done": progress.done,
            "total": progress.total,
            "running": running,
            "needed": running,
            "error": progress.error,
        },
    }


def _thumbnails(survey: Survey, images: list[int], someone_waits: Callable[[], bool]) -> list[Thumbnail | None]:
    """The thumbnails that are there or are quickly made; None where the image is still to be read in the background."""
    end = time.monotonic() + THUMBNAILS_SECONDS
    return [survey.thumbnail(image, read=time.monotonic() < end and not someone_waits()) for image in images]


def _arguments(args: dict[str, Any], survey: Survey) -> tuple[int, int, str | int | None, Outcome | None]:
    start, count = args.get("start"), args.get("count")
    if isinstance(start, bool) or not isinstance(start, int) or start < 0:
        raise ValueError(f"start is {start!r}; expected an int from 0 on")
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MOST:
        raise ValueError(f"count is {count!r}; expected an int from 0 to {MOST}")
    label, outcome = args.get("class"), args.get("outcome")
    if label is not None and label not in survey.classes():
        raise ValueError(f"class is {label!r}; this data set has {', '.join(map(str, survey.classes()))}")
    if outcome is not None and outcome not in OUTCOMES:
        raise ValueError(f"outcome is {outcome!r}; choose 'right' or 'wrong'")
    return start, count, label, outcome

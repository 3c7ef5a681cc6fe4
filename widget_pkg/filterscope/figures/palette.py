"""Codes to colours, by the page's own rule and anchors, for the pictures that Python draws itself."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Literal

import numpy as np

from filterscope.assets import asset_text
from filterscope.filters.value_range import FIRST_CODE, LAST_CODE, MINUS_INFINITY_CODE, NAN_CODE, PLUS_INFINITY_CODE

PaletteName = Literal["sequential", "diverging", "gray"]


def palette_for(signed: bool) -> PaletteName:
    """The palette that fits a range: diverging about zero, or sequential."""
    return "diverging" if signed else "sequential"


@cache
def lookup(name: PaletteName) -> np.ndarray:
    """The colour of each code, uint8 `(256, 3)`: between the anchors piecewise linear, per sRGB channel.

    Example:
        >>> lookup("diverging")[128].tolist()  # zero
        [244, 243, 242]
    """
    anchors = _anchors()
    stops = np.array([_rgb(anchor) for anchor in anchors[name]], np.float64)
    place = np.arange(LAST_CODE - FIRST_CODE + 1) / (LAST_CODE - FIRST_CODE) * (len(stops) - 1)
    index = np.minimum(np.floor(place).astype(int), len(stops) - 2)
    mixed = stops[index] + (stops[index + 1] - stops[index]) * (place - index)[:, None]
    colours = np.zeros((256, 3), np.uint8)
    colours[FIRST_CODE : LAST_CODE + 1] = np.floor(mixed + 0.5)
    for code, key in ((NAN_CODE, "nan"), (MINUS_INFINITY_CODE, "-inf"), (PLUS_INFINITY_CODE, "+inf")):
        colours[code] = _rgb(anchors[key])
    colours.setflags(write=False)
    return colours


@cache
def class_colours() -> np.ndarray:
    """The colours that classes have in turn, uint8 `(8, 3)`."""
    colours = np.array([_rgb(colour) for colour in _anchors()["classes"]], np.uint8)
    colours.setflags(write=False)
    return colours


@cache
def _anchors() -> dict[str, Any]:
    anchors: dict[str, Any] = json.loads(asset_text("palettes.json"))  # the page's own file, put there by js/build.mjs
    return anchors


def _rgb(colour: str) -> list[int]:
    return [int(colour[start : start + 2], 16) for start in (1, 3, 5)]

"""What a canvas must show, computed from the arrays alone: the stated range, the codes and the palette's anchors."""

import json
from pathlib import Path

import numpy as np

ANCHORS = json.loads((Path(__file__).parents[2] / "js" / "src" / "draw" / "palette.json").read_text())


def rgb(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


def table(name: str) -> np.ndarray:
    """The colours of codes 2 … 254, between equally spaced anchors; codes 0, 1, 255 are NaN and the infinities."""
    stops = np.array([rgb(colour) for colour in ANCHORS[name]], float)
    place = np.arange(253) / 252 * (len(stops) - 1)
    inside = np.stack([np.interp(place, np.arange(len(stops)), stops[:, k]) for k in range(3)], 1)
    special = [[rgb(ANCHORS["nan"])], [rgb(ANCHORS["-inf"])], np.floor(inside + 0.5), [rgb(ANCHORS["+inf"])]]
    return np.concatenate(special).astype(np.uint8)


def colours(values, of=None, palette: str = "auto") -> np.ndarray:
    """A map's pixels, uint8 (rows, columns, 3); `of` are the values that share its scale (by default itself)."""
    values = np.asarray(values, np.float32).astype(float)
    scale = values if of is None else np.asarray(of, np.float32).astype(float)
    finite = scale[np.isfinite(scale)]
    signed = finite.min() < 0
    high = np.abs(finite).max()
    low = -high if signed else 0.0
    place = np.clip((np.nan_to_num(values) - low) / (high - low), 0, 1) if high > low else np.zeros_like(values)
    codes = 2 + np.floor(place * 252 + 0.5).astype(int)
    codes[np.isnan(values)] = 0
    codes[values == -np.inf] = 1
    codes[values == np.inf] = 255
    name = palette if palette != "auto" else "diverging" if signed else "sequential"
    return table(name)[codes]


def gray(display) -> np.ndarray:
    """An image's pixels, from values in [0, 1]."""
    levels = np.floor(np.asarray(display, np.float32) * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    return np.repeat(levels[..., None], 3, -1) if levels.ndim == 2 else levels

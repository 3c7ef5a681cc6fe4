"""What a filter looks for, in plain words, at a stated error rate; from its weights alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from filterscope.verdicts.chance import per_100
from filterscope.verdicts.weights.matching import P_NAME, Match, match_kernels
from filterscope.verdicts.weights.separable import shared_patterns

NO_PATTERN = "no simple pattern"

_SIDES = ("right", "upper right", "above", "upper left", "left", "lower left", "below", "lower right")
_OPPOSITE = {"right": "left", "above": "below", "left": "right", "below": "above"}
_COLOURS = {
    "": (1, 1, 1),
    "red-cyan": (2, -1, -1),
    "green-magenta": (-1, 2, -1),
    "blue-yellow": (-1, -1, 2),
    "red-green": (1, -1, 0),
    "red-blue": (1, 0, -1),
    "green-blue": (0, 1, -1),
    "red": (1, 0, 0),
    "green": (0, 1, 0),
    "blue": (0, 0, 1),
}
_P_SHARED = 0.05  # only asks whether one pattern stands for the filter; a name's error rate is that of the match


@dataclass(frozen=True)
class Pattern:
    """What a filter's kernels look like.

    Attributes:
        name: In plain words, or `"no simple pattern"`; None where there are no templates for such kernels.
        match: The best template of the common spatial pattern; None likewise.
        shared: Share of the filter's energy in that one pattern over its channels: 1 for a single kernel.
        p_shared: How often a random filter's channels share a pattern as much; NaN for a single kernel.
        reason: Why there is no template or no name, one sentence without full stop, or "".
    """

    name: str | None
    match: Match | None
    shared: float = 1.0
    p_shared: float = np.nan
    reason: str = ""


def name_patterns(kernels: np.ndarray, sees_rgb: bool = False) -> list[Pattern]:
    """Names what each filter of a layer looks for.

    Where a filter has several kernels it is split into the one spatial pattern that explains most and the share of each
    channel in it (the first singular vectors); that pattern is compared. A random filter's is a random direction, so
    the same null holds.

    Args:
        kernels: The layer's weights `(F, C_in/groups, *k)`.
        sees_rgb: Whether the three channels are the red, green and blue of the image.

    Returns:
        One result a filter.
    """
    count, channels, *size = kernels.shape
    if len(size) != 2 or min(size) < 3:
        shape = "×".join(map(str, size))
        return [Pattern(None, None, reason=f"there are no templates for kernels of size {shape}")] * count
    flat = kernels.reshape(count, channels, -1).astype(np.float64)
    usable = np.all(np.isfinite(flat), axis=(1, 2)) & np.any(flat, axis=(1, 2))
    flat = np.where(usable[:, None, None], flat, 0)
    shared = shared_patterns(flat)
    matches = match_kernels(np.where(usable[:, None], shared.pattern, 0).reshape(count, *size))
    patterns = []
    for index, match in enumerate(matches):
        if match is None:
            patterns.append(Pattern(None, None, reason="its weights are zero or not finite"))
            continue
        p = float(shared.p[index])
        reason = _unclear(match, p)
        name = NO_PATTERN
        if not reason:
            name = _plain_name(match)
            if sees_rgb and channels == 3:
                name = _in_colour(name, shared.channels[index])
        patterns.append(Pattern(name, match, float(shared.share[index]), p, reason))
    return patterns


def _unclear(match: Match, p_shared: float) -> str:
    """Why a plain name would say too much; "" where it would not."""
    if match.p_template >= P_NAME:
        return f"{per_100(match.p_template)} in 100 random kernels match one template or another as unexpectedly well"
    if p_shared >= _P_SHARED:  # NaN: a single kernel
        return f"its channels look different: {per_100(p_shared)} in 100 random filters have them as much alike"
    return "" if match.is_clear else f"{match.runner_up} fits about as well"


def _in_colour(name: str, vector: np.ndarray) -> str:
    """With the nearest colour direction before it, and its two ends in place of bright and dark."""
    directions = np.array(list(_COLOURS.values()), np.float64)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    along = (directions * vector).sum(1)
    nearest = int(np.abs(along).argmax())
    colour = list(_COLOURS)[nearest]
    first, _, second = colour.partition("-")
    if second:
        high, low = (first, second) if along[nearest] > 0 else (second, first)
        name = name.replace("bright", high).replace("dark", low)
    return f"{colour} {name}".strip()


def _plain_name(match: Match) -> str:
    bright = "bright" if match.sign > 0 else "dark"
    dark = "dark" if match.sign > 0 else "bright"
    kind = match.template
    if kind == "edge":
        return _edge(match)
    if kind == "bar":
        return _lined(match, f"{bright} bar")
    if kind == "stripes":
        return f"{_lined(match, 'stripes')}, {match.period:.1f} px apart"
    if kind == "blob":
        return f"{bright} spot on {dark}"
    if kind == "corner":
        return f"{bright} corner, open to the {_SIDES[round((match.angle or 0) / 45) % 8]}"
    if kind == "smoothing":
        return "smoothing" if match.sign > 0 else "smoothing, inverted"
    if kind == "point":
        return "the pixel itself" if match.sign > 0 else "the pixel itself, inverted"
    if kind == "shifted point":
        return f"{bright} pixel {_place(match.place)}"
    return kind


def _edge(match: Match) -> str:
    direction = _direction(match.angle or 0.0)
    if direction is None:
        corner = _SIDES[2 * int(match.facing // 90) + 1]
        return f"edge at {match.angle:.0f}°, bright at the {corner}"
    side = _SIDES[2 * round(match.facing / 90) % 8]
    return f"{direction} edge: dark {_OPPOSITE[side]}, bright {side}"


def _lined(match: Match, what: str) -> str:
    direction = _direction(match.angle or 0.0)
    return f"{what} at {match.angle:.0f}°" if direction is None else f"{direction} {what}"


def _direction(angle: float) -> str | None:
    if min(angle, 180 - angle) < 11.25:
        return "horizontal"
    return "vertical" if abs(angle - 90) < 11.25 else None


def _place(place: tuple[float, float]) -> str:
    words = []
    for value, positive, negative in ((place[0], "below", "above"), (place[1], "right", "left")):
        if value:
            words.append(f"{abs(value):g} {positive if value > 0 else negative}")
    return " and ".join(words)

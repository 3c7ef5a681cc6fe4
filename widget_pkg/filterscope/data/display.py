"""Draws an image: with Normalize undone, transparency over a checkerboard, and at need one channel alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from filterscope.data.normalize import Finding

_SQUARES = 16  # of the checkerboard along the shorter side
_LIGHT, _DARK = 0.85, 0.6
_MOST_OUTSIDE = 0.1  # of the values, where it is not certain that a Normalize is what happened to the image


@dataclass(frozen=True, eq=False)
class Display:
    """A picture of an image.

    Attributes:
        pixels: float32 `(H, W)` or `(H, W, 3)` in [0, 1].
        low: The value that is drawn black: a value of the image, or of the image before Normalize where that is undone.
        high: The value that is drawn white.
        note: How the picture was made, in sentences.
        plane: The channel that is drawn, where only one is; else None.
        planes: How many channels there are to choose from; 0 where all are drawn together.
    """

    pixels: np.ndarray
    low: float
    high: float
    note: str
    plane: int | None
    planes: int


def draw(image: np.ndarray, finding: Finding, plane: int = 0) -> Display:
    """Draws an image.

    Args:
        image: float32 `(C, H, W)`; or `(C, L)`, whose channels become rows; or `(C, D, H, W)`, of which the middle
            slice is drawn.
        finding: The Normalize that the image went through.
        plane: The channel to draw where they cannot be drawn together: two, more than four, or four of which the last
            is not a transparency. A number beyond the last channel means the last.
    """
    notes: list[str] = []
    shown = image[None] if image.ndim == 2 else image
    if image.ndim == 4:
        middle = image.shape[1] // 2
        shown = image[:, middle]
        notes.append(f"Slice {middle} of {image.shape[1]}.")
    normalize = finding.normalize
    white: float | None = None
    if normalize is not None and normalize.fits(image):
        undone = (normalize.undo(image[:, :, None]) if image.ndim == 2 else normalize.undo(shown)).reshape(shown.shape)
        outside = _outside(undone, normalize.white) if finding.only_found else 0.0
        if outside > _MOST_OUTSIDE:
            notes.append(
                f"To undo the Normalize that was found would leave {outside:.0%} of the values outside 0 … "
                f"{normalize.white:.0f}: not undone."
            )
            normalize = None
    if normalize is not None and normalize.fits(image):
        shown, white = undone, normalize.white
        notes.append("Normalize undone." if white != 255 else "Normalize undone (its numbers are for values 0 … 255).")
    elif normalize is not None:
        numbers = max(len(normalize.mean), len(normalize.std))
        notes.append(f"Its Normalize has {numbers} numbers for {image.shape[0]} channels: not undone.")
    if finding.doubt and (normalize is not None or finding.normalize is None):
        notes.append(finding.doubt)

    count = shown.shape[0]
    finite = np.isfinite(shown)
    alpha = count == 4 and bool(finite[3].all()) and shown[3].min() >= 0 and shown[3].max() <= (white or 1)
    chosen = None
    if count not in (1, 3) and not alpha:
        chosen = min(plane, count - 1)
        shown, finite = shown[chosen : chosen + 1], finite[chosen : chosen + 1]
        notes.append(f"Channel {chosen} of {count}.")
    colours = shown[:3] if alpha else shown
    if white is not None:
        low, high = 0.0, white
        notes += _clipped(colours, white)
    else:
        low, high = _range(colours, finite[: len(colours)])
        if (low, high) != (0.0, 1.0):
            words = f"Drawn from {low:.3g} (black) to {high:.3g} (white)." if high > low else ""
            notes.append(words.replace("-", "−"))
    known = finite.all()
    if not known:
        notes.append(f"{int(finite.size - finite.sum())} values are NaN or infinite.")
    pixels = _scaled(colours if known else np.nan_to_num(colours, nan=low, posinf=np.inf, neginf=-np.inf), low, high)
    if alpha:
        opacity = shown[3] / np.float32(white or 1)
        pixels = pixels * opacity + checkerboard(*shown.shape[1:]) * (1 - opacity)
        notes.append("Transparent over a checkerboard.")
    drawn = pixels[0] if len(pixels) == 1 else np.ascontiguousarray(np.moveaxis(pixels, 0, -1))
    return Display(drawn, low, high, " ".join(filter(None, notes)), chosen, 0 if chosen is None else count)


def _scaled(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Values scaled from `low` … `high` to 0 … 1 and clipped to that, float32 of their shape."""
    if high <= low:
        return np.zeros_like(values)
    scaled = values if (low, high) == (0.0, 1.0) else (values - np.float32(low)) / np.float32(high - low)
    clipped: np.ndarray = np.clip(scaled, 0, 1).astype(np.float32, copy=False)
    return clipped


def checkerboard(height: int, width: int) -> np.ndarray:
    """Light and dark squares, float32 `(height, width)` in [0, 1], about 16 along the shorter side."""
    side = max(1, min(height, width) // _SQUARES)
    odd = (np.arange(height)[:, None] // side + np.arange(width) // side) % 2
    squares: np.ndarray = np.where(odd == 0, np.float32(_LIGHT), np.float32(_DARK))
    return squares


def _range(values: np.ndarray, finite: np.ndarray) -> tuple[float, float]:
    """The values drawn black and white: 0 and 1 where all finite values lie between, else their least and greatest."""
    known = values if finite.all() else values[finite]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    return (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)


def _outside(values: np.ndarray, white: float | None) -> float:
    """The share of the values outside of 0 … white by more than a hundredth; 0 where white is not known."""
    if white is None or not values.size:
        return 0.0
    return float(((values < -0.01 * white) | (values > 1.01 * white)).mean())


def _clipped(values: np.ndarray, white: float) -> list[str]:
    """A sentence on how many values lie outside of 0 … white by more than half of one of 256 levels; or none."""
    slack = white / 510
    count = int(((values < -slack) | (values > white + slack)).sum())
    return [f"{count} of {values.size} values lay outside 0 … {white:.0f} and are clipped."] if count else []

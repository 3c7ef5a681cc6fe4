"""Images that are nearly the same: another brightness, another size, another compression of one picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

_SIDE, _LOW = 32, 8  # of the thumbnail, and of its low frequencies, whose signs are the hash
_SMALL = 16  # of the thumbnail that is correlated
# At most so many of 64 bits differ, and the thumbnails correlate at least so much.
_BITS, _CORRELATION = 6, 0.98


@dataclass(frozen=True, eq=False)
class Likeness:
    """What is compared of an image.

    Attributes:
        bits: bool `(64,)`, the signs of the lowest frequencies of a thumbnail, about their median (perceptual hash).
        thumbnail: float32 `(256,)`, a thumbnail without its mean, of length 1; 0 for an image of one value.
        mean: Its mean.
    """

    bits: np.ndarray
    thumbnail: np.ndarray
    mean: float

    @classmethod
    def of(cls, picture: np.ndarray) -> Likeness:
        """What is compared of a picture, float32 `(H, W)` or `(H, W, 3)` in [0, 1]."""
        gray = np.ascontiguousarray(picture if picture.ndim == 2 else picture.mean(-1), np.float32)
        frequencies = cv2.dct(_resized(gray, _SIDE))[:_LOW, :_LOW].ravel()
        thumbnail = _resized(gray, _SMALL).ravel()
        mean = float(thumbnail.mean())
        centred = thumbnail - mean
        length = float(np.linalg.norm(centred))
        scaled = centred / length if length > 1e-4 else np.zeros_like(centred)
        return cls(frequencies > np.median(frequencies[1:]), scaled, mean)

    def is_nearly(self, other: Likeness) -> bool:
        """Whether both are of nearly the same picture."""
        if not self.thumbnail.any() or not other.thumbnail.any():
            return not self.thumbnail.any() and not other.thumbnail.any() and abs(self.mean - other.mean) < 0.02
        if np.count_nonzero(self.bits != other.bits) > _BITS:
            return False
        return float(self.thumbnail @ other.thumbnail) >= _CORRELATION


def _resized(gray: np.ndarray, side: int) -> np.ndarray:
    shrinks = max(gray.shape) > side
    resized: np.ndarray = cv2.resize(gray, (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return resized

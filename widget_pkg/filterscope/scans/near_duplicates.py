"""Images that are nearly the same: another brightness, another size, another compression of one picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

_SIDE = 32  # of the thumbnail
_LOW = 8  # of its low frequencies, whose signs are the hash
_COMPARED = 12  # of those whose strengths are compared
_LUMA = np.array((0.299, 0.587, 0.114), np.float32)  # which JPEG keeps, other than the colours
# At most so many of 64 bits differ, and the frequencies correlate at least so much. Of the 50 million pairs of
# FashionMNIST's test images 6 do: of the same thing, or of two that are hard to tell apart.
_BITS, _CORRELATION = 6, 0.975


@dataclass(frozen=True, eq=False)
class Likeness:
    """What is compared of an image.

    Attributes:
        bits: bool `(64,)`, the signs of the lowest frequencies of a thumbnail, about their median (perceptual hash).
        frequencies: float32 `(144,)`, more of its frequencies, without the mean, of length 1; 0 for an image of one
            value. Square roots with their signs: else the strongest would hide in what the others differ.
        mean: The thumbnail's mean.
    """

    bits: np.ndarray
    frequencies: np.ndarray
    mean: float

    @classmethod
    def of(cls, picture: np.ndarray) -> Likeness:
        """What is compared of a picture, float32 `(H, W)` or `(H, W, 3)` in [0, 1]."""
        gray = np.ascontiguousarray(picture if picture.ndim == 2 else (picture * _LUMA).sum(-1), np.float32)
        thumbnail = _resized(gray, _SIDE)
        spectrum = cv2.dct(thumbnail)
        lowest = spectrum[:_LOW, :_LOW].ravel()
        compared = spectrum[:_COMPARED, :_COMPARED].ravel()
        compared[0] = 0
        roots = np.sign(compared) * np.sqrt(np.abs(compared))
        frequencies = roots / _length(roots) if _length(compared) > 1e-4 else np.zeros_like(roots)
        return cls(lowest > np.median(lowest[1:]), frequencies, float(thumbnail.mean()))

    def is_nearly(self, other: Likeness) -> bool:
        """Whether both are of nearly the same picture."""
        if not self.frequencies.any() or not other.frequencies.any():
            return not self.frequencies.any() and not other.frequencies.any() and abs(self.mean - other.mean) < 0.02
        if np.count_nonzero(self.bits != other.bits) > _BITS:
            return False
        return float((self.frequencies * other.frequencies).sum()) >= _CORRELATION


def _resized(gray: np.ndarray, side: int) -> np.ndarray:
    shrinks = max(gray.shape) > side
    resized: np.ndarray = cv2.resize(gray, (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return resized


def _length(vector: np.ndarray) -> float:
    return float(np.sqrt(np.square(vector).sum()))

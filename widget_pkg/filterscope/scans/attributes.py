"""What images have that can be told without labels: brightness, contrast, colour, edges, and where they are bright."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from filterscope.inputs import Inputs

_ROUNDING = 1e-5  # of the variance: float32 sums tell no smaller differences


@dataclass(frozen=True)
class Attribute:
    """Something that every image has more or less of.

    Attributes:
        name: What it is called.
        high: The images that have more of it than the median image, a phrase.
        low: Those that have less.
    """

    name: str
    high: str
    low: str


ATTRIBUTES = (
    Attribute("brightness", "bright images", "dark images"),
    Attribute("contrast", "images of high contrast", "images of low contrast"),
    Attribute("red", "reddish images", "images with little red"),
    Attribute("green", "greenish images", "images with little green"),
    Attribute("blue", "bluish images", "images with little blue"),
    Attribute("colourfulness", "colourful images", "images of one colour"),
    Attribute("edge density", "images with many edges", "images with few edges"),
    Attribute("horizontal edges", "images with horizontal edges", "images with vertical edges"),
    Attribute("rising edges", "images with rising edges", "images with falling edges"),
    Attribute("row", "images that are bright below", "images that are bright above"),
    Attribute("column", "images that are bright at the right", "images that are bright at the left"),
)
"""The attributes, in the order of the columns of `attributes_of`."""


def attributes_of(images: Iterable[np.ndarray | Inputs]) -> np.ndarray:
    """The attributes of images as the net is given them, so that a Normalize is not undone.

    - brightness: the mean of all values; contrast: their standard deviation within the channels.
    - red, green, blue: by how much the mean of that channel is above the mean of all three; colourfulness: the first
      term of Hasler and Süsstrunk's measure (2003), √(σ² of R − G + σ² of (R + G) / 2 − B), which no shift of a channel
      changes. Only of images of three channels.
    - edge density: the mean squared difference of neighbours, as a share of that of values in random order: 0 where all
      is smooth, 1 for white noise.
    - horizontal edges: (v − h) / (v + h) of the mean squared differences between vertical and horizontal neighbours;
      rising edges: the same of neighbours along the falling and the rising diagonal.
    - row and column: how far the centre of the image's mass lies below and right of its middle, in pixels; the mass of
      a pixel is its value above the image's least.

    Args:
        images: float32 `(C, H, W)` each, of one shape; `(C, L)` or `(C, D, H, W)`. Of several inputs, the image.

    Returns:
        float32 `(N, 11)`; NaN where an image has no such attribute: a signal has neither rows nor colours, and an image
        with a NaN has none.
    """
    shown = [image.shown if isinstance(image, Inputs) else image for image in images]
    values = np.stack([np.asarray(image, np.float32) for image in shown])
    values = values.reshape(len(values), *(values.shape[1:] if values.ndim > 2 else (1, -1)))  # a vector is one channel
    known: dict[str, np.ndarray] = {}
    if values.size:
        with np.errstate(all="ignore"):  # infinite values, and NaN
            known = _of_values(values)
    result = np.full((len(values), len(ATTRIBUTES)), np.nan, np.float32)
    for place, attribute in enumerate(ATTRIBUTES):
        if attribute.name in known:
            result[:, place] = known[attribute.name]
    result[~np.isfinite(result)] = np.float32(np.nan)  # one NaN for all: others have other bytes
    return result


def _of_values(values: np.ndarray) -> dict[str, np.ndarray]:
    """Attributes of a batch `(N, C, *S)`, which is written to, by name; an image's do not depend on the others."""
    channels, size = values.shape[1], values.shape[2:]
    flat = values.reshape(*values.shape[:2], -1)
    means, least = flat.mean(2), flat.min(2)
    flat -= means[..., None]
    planes = _Planes(values)
    variance = planes.squares / (channels * flat.shape[2])
    known = {"brightness": means.mean(1), "contrast": np.sqrt(variance)}
    if channels == 3 and len(size) == 2:
        known |= _colours(means.astype(np.float64), flat)
    mass = (means - least).sum(1, dtype=np.float64) * flat.shape[2]
    for name, axis in (("row", 1), ("column", 2)):
        if planes.values.shape[axis] > 1:
            known[name] = np.where(mass <= 0, 0, planes.lever(axis) / mass)
    return known | _edges(planes, variance)


def _colours(means: np.ndarray, centred: np.ndarray) -> dict[str, np.ndarray]:
    above = means - means.mean(1, keepdims=True)
    covariance = np.einsum("nai,nbi->nab", centred, centred).astype(np.float64) / centred.shape[2]
    red_green, yellow_blue = np.array([1.0, -1.0, 0.0]), np.array([0.5, 0.5, -1.0])
    spread = sum(np.einsum("a,nab,b->n", along, covariance, along) for along in (red_green, yellow_blue))
    colourfulness = np.sqrt(np.maximum(spread, 0))
    return {"red": above[:, 0], "green": above[:, 1], "blue": above[:, 2], "colourfulness": colourfulness}


def _edges(planes: _Planes, variance: np.ndarray) -> dict[str, np.ndarray]:
    height, width = planes.values.shape[1:]
    if min(height, width) == 1:
        line = planes.differ(int(height > 1), int(width > 1))
        return {"edge density": _share(line, 2 * variance, variance)} if max(height, width) > 1 else {}
    right, down = planes.differ(0, 1), planes.differ(1, 0)
    falling, rising = planes.differ(1, 1), planes.differ(1, -1)
    return {
        "edge density": _share(right + down, 4 * variance, variance),
        "horizontal edges": _share(down - right, down + right, variance),
        "rising edges": _share(falling - rising, falling + rising, variance),
    }


class _Planes:
    """All planes `(H, W)` of a batch `(N, C, *S)` of images whose mean is 0; a signal is one row.

    Neighbours' squared differences come by Σ (a − b)² = Σ a² + Σ b² − 2 Σ a b, and the squares are those of all values
    without the border's, so that one product is left for each direction: a third of the time that differences take.
    """

    def __init__(self, images: np.ndarray) -> None:
        size = images.shape[2:]
        self._images = len(images)
        self.values = images.reshape(-1, *((1, *size) if len(size) == 1 else size[-2:]))
        self.squares = self._dot(self.values, self.values)

    def lever(self, axis: int) -> np.ndarray:
        """The sum of all values, each times its distance from the middle along an axis of the planes."""
        length = self.values.shape[axis]
        places = np.arange(length, dtype=np.float32) - np.float32((length - 1) / 2)
        return self._of_images(np.einsum("nij,i->n" if axis == 1 else "nij,j->n", self.values, places))

    def differ(self, down: int, right: int) -> np.ndarray:
        """The mean squared difference of values so many rows and columns apart, 0 or 1: float64 `(N,)`."""
        height, width = self.values.shape[1:]
        one = self.values[:, down:, max(right, 0) : width + min(right, 0)]
        two = self.values[:, : height - down, max(-right, 0) : width + min(-right, 0)]
        squares = self._inside(down, right) + self._inside(-down, -right)
        total = np.maximum(squares - 2 * self._dot(one, two), 0)
        difference: np.ndarray = total * self._images / one.size
        return difference

    def _inside(self, down: int, right: int) -> np.ndarray:
        """The squares of all values that have a neighbour so many rows above and so many columns left of them."""
        ends = {1: slice(None, 1), 0: slice(0), -1: slice(-1, None)}
        border = self.values[:, ends[down]], self.values[:, :, ends[right]]
        corner = self.values[:, ends[down], ends[right]]
        inside: np.ndarray = self.squares - sum(self._dot(part, part) for part in border) + self._dot(corner, corner)
        return inside

    def _dot(self, one: np.ndarray, two: np.ndarray) -> np.ndarray:
        return self._of_images(np.einsum("nij,nij->n", one, two))

    def _of_images(self, of_planes: np.ndarray) -> np.ndarray:
        total: np.ndarray = of_planes.reshape(self._images, -1).sum(1, dtype=np.float64)
        return total


def _share(part: np.ndarray, whole: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """A part of a whole; 0 where nothing differs but by rounding."""
    share: np.ndarray = np.where(whole <= _ROUNDING * variance, 0, part / whole)
    return share

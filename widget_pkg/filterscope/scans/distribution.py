"""How a filter's maxima are distributed over the images, all together and by class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from filterscope.scans.piece import Label
from filterscope.scans.state import Column


@dataclass(frozen=True)
class Moments:
    """One filter's maxima over some images, each the greatest value of the filter's map of an image.

    Attributes:
        images: How many images there are.
        nan: In how many of these the map has a NaN; they are left out of all that follows.
        infinite: In how many the maximum is infinite; these are left out of mean and deviation.
        fires: In which share the maximum is above 0; NaN without images.
        mean: Mean of the maxima; NaN without images.
        deviation: Their standard deviation, of the images themselves and not of those they stand for.
        least: The least maximum.
        greatest: The greatest one.

    Example:
        >>> from filterscope import demo, scan
        >>> found = scan(demo.fashion_net(), demo.fashion_test_data(), images=100, progress=False)
        >>> moments = found.moments("conv1", 0)
        >>> moments[None].images, len(moments), 0 <= moments[None].fires <= 1
        (100, 11, True)
    """

    images: int
    nan: int
    infinite: int
    fires: float
    mean: float
    deviation: float
    least: float
    greatest: float


@dataclass(frozen=True, eq=False)
class Histogram:
    """How many images have which maximum.

    Attributes:
        edges: float64 `(bins + 1,)`, from the least finite maximum to the greatest; each bin has its lower edge, the
            last one both.
        counts: int64 `(bins,)`, images of all classes, and those without.
        by_class: int64 `(bins,)` for each class.
        nan: Images whose map has a NaN.
        infinite: Images whose maximum is infinite.

    Example:
        >>> from filterscope import demo, scan
        >>> found = scan(demo.fashion_net(), demo.fashion_test_data(), images=100, progress=False)
        >>> histogram = found.histogram("conv1", 0, bins=8)
        >>> histogram.edges.shape, int(histogram.counts.sum()), len(histogram.by_class)
        ((9,), 100, 10)
    """

    edges: np.ndarray
    counts: np.ndarray
    by_class: Mapping[Label, np.ndarray]
    nan: int
    infinite: int


def moments_of(maxima: np.ndarray) -> Moments:
    """Moments of maxima, float32 `(n,)`: the same for the same numbers in the same order."""
    known = maxima[~np.isnan(maxima)].astype(np.float64)
    finite = known[np.isfinite(known)]
    nothing = float("nan")
    return Moments(
        images=len(maxima),
        nan=len(maxima) - len(known),
        infinite=len(known) - len(finite),
        fires=float((known > 0).mean()) if len(known) else nothing,
        mean=float(finite.mean()) if len(finite) else nothing,
        deviation=float(finite.std()) if len(finite) else nothing,
        least=float(known.min()) if len(known) else nothing,
        greatest=float(known.max()) if len(known) else nothing,
    )


def histogram_of(column: Column, classes: tuple[Label, ...], bins: int) -> Histogram:
    """The histogram of a filter's maxima.

    Args:
        column: The filter's scores.
        classes: The classes that the column's labels are places in.
        bins: How many bins.
    """
    finite = np.isfinite(column.maximum)
    values = column.maximum.astype(np.float64)
    low, high = (values[finite].min(), values[finite].max()) if finite.any() else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1, bins + 1)

    def counted(chosen: np.ndarray) -> np.ndarray:
        counts: np.ndarray = np.histogram(values[chosen & finite], edges)[0].astype(np.int64)
        return counts

    by_class = {name: counted(column.labels == number) for number, name in enumerate(classes)}
    nan = int(np.isnan(column.maximum).sum())
    return Histogram(edges, counted(finite), by_class, nan, int((~finite).sum()) - nan)

"""`filterscope.exemplar_figure`: what each filter of a layer looks for, as a figure for a paper."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from filterscope.scans.result import Scan

if TYPE_CHECKING:  # matplotlib takes half a second to import, so it waits until somebody draws
    from filterscope.figures.paper_figure import PaperFigure


def exemplar_figure(found: Scan, layer: Any, filters: Iterable[int] | int | None = None, k: int = 9) -> PaperFigure:
    """A figure for a paper: a row for each filter, its kernel and what its greatest maxima see, with class and value.

    The crops are those of `found.top(layer, filter, k).crops()`: the pixels that the maximum's position sees, of one
    scale where they lie within the image. Of a layer that sees the whole image all of it is shown, and a ring marks the
    position.

    Args:
        found: What `scan` found, with net and data set at hand.
        layer: The layer's index, name or title, or its `ConvLayer`.
        filters: Index of the filter, or of several; None for all of the layer, the first 64 of more.
        k: How many crops stand in a row, 1 to 12; fewer come where there are fewer images.

    Returns:
        A `matplotlib.figure.Figure`, 7.2 inches wide. A cell that ends with it shows it; `savefig` writes PNG, SVG or
        PDF. It needs no display.

    Raises:
        TypeError: If `found` is no scan.
        ValueError: If there is no such layer or filter; if the scan was loaded without its net and data set, or the net
            has other weights by now.
        SampleError: If an image cannot be read any more.

    Example:
        >>> from filterscope import demo, exemplar_figure, scan
        >>> found = scan(demo.fashion_net(), demo.fashion_test_data(), images=100, progress=False)
        >>> figure = exemplar_figure(found, "conv2", filters=[3, 5], k=6)
        >>> len(figure.axes)  # two rows of a kernel and six crops, and a colour bar
        15
        >>> figure.savefig("conv2.pdf")  # doctest: +SKIP
    """
    from filterscope.figures.exemplar_figure import draw_exemplars

    return draw_exemplars(found, layer, filters, k)

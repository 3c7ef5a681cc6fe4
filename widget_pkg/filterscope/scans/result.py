"""A scan: what each filter gave for each image of a data set, and what can be asked of that."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any, overload

import numpy as np

from filterscope.errors import kind_of
from filterscope.indices import as_index, check_index
from filterscope.nets.layers import ConvLayer
from filterscope.scans.archive import write_scan
from filterscope.scans.crops import Cropper
from filterscope.scans.distribution import Histogram, Moments, histogram_of, moments_of
from filterscope.scans.exemplars import Exemplars, FilterScores, bin_rows, ranked, spread, typical_rows
from filterscope.scans.extremes import KEPT
from filterscope.scans.identity import LayerIdentity, ScanIdentity
from filterscope.scans.piece import Label
from filterscope.scans.refusals import left_out_notes
from filterscope.scans.state import ScanState

_SCORES = ("maximum", "mean")


class Scan:
    """What each filter gave for each image of a data set.

    An image's score for a filter is the maximum of the filter's map; for `top` and `bottom` also its mean. All scores
    are float32. Images whose map has a NaN have no rank and are counted; of equal scores the lower index comes first.
    Made by `scan` and by `load_scan`.

    Args:
        identity: What was scanned.
        state: What was seen.
        cropper: Cuts out what a position sees; None where net and data set are not at hand.
        notes: Sentences on how it was made.

    Attributes:
        identity: What was scanned: fingerprints of weights and data set, the layers, and which maps.
        state: What was seen, which merges.

    Example:
        >>> from filterscope import demo, scan
        >>> found = scan(demo.fashion_net(), demo.fashion_test_data(), images=200, progress=False)
        >>> found
        Scan(200 images, 30 filters of conv1, conv2)
        >>> top = found.top("conv2", 3)
        >>> len(top), top.values[0] == found.moments("conv2", 3)[None].greatest
        (9, np.True_)
    """

    def __init__(
        self, identity: ScanIdentity, state: ScanState, cropper: Cropper | None = None, notes: Sequence[str] = ()
    ) -> None:
        self.identity, self.state = identity, state
        self._cropper, self._notes = cropper, tuple(notes)

    # What it is. Each answer reads `state` once: that of a scan in the background grows meanwhile.

    @property
    def images(self) -> int:
        """How many images have scores."""
        return len(self.state.images)

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers' titles, in execution order."""
        return tuple(layer.title for layer in self.identity.layers)

    @property
    def classes(self) -> tuple[Label, ...]:
        """The classes of the images: in the data set's order where it has one, else numbers first, then names."""
        return self._in_order(self.state.classes)

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the scores take."""
        return self.state.nbytes

    @property
    def notes(self) -> tuple[str, ...]:
        """What else there is to know, sentences."""
        unreadable, _ = self.state.unreadable
        refused, cause = self.state.refused
        notes = [*self._notes, *left_out_notes(unreadable, refused, cause)]
        if self.identity.data.random:
            notes.append(
                "This data set is random: read again, it gives another image. The scores are those of the images as "
                "they were read once, and a crop may show another."
            )
        if not self.state.classes:
            notes.append("No image has a class, so nothing is told by class.")
        for layer in self.identity.layers:
            if layer.index in self.state.not_seen:
                notes.append(f"{layer.title} was not seen for all images: {self.state.not_seen[layer.index][1]}.")
            sums = self.state.sums.get(layer.index)
            if sums is not None and len(sums.sizes) > 1:
                notes.append(f"The maps of {layer.title} have {len(sums.sizes)} sizes, so they have no mean map.")
        return tuple(notes)

    def __repr__(self) -> str:
        filters = sum(layer.filters for layer in self.identity.layers)
        return f"Scan({self.images:,} images, {filters} filters of {', '.join(self.layers)})"

    # What can be asked of it

    def top(self, layer: Any, filter: Any, k: int = 9, score: str = "maximum") -> Exemplars:
        """The images with the greatest score.

        Args:
            layer: The layer's index, name or title, or its `ConvLayer`.
            filter: The filter's index.
            k: How many images; fewer come where there are fewer.
            score: `"maximum"` of the filter's map, or `"mean"` of it, of which the first 100 are kept.

        Raises:
            ValueError: If there is no such layer, filter or score.

        Example:
            >>> from filterscope import demo, scan
            >>> found = scan(demo.fashion_net(), demo.fashion_test_data(), images=100, progress=False)
            >>> found.top("conv1", 0, k=3).images.shape
            (3,)
        """
        return self._end(layer, filter, k, score, descending=True)

    def bottom(self, layer: Any, filter: Any, k: int = 9, score: str = "maximum") -> Exemplars:
        """The images with the least score, the least first; arguments and errors as for `top`.

        Example:
            >>> from filterscope import demo, scan
            >>> found = scan(demo.fashion_net(), demo.fashion_test_data(), images=100, progress=False)
            >>> found.bottom("conv1", 0, k=1).values[0] == found.moments("conv1", 0)[None].least
            np.True_
        """
        return self._end(layer, filter, k, score, descending=False)

    def typical(self, layer: Any, filter: Any, k: int = 5, groups: int = 5) -> tuple[Exemplars, ...]:
        """Typical images of each group of quantiles, from the group with the greatest maxima to that with the least.

        The images are ranked by maximum and cut into groups of equal size; of each come those at evenly spread ranks.

        Args:
            layer: As for `top`.
            filter: The filter's index.
            k: How many images of each group.
            groups: How many groups.

        Raises:
            ValueError: If there is no such layer or filter, or `k` or `groups` is below 1.

        Example:
            >>> from filterscope import demo, scan
            >>> found = scan(demo.fashion_net(), demo.fashion_test_data(), images=100, progress=False)
            >>> [len(group) for group in found.typical("conv1", 0)]
            [5, 5, 5, 5, 5]
        """
        scores = self._scores(layer, filter)
        rows = typical_rows(scores.column, _count(k, "k"), _count(groups, "groups"))
        return tuple(Exemplars.at(scores, self._cropper, part) for part in rows)

    @overload
    def by_class(self, layer: Any, filter: Any, label: None = None, k: int = 5) -> dict[Label, Exemplars]: ...

    @overload
    def by_class(self, layer: Any, filter: Any, label: str | int, k: int = 5) -> Exemplars: ...

    def by_class(
        self, layer: Any, filter: Any, label: str | int | None = None, k: int = 5
    ) -> Exemplars | dict[Label, Exemplars]:
        """The images of a class with the greatest maxima.

        Args:
            layer: As for `top`.
            filter: The filter's index.
            label: The class; None for a dictionary of all classes, which is empty where no image has a class.
            k: How many images of each class.

        Raises:
            ValueError: If there is no such layer, filter or class, or `k` is below 1.

        Example:
            >>> from filterscope import demo, scan
            >>> found = scan(demo.fashion_net(), demo.fashion_test_data(), images=100, progress=False)
            >>> found.by_class("conv1", 0, "Bag", k=2).labels
            ('Bag', 'Bag')
        """
        scores, count = self._scores(layer, filter), _count(k, "k")
        exemplars = {
            name: Exemplars.at(scores, self._cropper, ranked(scores.column, True, self._place(scores, name))[:count])
            for name in (self._in_order(scores.classes) if label is None else (label,))
        }
        return exemplars if label is None else exemplars[label]

    def moments(self, layer: Any, filter: Any) -> dict[Label, Moments]:
        """How often the filter fires, and how strongly: over all images under None, and for each class.

        Args:
            layer: As for `top`.
            filter: The filter's index.

        Raises:
            ValueError: If there is no such layer or filter.
        """
        scores = self._scores(layer, filter)
        maximum, labels = scores.column.maximum, scores.column.labels
        moments: dict[Label, Moments] = {None: moments_of(maximum)}
        for name in self._in_order(scores.classes):
            moments[name] = moments_of(maximum[labels == scores.classes.index(name)])
        return moments

    def histogram(self, layer: Any, filter: Any, bins: int = 20) -> Histogram:
        """How many images have which maximum, all together and by class.

        Args:
            layer: As for `top`.
            filter: The filter's index.
            bins: How many bins of equal width.

        Raises:
            ValueError: If there is no such layer or filter, or `bins` is below 1.
        """
        scores = self._scores(layer, filter)
        histogram = histogram_of(scores.column, scores.classes, _count(bins, "bins"))
        by_class = {name: histogram.by_class[name] for name in self._in_order(scores.classes)}
        return Histogram(histogram.edges, histogram.counts, by_class, histogram.nan, histogram.infinite)

    def in_bin(
        self, layer: Any, filter: Any, bin: int, bins: int = 20, label: str | int | None = None, k: int = 9
    ) -> Exemplars:
        """Images of one bin of `histogram`, the greatest maximum first: those at evenly spread ranks.

        Args:
            layer: As for `top`.
            filter: The filter's index.
            bin: Which bin, from 0 on.
            bins: How many bins the histogram has.
            label: Of which class; None for the images of all classes, and those without.
            k: How many images; fewer come where there are fewer.

        Raises:
            ValueError: If there is no such layer, filter, bin or class, or `k` or `bins` is below 1.

        Example:
            >>> from filterscope import demo, scan
            >>> found = scan(demo.fashion_net(), demo.fashion_test_data(), images=100, progress=False)
            >>> counts = found.histogram("conv1", 0, bins=8).counts
            >>> len(found.in_bin("conv1", 0, 7, bins=8, k=100)) == counts[7]
            True
        """
        scores, count, bins = self._scores(layer, filter), _count(k, "k"), _count(bins, "bins")
        number = check_index(bin, bins, "bin", "this histogram has bins")
        of_class = None if label is None else self._place(scores, label)
        rows = bin_rows(scores.column, histogram_of(scores.column, (), bins).edges, number, of_class)
        return Exemplars.at(scores, self._cropper, spread(rows, count))

    def mean_map(self, layer: Any, filter: Any) -> np.ndarray:
        """Where the filter fires: the mean of its maps over the images whose map is finite, float32 of the map's size.

        Args:
            layer: As for `top`.
            filter: The filter's index.

        Raises:
            ValueError: If there is no such layer or filter, if the maps have several sizes, or if no map is finite.

        Example:
            >>> from filterscope import demo, scan
            >>> found = scan(demo.fashion_net(), demo.fashion_test_data(), images=100, progress=False)
            >>> found.mean_map("conv2", 3).shape
            (11, 11)
        """
        of_layer, number = self._chosen(layer, filter)
        sums = self.state.sums.get(of_layer.index)
        if sums is None or not sums.counted[number]:
            raise ValueError(
                f"filter {number} of {of_layer.title} has no finite map of any image, so it has no mean map"
            )
        if sums.maps is None:
            sizes = ", ".join("×".join(map(str, size)) for size in sorted(sums.sizes)[:3])
            raise ValueError(
                f"the maps of {of_layer.title} have {len(sums.sizes)} sizes ({sizes}), so they have no mean map; scan "
                "images of one size, as with transform=torchvision.transforms.Resize((224, 224))"
            )
        mean: np.ndarray = (sums.maps.value()[number] / sums.counted[number]).astype(np.float32)
        return mean

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary a filter, as `to_dataframe` has them."""
        return [self._row(layer, number) for layer in self.identity.layers for number in range(layer.filters)]

    def to_dataframe(self) -> Any:
        """A `pandas.DataFrame`, one row a filter: how often it fires, moments of its maxima, and its first exemplars.

        Raises:
            ImportError: If pandas is not installed; `rows()` does without.
        """
        try:
            import pandas
        except ImportError as error:
            raise ImportError(
                "to_dataframe() needs pandas, which filterscope does not bring: pip install pandas. rows() gives the "
                "same as a list of dictionaries"
            ) from error
        return pandas.DataFrame(self.rows())

    # Several of them

    def merge(self, other: Scan) -> Scan:
        """What was seen in both: scans of different images of one data set, on two machines say.

        Args:
            other: A scan of the same net, data set and layers.

        Returns:
            A scan that is the same, to the byte, in whatever order and grouping scans are merged.

        Raises:
            TypeError: If `other` is no scan.
            ValueError: If it is of something else, or of images that this one has seen.

        Example:
            >>> from filterscope import demo, scan
            >>> net, data = demo.fashion_net(), demo.fashion_test_data()
            >>> halves = [scan(net, data, images=range(k, k + 50), progress=False) for k in (0, 50)]
            >>> halves[0].merge(halves[1]).images
            100
        """
        if not isinstance(other, Scan):
            raise TypeError(f"other is {kind_of(other)}; give a Scan, as scan() and load_scan() return it")
        difference = self.identity.difference(other.identity)
        if difference:
            raise ValueError(f"the other scan is {difference}; only scans of the same merge")
        notes = dict.fromkeys([*self._notes, *other._notes])
        return Scan(self.identity, self.state.merge(other.state), self._cropper or other._cropper, tuple(notes))

    def save(self, path: str | PathLike[str]) -> None:
        """Writes it to a file, a NumPy archive without pickle; equal scans give equal bytes.

        Args:
            path: The file, which is replaced in one go.

        Raises:
            OSError: If it cannot be written.
        """
        write_scan(path, self.identity, self.state)

    def _chosen(self, layer: Any, filter_index: Any) -> tuple[LayerIdentity, int]:
        index = layer.index if isinstance(layer, ConvLayer) else as_index(layer)
        for known in self.identity.layers:
            if known.index == index if index is not None else known.title == layer:
                holds = f"{known.title} has filters"
                return known, check_index(filter_index, known.filters, "filter", holds)
        titles = ", ".join(f"{known.title} ({known.index})" for known in self.identity.layers)
        raise ValueError(f"layer is {layer!r}; this scan has {titles}")

    def _in_order(self, classes: Sequence[Label]) -> tuple[Label, ...]:
        """Classes in the data set's order where it has one, else as they are."""
        order = {name: number for number, name in enumerate(self.identity.data.classes)}
        return tuple(sorted(classes, key=lambda name: order.get(name, len(order))))  # type: ignore[arg-type]

    def _place(self, scores: FilterScores, label: Any) -> int:
        """The place of a class in the classes of a filter's scores."""
        if label not in scores.classes:
            known = ", ".join(map(repr, self._in_order(scores.classes))) or "no class of any image"
            raise ValueError(f"label is {label!r}; this scan has {known}")
        return scores.classes.index(label)

    def _scores(self, layer: Any, filter_index: Any, state: ScanState | None = None) -> FilterScores:
        """A filter's scores, all of one state: that of a scan that still runs is another at any moment."""
        of_layer, number = self._chosen(layer, filter_index)
        state = self.state if state is None else state
        return FilterScores(of_layer.index, number, state.column(of_layer.index, number), state.classes)

    def _end(self, layer: Any, filter_index: Any, k: Any, score: Any, descending: bool) -> Exemplars:
        state = self.state
        scores, count = self._scores(layer, filter_index, state), _count(k, "k")
        if score not in _SCORES:
            raise ValueError(f"score is {score!r}; choose 'maximum' or 'mean'")
        if score == "maximum":
            return Exemplars.at(scores, self._cropper, ranked(scores.column, descending)[:count])
        if count > KEPT:
            raise ValueError(f"k is {count}; of the means the {KEPT} greatest and the {KEPT} least are kept")
        sums = state.sums.get(scores.layer)
        if sums is None:
            return Exemplars.at(scores, self._cropper, np.zeros(0, np.int64))
        ends = sums.greatest if descending else sums.least
        images = ends.of_filter(scores.filter, count)
        rows = np.searchsorted(scores.column.images, images)
        return Exemplars.at(scores, self._cropper, rows, ends.values[scores.filter, : len(images)])

    def _row(self, layer: LayerIdentity, number: int) -> dict[str, Any]:
        state = self.state
        column = state.column(layer.index, number)
        moments, order = moments_of(column.maximum), ranked(column, True)
        ends = {"top_image": order[:1], "bottom_image": ranked(column, False)[:1]}
        images = {name: int(column.images[rows[0]]) if len(rows) else None for name, rows in ends.items()}
        best = column.labels[order[0]] if len(order) else -1
        label = state.classes[best] if best >= 0 else None
        return {"layer": layer.title, "filter": number, **vars(moments), **images, "top_class": label}


def _count(value: Any, name: str) -> int:
    count = as_index(value)
    if count is None or count < 1:
        raise ValueError(f"{name} is {value!r}; give a whole number, 1 or more")
    return count

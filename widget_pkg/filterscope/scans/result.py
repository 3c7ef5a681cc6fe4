"""A scan: what each filter gave for each image of a data set, and what can be asked of that."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any, overload

import numpy as np

from filterscope.errors import kind_of
from filterscope.indices import as_index, check_index, check_whole
from filterscope.nets.layers import ConvLayer
from filterscope.scans.archive import write_scan
from filterscope.scans.crops import Cropper
from filterscope.scans.distribution import Histogram, Moments, histogram_of, moments_of
from filterscope.scans.exemplars import (
    NOT_AT_HAND,
    Exemplars,
    FilterScores,
    bin_rows,
    ranked,
    spread,
    typical_rows,
)
from filterscope.scans.extremes import KEPT
from filterscope.scans.identity import LayerIdentity, ScanIdentity
from filterscope.scans.names import ALPHA, Evidence, Name, name_filters
from filterscope.scans.overlaps import Overlap, overlaps_of
from filterscope.scans.piece import Label
from filterscope.scans.progress import shown_progress
from filterscope.scans.refusals import left_out_notes
from filterscope.scans.shuffled import SHUFFLES, scan_shuffled
from filterscope.scans.state import ScanState
from filterscope.scans.table import dataframe_of, filter_rows

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
        self._evidence: dict[int, tuple[ScanState, Evidence]] = {}  # for names, by the number of shuffled nets

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

    def conv_layer(self, layer: Any) -> ConvLayer:
        """A layer as the net has it, with its kernels.

        Args:
            layer: As for `top`.

        Raises:
            ValueError: If there is no such layer, if the scan was loaded without its net and data set, or if the net
                has other weights by now.

        Example:
            >>> from filterscope import demo, scan
            >>> found = scan(demo.fashion_net(), demo.fashion_test_data(), images=100, progress=False)
            >>> found.conv_layer("conv2").kernels.shape
            (20, 10, 3, 3)
        """
        index = self._chosen(layer, 0)[0].index
        if self._cropper is None:
            raise ValueError(NOT_AT_HAND)
        weights = self._cropper.fingerprint
        if weights != self.identity.net:
            raise ValueError(
                f"the net has other weights by now (fingerprint {weights}, and {self.identity.net} when it was "
                "scanned); scan it again"
            )
        return self._cropper.layer(index)

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
        rows = typical_rows(scores.column, check_whole(k, "k"), check_whole(groups, "groups"))
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
        scores, count = self._scores(layer, filter), check_whole(k, "k")
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
        histogram = histogram_of(scores.column, scores.classes, check_whole(bins, "bins"))
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
            >>> len(found.in_bin("conv1", 0, 7, bins=8, k=100)) == int(counts[7])
            True
        """
        scores, count, bins = self._scores(layer, filter), check_whole(k, "k"), check_whole(bins, "bins")
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

    def names(
        self, layer: Any = None, alpha: float = ALPHA, shuffles: int = SHUFFLES, progress: bool = True
    ) -> tuple[Name, ...]:
        """What each filter fires for: the class, two classes or the attribute that its maxima tell best.

        It is told by the area under the ROC curve (AUC), as by INVERT (Bykov et al., NeurIPS 2023), for each class,
        each two of at most 50 classes, and both ends of each attribute: brightness, contrast, colour, edges, and where
        the image is bright. A name is given where the AUC is above what nets reach that have the same weights in random
        order: untrained filters tell classes, too, and get no name. That takes scans of such nets, over 2,000 of the
        images, or 20 a class; they are kept. It is no verdict on whether a filter has learned anything.

        Measured with FashionMNIST, on six architectures that were not used to build it: of 15,168 filters of untrained
        nets none got a name; of planted detectors 96 in 100 with an AUC of .99 did, and 58 in 100 with .95.

        Args:
            layer: As for `top`; None for all layers.
            alpha: The chance, at most, that any filter of an untrained net gets a name.
            shuffles: How many nets with weights in random order are scanned; 0 for none, and then no name is given.
            progress: Whether a bar is shown (with tqdm, where it is installed).

        Returns:
            The filters, layer by layer. Where nothing stands out `name` is None, and `sentence` says what comes
            closest; also where it cannot be told, and why: too few images, or a scan that was loaded without its net
            and data set.

        Raises:
            ValueError: If there is no such layer, or `alpha` or `shuffles` is out of its range.

        Example:
            >>> from filterscope import demo, scan
            >>> found = scan(demo.fashion_net(), demo.fashion_test_data(), images=500, progress=False)
            >>> len(found.names("conv2", progress=False))
            20
        """
        titles = self.layers if layer is None else (self._chosen(layer, 0)[0].title,)
        if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not 0 < alpha < 1:
            raise ValueError(f"alpha is {alpha!r}; give a chance above 0 and below 1, as 0.05")
        state = self.state
        evidence = self._evidence_with(check_whole(shuffles, "shuffles", least=0), progress, state)
        return tuple(name for name in name_filters(state, evidence, alpha) if name.layer in titles)

    def overlaps(
        self, masks: Any, quantile: float = 0.005, ignore: int | None = 255, progress: bool = True
    ) -> tuple[Overlap, ...]:
        """With which class of your own masks each filter's map overlaps most.

        The measure is that of Network Dissection (Bau et al., CVPR 2017): a map counts as on where it is above the
        value that a share of `quantile` of all its positions exceeds; intersection and union with each mask class are
        those of all images. It takes two passes over the images of this scan.

        Args:
            masks: An integer mask `(H, W)` for each image of the data set, by its index: a list, an array, a data set.
            quantile: The share of positions, above 0 and below 1.
            ignore: The number in a mask of pixels that belong to no class; negative numbers never do.
            progress: Whether a bar is shown (with tqdm, where it is installed).

        Returns:
            The filters, layer by layer.

        Raises:
            TypeError: If `masks` are no masks.
            ValueError: If they do not fit the images, the maps have no rows and columns, `quantile` is out of range, or
                this scan was loaded without its net and data set.
        """
        if isinstance(quantile, bool) or not isinstance(quantile, int | float) or not 0 < quantile < 1:
            raise ValueError(f"quantile is {quantile!r}; give a share above 0 and below 1, as 0.005")
        if self._cropper is None:
            raise ValueError(
                "this scan was loaded without its net and data set, whose maps are to be compared with the masks; load "
                "it with them: load_scan(path, net, data)"
            )
        with shown_progress(progress) as on_progress:
            return overlaps_of(self._cropper, self.identity, self.state, masks, quantile, ignore, on_progress)

    def rows(self, names: Sequence[Name] = ()) -> list[dict[str, Any]]:
        """One dictionary a filter, as `to_dataframe` has them.

        Args:
            names: What `names()` gave; with them each row has a `name`, its `auc` and its `p_holm`.
        """
        return filter_rows(self.identity.layers, self.state, names)

    def to_dataframe(self, names: Sequence[Name] = ()) -> Any:
        """A `pandas.DataFrame`, one row a filter.

        Columns: `layer`, `filter`; of its maxima `images`, `nan`, `infinite`, `fires`, `mean`, `deviation`, `least` and
        `greatest`, as `Moments` has them; `top_image`, the image with the greatest, and `bottom_image`, that with the
        least (`<NA>` where every map has a NaN); `top_class`, the class of the first of these.

        Args:
            names: As for `rows`.

        Raises:
            ImportError: If pandas is not installed; `rows()` does without.
        """
        return dataframe_of(self.rows(names))

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
            TypeError: If the path is none.
            OSError: If it cannot be written.
        """
        write_scan(path, self.identity, self.state)

    def _evidence_with(self, shuffles: int, progress: bool, state: ScanState) -> Evidence:
        known, evidence = self._evidence.get(shuffles, (None, None))
        if evidence is not None and known is state:
            return evidence
        states: list[ScanState] = []
        if self._cropper is None:
            cause = "this scan was loaded without its net and data set: load_scan(path, net, data)"
        elif not shuffles:
            cause = "no nets with weights in random order were scanned"
        else:
            with shown_progress(progress) as on_progress:
                states, cause = scan_shuffled(self._cropper, self.identity, state, shuffles, on_progress)
        evidence = Evidence.of(state, self.identity.layers, self._in_order(state.classes), states, cause)
        self._evidence[shuffles] = state, evidence
        return evidence

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
        scores, count = self._scores(layer, filter_index, state), check_whole(k, "k")
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

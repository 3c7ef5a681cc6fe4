"""A scan beside brute force, number by number: what was compared, and where both differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd
from torch.utils.data import IterableDataset

from filterscope import Scan, scan
from scan_cases import CASES, Case, brute_force, order

K, EACH, GROUPS, BINS = 20, 3, 5, 6
CLASSES = [f"class {number}" for number in range(4)]
COMPARED = ("values", "images", "positions", "moments", "histograms", "mean maps")


@dataclass
class Comparison:
    """How many of which things were compared.

    Attributes:
        compared: How many, by one of `COMPARED`.
        different: Which differ: what, of which question, layer and filter.
        filters: Of how many filters.
        tied: How many of the maxima are equal to another image's.
    """

    compared: Counter[str] = field(default_factory=Counter)
    different: list[tuple[str, str, int, int]] = field(default_factory=list)
    filters: int = 0
    tied: int = 0

    def note(self, what: str, equal: Any, question: str, layer: int, number: int) -> None:
        self.compared[what] += 1
        if not equal:
            self.different.append((what, question, layer, number))


def compare(found: Scan, maps_of_layers: Sequence[torch.Tensor], labels: np.ndarray) -> Comparison:
    """Asks a scan everything, of every filter, and compares what it answers with what is counted by hand.

    Args:
        found: The scan.
        maps_of_layers: Each scanned layer's maps of all images, `(N, F, *size)`.
        labels: Places in `CLASSES`, `(N,)`; −1 for none.
    """
    comparison = Comparison()
    for layer, maps in enumerate(maps_of_layers):
        of_layer = _Layer(comparison, found, layer, maps, labels)
        for number in range(maps.shape[1]):
            of_layer.compare(number)
    return comparison


class _Layer:
    """The filters of one layer."""

    def __init__(self, comparison: Comparison, found: Scan, layer: int, maps: torch.Tensor, labels: np.ndarray) -> None:
        self._comparison, self._found, self._layer, self._maps, self._labels = comparison, found, layer, maps, labels
        self._size = tuple(maps.shape[2:])
        self._maxima, self._places, self._means = brute_force(maps)

    def compare(self, number: int) -> None:
        found, layer = self._found, self._layer
        values, places, means = self._maxima[:, number], self._places[:, number], self._means[:, number]
        self._comparison.filters += 1
        self._comparison.tied += len(values) - len(np.unique(values))
        note = self._comparison.note

        def exemplars(question: str, answer: Any, expected: list[int], scores: np.ndarray = values) -> None:
            rows = np.array(expected, np.int64)
            positions = np.stack(np.unravel_index(places[rows], self._size), 1)
            note("images", answer.images.tolist() == expected, question, layer, number)
            note("values", np.array_equal(answer.values, scores[rows]), question, layer, number)
            note("positions", np.array_equal(answer.positions, positions), question, layer, number)
            named = tuple(None if self._labels[image] < 0 else CLASSES[self._labels[image]] for image in expected)
            note("images", answer.labels == named, f"labels of {question}", layer, number)

        ranked = order(values, True)
        exemplars("top", found.top(layer, number, K), ranked[:K])
        exemplars("bottom", found.bottom(layer, number, K), order(values, False)[:K])
        exemplars("top mean", found.top(layer, number, K, "mean"), order(means, True)[:K], means)
        exemplars("bottom mean", found.bottom(layer, number, K, "mean"), order(means, False)[:K], means)
        groups = found.typical(layer, number, k=EACH, groups=GROUPS)
        for answer, part in zip(groups, _parts(ranked), strict=True):
            exemplars("typical", answer, part)
        by_class = found.by_class(layer, number, k=4)
        seen = sorted(set(self._labels[self._labels >= 0].tolist()))
        note("images", list(by_class) == [CLASSES[place] for place in seen], "classes", layer, number)
        for place in seen:
            of_class = [image for image in ranked if self._labels[image] == place]
            exemplars("by class", by_class[CLASSES[place]], of_class[:4])
        moments = found.moments(layer, number)
        for label, own in [(None, values), *((CLASSES[place], values[self._labels == place]) for place in seen)]:
            note("moments", _moments_are(moments[label], own), str(label), layer, number)
        histogram = found.histogram(layer, number, BINS)
        note("histograms", _histogram_is(histogram, values), "all", layer, number)
        parts = [values[self._labels == place] for place in seen]
        by_label = [np.array_equal(histogram.by_class[CLASSES[place]], _counts(histogram.edges, part))
                    for place, part in zip(seen, parts, strict=True)]  # fmt: skip
        note("histograms", all(by_label) and len(histogram.by_class) == len(seen), "by class", layer, number)
        self._compare_mean_map(number)

    def _compare_mean_map(self, number: int) -> None:
        maps = self._maps[:, number].double().numpy()
        finite = np.isfinite(maps).reshape(len(maps), -1).all(1)
        if finite.any():
            mean = self._found.mean_map(self._layer, number)
            near = np.allclose(mean, maps[finite].mean(0), rtol=1e-6, atol=1e-7)
            self._comparison.note("mean maps", near and mean.dtype == np.float32, "mean map", self._layer, number)


def _parts(ranked: list[int]) -> list[list[int]]:
    """Of each fifth of the ranking the images in the middles of three equal parts, or all where there are fewer."""
    chosen = []
    for group in np.array_split(np.array(ranked, np.int64), GROUPS):
        part = group.tolist()
        chosen.append(part if len(part) <= EACH else [part[(2 * i + 1) * len(part) // (2 * EACH)] for i in range(EACH)])
    return chosen


def _moments_are(moments: Any, values: np.ndarray) -> bool:
    known = values[~np.isnan(values)]
    finite = known[np.isfinite(known)].astype(np.float64)
    counts = (moments.images, moments.nan, moments.infinite)
    if counts != (len(values), len(values) - len(known), len(known) - len(finite)):
        return False
    if not len(known):
        return all(np.isnan([moments.fires, moments.mean, moments.deviation, moments.least, moments.greatest]))
    ends = (moments.fires, moments.least, moments.greatest) == ((known > 0).mean(), known.min(), known.max())
    near = np.isclose(moments.mean, finite.mean(), rtol=1e-12, equal_nan=True)
    return bool(ends and near and np.isclose(moments.deviation, finite.std(), rtol=1e-9, atol=1e-9, equal_nan=True))


def _histogram_is(histogram: Any, values: np.ndarray) -> bool:
    finite = values[np.isfinite(values)]
    if len(finite) and (histogram.edges[0], histogram.edges[-1]) != (
        finite.min(),
        finite.max() if finite.max() > finite.min() else histogram.edges[0] + 1,
    ):
        return False
    counts = (histogram.nan, histogram.infinite) == (np.isnan(values).sum(), np.isinf(values).sum())
    return bool(counts and np.array_equal(histogram.counts, _counts(histogram.edges, values)))


def _counts(edges: np.ndarray, values: np.ndarray) -> list[int]:
    inside = [(values >= low) & (values < high) for low, high in pairwise(edges)]
    inside[-1] |= values == edges[-1]
    return [int(part.sum()) for part in inside]


# What may be odd about a data set, or a net


@dataclass(frozen=True)
class Odd:
    """One oddity: what it makes of a case, and of its images and labels.

    Attributes:
        change: Returns the case with it.
        data: What is scanned, of images and labels.
        labelled: Whether images have a class.
    """

    change: Callable[[Case], Case] = lambda case: case
    data: Callable[[torch.Tensor, np.ndarray], Any] = lambda images, labels: list(
        zip(images, labels.tolist(), strict=True)
    )
    labelled: bool = True


class Stream(IterableDataset):
    """Images and labels that can only be read from the first one on."""

    def __init__(self, images: torch.Tensor, labels: np.ndarray) -> None:
        self._samples = list(zip(images, labels.tolist(), strict=True))

    def __iter__(self) -> Any:
        return iter(self._samples)


def _tied(case: Case) -> Case:
    """Every image three times, and its pixels 0 or 1."""
    places = torch.arange(len(case.images)) // 3
    return replace(case, images=case.images.round()[places])


def _with_nan(case: Case) -> Case:
    """A pixel of every fifth image is NaN, and the last image is nothing else; in some a pixel is infinite."""
    images = case.images.clone()
    for index in range(2, len(images), 5):
        images[index].view(-1)[(7 * index) % images[index].numel()] = torch.nan
    images[-1] = torch.nan
    images[4].view(-1)[11], images[9].view(-1)[3] = torch.inf, -torch.inf
    return replace(case, images=images)


def _convolutions(net: nn.Module) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Of each convolution the kernels, the filters first, and the biases, which it is given where it has none."""
    for module in net.modules():
        if isinstance(module, _ConvNd):
            if module.bias is None:
                module.bias = nn.Parameter(torch.zeros(module.out_channels))
            yield (module.weight.transpose(0, 1) if module.transposed else module.weight), module.bias


def _negative(case: Case) -> Case:
    """The first filter of each layer is far below zero everywhere; after a ReLU, zero everywhere."""
    with torch.no_grad():
        for _, bias in _convolutions(case.net):
            bias[0] = -64
    return case


def _constant(case: Case) -> Case:
    """Of each layer the first filter is 1/4 everywhere, and the second −1/4."""
    with torch.no_grad():
        for weight, bias in _convolutions(case.net):
            weight[:2] = 0
            bias[0], bias[1] = 0.25, -0.25
    return case


ODDITIES = {
    "nothing": Odd(),
    "ties": Odd(_tied),
    "NaN and infinity": Odd(_with_nan),
    "negative everywhere": Odd(_negative),
    "constant channels": Odd(_constant),
    "fewer images than k": Odd(lambda case: replace(case, images=case.images[:3])),
    "no labels": Odd(data=lambda images, labels: images, labelled=False),
    "a stream": Odd(data=Stream),
}


def compare_case(name: str, oddity: str, before: bool = False) -> tuple[Scan, Comparison]:
    """Scans a case with an oddity, and compares.

    Args:
        name: Of `CASES`.
        oddity: Of `ODDITIES`.
        before: Whether the maps are those before normalisation and nonlinearity.
    """
    odd = ODDITIES[oddity]
    case = odd.change(CASES[name]())
    count = len(case.images)
    labels = np.arange(count) * 7 % len(CLASSES) if odd.labelled else np.full(count, -1)
    data, classes = odd.data(case.images, labels), CLASSES if odd.labelled else None
    found = scan(case.net, data, pre_activation=before, classes=classes, progress=False)
    assert found.images == count
    return found, compare(found, case.activations(before), labels)

"""Two nets side by side: the filters of one net and their partners in another, for the selected image."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from filterscope.adapters.opening import net_inside
from filterscope.data.sample import Sample
from filterscope.engine.engine import Engine
from filterscope.errors import NetError
from filterscope.nets.arrays import float32
from filterscope.nets.layer_choice import layer_title
from filterscope.nets.layers import ConvLayer
from filterscope.nets.outputs import class_scores
from filterscope.nets.runner import NetRunner
from filterscope.scans.sampling import Samples, find_out_batches, runner_for
from filterscope.scans.task import DataOptions
from filterscope.timeline.comparison import Comparison
from filterscope.timeline.partners import PLANNED, LayerPartners
from filterscope.verdicts.run.pacing import PacedSamples

Relation = Literal["partner", "merged", "nearest", "left out", "none"]
_AT_ONCE = 32


@dataclass(frozen=True, eq=False)
class FilterPair:
    """A filter of net a beside one of net b, for one image.

    Attributes:
        layer: The layer of a.
        filter_b: The filter of b; None where there is none to show.
        relation: `"partner"`; `"merged"`: it is the partner of another filter of a, too; `"nearest"`: of b's filters it
            correlates most, and no more than arbitrary ones do; `"left out"`: b was made of a without it; `"none"`:
            none was compared.
        correlation: Of the two; NaN where it is not known.
        kernels: Of a and of b, float32 `(C_in/groups, *k)`.
        activations: Of a and of b, float32 `(*S)`.
    """

    layer: ConvLayer
    filter_b: int | None
    relation: Relation
    correlation: float
    kernels: tuple[np.ndarray, np.ndarray | None]
    activations: tuple[np.ndarray, np.ndarray | None]


@dataclass(frozen=True, eq=False)
class MapSwaps:
    """What b says of an image when one of its filters has the map of its partner in a.

    Attributes:
        class_name: Of which class the probabilities are: the image's own, or a's best where that is not known.
        of_a: Its probability in a.
        of_b: In b.
        filters: Filters of a with a partner in b, int64 `(n,)`, first those whose map changes the probability most.
        partners: Their partners, int64 `(n,)`.
        swapped: The probability in b with the map of this filter of a, float64 `(n,)`.
    """

    class_name: str | int
    of_a: float
    of_b: float
    filters: np.ndarray
    partners: np.ndarray
    swapped: np.ndarray


class TwoNets:
    """The net of an explorer, a, beside another one, b.

    Args:
        engine: Net a and the data set.
        comparison: Which filter is which.
        b: Runs b; its layers are found.
        read_b: Gives an image as b wants it; None where that is as a does.
        left_out: Where b was made of a without some filters, these, each as the indices of its layer and its own.

    Attributes:
        comparison: Which filter is which.
        left_out: The filters of a that b was made without; empty where b is a net of its own.
    """

    def __init__(
        self,
        engine: Engine,
        comparison: Comparison,
        b: NetRunner,
        read_b: Callable[[int], Sample] | None = None,
        left_out: Iterable[tuple[int, int]] = (),
    ) -> None:
        self.comparison, self.left_out = comparison, frozenset(left_out)
        self._weights = self._weights_of(engine)
        self._engine, self._b, self._read_b = engine, b, read_b
        self._lock = threading.Lock()
        self._layers_b = {layer_title(layer): layer for layer in b.layers}

    @property
    def is_out_of_date(self) -> bool:
        """Whether b was made of a, and a's weights are others by now."""
        return bool(self.left_out) and self._weights != self._weights_of(self._engine)

    @staticmethod
    def _weights_of(engine: Engine) -> int:
        return engine.showing.live_revision - engine.trials  # a trial in the lab leaves them as they are

    def partners(self, layer: int) -> LayerPartners | None:
        """Which filters of a layer are which; None where it was not compared."""
        title = layer_title(self._engine.layers[layer])
        return next((partners for partners in self.comparison.layers if partners.layer == title), None)

    def pair(self, image: int, layer: int, filter_index: int) -> FilterPair:
        """A filter and its partner, for an image.

        Raises:
            SampleError: If the image cannot be read.
            NetError: If a net refuses it.
        """
        engine = self._engine
        with engine.lock:
            moment = engine.moment(image, layer)
            kernel, activation = moment.kernel(filter_index), float32(moment.maps.activation[filter_index])
        partners = self.partners(layer)
        relation, filter_b = ("none", None) if partners is None else _counterpart(partners, filter_index)
        if partners is None or filter_b is None:
            return FilterPair(moment.layer, None, relation, np.nan, (kernel, None), (activation, None))
        maps = self._maps_of_b(image, self._layers_b[partners.layer_b].index)
        return FilterPair(
            moment.layer,
            filter_b,
            relation,
            float(partners.correlations[filter_index, filter_b]),
            (kernel, float32(maps.weight[filter_b])),
            (activation, float32(maps.activation[filter_b])),
        )

    def swaps(self, image: int, layer: int) -> MapSwaps:
        """Gives b's filters the maps of their partners in a, one at a time: which of them make it say what a says.

        The maps go in as they are: where b computes the same on another scale, the swap changes that scale, too.

        Raises:
            ValueError: If the layer was not compared or no filter has a partner, or the maps have other shapes.
            NetError: If a net refuses the image, or its output is not one score a class.
        """
        partners = self.partners(layer)
        filters = np.zeros(0, int) if partners is None else np.flatnonzero(partners.partner >= 0)
        if partners is None or not len(filters):
            raise ValueError("no filter of this layer has a partner in b, so no map can be swapped")
        engine = self._engine
        with engine.lock:
            label, maps = engine.sample(image).label, engine.maps(image, layer).activation
            prediction = dict(engine.prediction(image))
            names = [engine.classes[index] for index in range(len(prediction))]
        if not prediction:
            raise NetError("the output of a is not one score a class, so it cannot be said which filters explain it")
        name = label if label in prediction else max(prediction, key=prediction.__getitem__)
        column, layer_b = names.index(name), self._layers_b[partners.layer_b].index
        if self._maps_of_b(image, layer_b).activation.shape[1:] != maps.shape[1:]:
            raise ValueError("the maps of the two nets have other shapes, so none can be swapped")
        with self._lock:
            of_b = self._probability(image, column)
            after = []
            for start in range(0, len(filters), step := self._b.images_at_once(_AT_ONCE)):
                some = filters[start : start + step]
                swap = _Swap(partners.partner[some], maps[torch.from_numpy(some)])
                after.append(self._probability(image, column, len(some), layer_b, swap))
        swapped = np.concatenate(after)
        order = np.argsort(-np.abs(swapped - of_b[0]), kind="stable")
        chosen = filters[order]
        return MapSwaps(name, prediction[name], float(of_b[0]), chosen, partners.partner[chosen], swapped[order])

    def _batch(self, image: int, copies: int = 1) -> torch.Tensor:
        sample = self._engine.sample(image) if self._read_b is None else self._read_b(image)
        return self._b.batch([sample.net_input] * copies)

    def _maps_of_b(self, image: int, layer: int) -> Any:
        with self._lock:
            batch = self._batch(image)
            try:
                kept = self._b.keep(batch, [layer], to_the_end=False)
            except Exception as error:
                raise self._b.refusal(batch, error) from error
        if layer in kept.missing:
            raise NetError(kept.missing[layer])
        return kept.maps[layer]

    def _probability(
        self, image: int, column: int, copies: int = 1, layer: int | None = None, swap: Any = None
    ) -> np.ndarray:
        """Of a class in b, for so many copies of an image, float64 `(copies,)`."""
        batch = self._batch(image, copies)
        try:
            output = self._b.run(batch, () if layer is None else [layer], swap)
        except Exception as error:
            raise self._b.refusal(batch, error) from error
        scores = class_scores(output, copies, self._b.known)
        if scores is None or column >= scores.shape[1]:
            raise NetError("the output of b is not one score for each of a's classes")
        return scores[:, column]


@dataclass(frozen=True, eq=False)
class _Swap:
    """Puts one map into each image of a batch, as the activation of a filter: `filters[n]` of image n has `maps[n]`."""

    filters: np.ndarray
    maps: torch.Tensor

    def __call__(self, layer: int, activation: torch.Tensor) -> None:
        for row, filter_index in enumerate(self.filters):
            activation[row, int(filter_index)] = self.maps[row].to(activation)


def _counterpart(partners: LayerPartners, filter_index: int) -> tuple[Relation, int | None]:
    """The filter of b that is shown beside a filter of a, and what it is to it."""
    partner, merged = int(partners.partner[filter_index]), int(partners.merged_into[filter_index])
    if partner >= 0:
        return "partner", partner
    if merged >= 0:
        return "merged", merged
    if partners.note == PLANNED:
        return "left out", None
    correlations = partners.correlations[filter_index]
    return ("none", None) if np.isnan(correlations).all() else ("nearest", int(np.nanargmax(correlations)))


def beside(
    engine: Engine, comparison: Comparison, b: nn.Module, data: Any, data_b: Any, options: Mapping[str, Any]
) -> TwoNets:
    """Net b beside the net of an engine, ready to run.

    Args:
        engine: Net a and the data set.
        comparison: Which filter is which.
        b: Net b.
        data: What net a was given.
        data_b: The same images as b is given them; None where it is given those of a.
        options: How the data are read and the nets called: `classes`, `transform` and `forward`.
    """
    samples: Samples = PacedSamples(engine.samples)
    if data_b is None:
        net_b, call = net_inside(b, data, options.get("forward"))
    else:
        net_b, samples, call = DataOptions(**options).open(b, data_b)
    runner = runner_for(net_b, samples, call)
    find_out_batches(runner, samples, comparison.images)
    return TwoNets(engine, comparison, runner, None if data_b is None else samples.read)

"""Reads the images of one shard, runs the net on them, and keeps what the chosen layers gave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from filterscope.errors import describe_exception
from filterscope.nets.outputs import class_candidates, class_output, here
from filterscope.nets.runner import NetRunner
from filterscope.scans.attributes import ATTRIBUTES, attributes_of
from filterscope.scans.exact_sum import ExactSum
from filterscope.scans.extremes import Extremes
from filterscope.scans.maps import BatchScores, fetch, misfit, run_layers, scores_of, with_one_nan
from filterscope.scans.piece import NO_CLASS, Label, LayerScores, OmittedImages, Piece, number_labels
from filterscope.scans.refusals import FittingPasses
from filterscope.scans.sampling import ImageBatch, Samples, batches
from filterscope.scans.state import LayerSums, ScanState

SHARD_IMAGES = 1024
"""Images of a shard. The same on every engine: which images go in one pass, and so every byte, follows from it."""

_MOST_AT_ONCE = 512
"""Images of a pass at most: what a pass costs beside the net, a millisecond, is then little also for a small net."""

_GREATEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False)
class ShardScanner:
    """Scans shards of a data set.

    Args:
        runner: Runs the net; it knows whether several images may go in one pass (`find_out_batches`).
        samples: The data set.
        layers: Indices of the chosen layers.
        pre_activation: Whether the maps are those before normalisation and nonlinearity.
        check: Called before each batch; what it raises ends the scan.
        passes: Makes the passes.
    """

    runner: NetRunner
    samples: Samples
    layers: Sequence[int]
    pre_activation: bool = False
    check: Callable[[], None] = lambda: None
    passes: FittingPasses = field(default_factory=FittingPasses)

    def scan(self, images: np.ndarray) -> ScanState:
        """What the net gives for some images.

        Args:
            images: int64, their indices, ascending.
        """
        rows = ShardRows()
        at_once = self.runner.images_at_once(_MOST_AT_ONCE)
        for batch in batches(self.samples, images, 0, len(images), at_once):
            self.check()
            for part in self.passes.run(batch, self._pass):
                rows.add(*part)
        return rows.state(images)

    def _pass(self, batch: ImageBatch) -> PassScores:
        """Runs the net on a batch and has no other effect."""
        scores = PassScores(self.runner, len(batch.images))
        tensors = self.runner.batch(batch.images)
        scores.take_output(run_layers(self.runner, tensors, self.layers, self.pre_activation, scores.take))
        return scores


@dataclass(frozen=True)
class ShardWork:
    """Scans a shard in a worker.

    Attributes:
        layers: Indices of the chosen layers.
        pre_activation: Whether the maps are those before normalisation and nonlinearity.
    """

    layers: tuple[int, ...]
    pre_activation: bool

    def __call__(self, runner: NetRunner, samples: Samples, images: np.ndarray) -> ScanState:
        """What the net gives for these images."""
        return ShardScanner(runner, samples, self.layers, self.pre_activation).scan(images)


class PassScores:
    """What a scan keeps of one pass; whoever makes the pass hands it the maps of layers and the output.

    Args:
        runner: Knows the layers and the classes.
        images: How many images go in the pass.

    Attributes:
        layers: The scores of each layer that the pass reached.
        not_seen: Why a layer's maps could not be taken.
    """

    def __init__(self, runner: NetRunner, images: int) -> None:
        self._runner, self._images = runner, images
        self._output: Any = None
        self.layers: dict[int, BatchScores[Any]] = {}
        self.not_seen: dict[int, str] = {}

    def take(self, layer: int, maps: torch.Tensor) -> None:
        """Takes the maps of a layer, `(N, F, *size)`."""
        reason = misfit(maps, self._images, self._runner.layers[layer].out_channels)
        if reason:
            self.not_seen[layer] = reason
        elif maps.numel():
            self.layers[layer] = scores_of(maps)

    def take_output(self, output: object) -> None:
        """Takes the net's output: the parts of it that may be scores of classes."""
        self._output = class_candidates(output, self._images)

    def predicted(self) -> np.ndarray:
        """int32, the number of the class that the net tells of each image; −1 where it tells none.

        Asked for at the end of a shard: which part of the output it is depends on its values, and a device may have
        other things to compute before these are there.
        """
        part = class_output(here(self._output), self._images, self._runner.known)
        if part is None:
            return np.full(self._images, NO_CLASS, np.int32)
        scores = part.to(torch.float32).numpy()
        return np.where(np.isnan(scores).any(1), NO_CLASS, scores.argmax(1)).astype(np.int32)


class _LayerRows:
    """The rows of one layer, and its sums."""

    def __init__(self) -> None:
        self._batches: list[tuple[int, BatchScores[Any]]] = []  # the first row, and the scores
        self._sizes: set[tuple[int, ...]] = set()
        self._total: Any = None  # it may be larger than all else
        self._counted: Any = 0

    def add(self, row: int, scores: BatchScores[Any]) -> None:
        """Takes in what a batch gave whose first image has that row."""
        self._sizes.add(scores.size)
        if len(self._sizes) > 1:
            self._total = None
        else:
            total = scores.total.astype(np.float64) if isinstance(scores.total, np.ndarray) else scores.total
            self._total = total if self._total is None else self._total + total
        self._counted = self._counted + scores.counted
        self._batches.append((row, replace(scores, total=None, counted=None)))

    def fetch(self) -> None:
        """Waits for what is still on a device."""
        self._total, self._counted = fetch(self._total), fetch(self._counted)
        self._batches = [
            (
                row,
                replace(
                    scores,
                    maximum=with_one_nan(fetch(scores.maximum)),
                    position=fetch(scores.position),
                    mean=with_one_nan(fetch(scores.mean)),
                ),
            )
            for row, scores in self._batches
        ]

    def scores(self, order: np.ndarray | slice, count: int) -> LayerScores:
        """The rows of all images, of which there are so many, in an order."""
        filters = self._batches[0][1].maximum.shape[1]
        axes = max(len(size) for size in self._sizes)
        maximum = np.full((count, filters), np.nan, np.float32)
        position = np.zeros((count, filters), np.uint32)
        size = np.zeros((count, axes), np.int32)
        for row, scores in self._batches:
            rows = slice(row, row + len(scores.maximum))
            maximum[rows], position[rows] = scores.maximum, scores.position
            size[rows, axes - len(scores.size) :] = scores.size
        return LayerScores.of(maximum[order], position[order], size[order])

    def sums(self, images: np.ndarray) -> LayerSums:
        """The sums; `images` are the indices of all rows, as they came."""
        reached = np.concatenate([images[row : row + len(scores.mean)] for row, scores in self._batches])
        means = np.concatenate([scores.mean for _, scores in self._batches])
        order = _ascending(reached)
        reached, means = reached[order], means[order]
        maps = None
        if self._total is not None:
            maps = ExactSum.of(self._total.clip(-_GREATEST, _GREATEST).astype(np.float32))
        counted = np.array(self._counted, np.int64)
        counted.setflags(write=False)
        greatest, least = (Extremes.of(reached, means, descending) for descending in (True, False))
        return LayerSums(greatest, least, frozenset(self._sizes), maps, counted)


class ShardRows:
    """The rows of a shard, batch by batch; their images may come in any order."""

    def __init__(self) -> None:
        self._images: list[int] = []
        self._labels: list[Label] = []
        self._attributes: list[np.ndarray] = []
        self._passes: list[PassScores] = []
        self._layers: dict[int, _LayerRows] = {}
        self._refused: list[int] = []
        self._unreadable_cause = self._refusal = ""
        self._not_seen: dict[int, tuple[int, str]] = {}

    def add(
        self, batch: ImageBatch, accepted: ImageBatch, scores: PassScores | None, refusals: list[Exception]
    ) -> None:
        """Takes in what a batch gave."""
        taken = set(accepted.indices)
        self._refused += [index for index in batch.indices if index not in taken]
        self._unreadable_cause = self._unreadable_cause or batch.cause
        if refusals:
            self._refusal = self._refusal or describe_exception(refusals[0])
        if scores is None:
            return
        for layer, of_layer in scores.layers.items():
            self._layers.setdefault(layer, _LayerRows()).add(len(self._images), of_layer)
        scores.layers.clear()  # the rows have them, without their sums
        for layer, reason in scores.not_seen.items():
            self._not_seen.setdefault(layer, (accepted.indices[0], reason))
        self._images += accepted.indices
        self._labels += accepted.labels
        self._attributes.append(attributes_of(accepted.images))
        self._passes.append(scores)

    def state(self, asked: np.ndarray) -> ScanState:
        """What the shard gave, all of it."""
        rows = np.array(self._images, np.int64)
        order = _ascending(rows)
        images = rows[order]
        labels, classes = number_labels(self._labels)
        for of_layer in self._layers.values():
            of_layer.fetch()
        passes = [scores.predicted() for scores in self._passes]
        labels, predicted = labels[order], np.concatenate([np.zeros(0, np.int32), *passes])[order]
        attributes = np.concatenate([np.zeros((0, len(ATTRIBUTES)), np.float32), *self._attributes])[order]
        for array in (images, labels, predicted, attributes):
            array.setflags(write=False)
        unreadable = np.setdiff1d(asked, [*self._images, *self._refused])
        layers = dict(sorted(self._layers.items()))
        piece = Piece(
            images,
            labels,
            classes,
            predicted,
            attributes,
            {layer: of_layer.scores(order, len(rows)) for layer, of_layer in layers.items()},
            OmittedImages.of(unreadable.tolist(), self._unreadable_cause),
            OmittedImages.of(sorted(self._refused), self._refusal),
        )
        sums = {layer: of_layer.sums(rows) for layer, of_layer in layers.items()}
        return ScanState((piece,), sums, dict(sorted(self._not_seen.items())))


def _ascending(images: np.ndarray) -> np.ndarray | slice:
    """The order in which images ascend."""
    return slice(None) if (np.diff(images) > 0).all() else np.argsort(images)

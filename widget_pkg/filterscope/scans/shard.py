"""Reads the images of one shard, runs the net on them, and keeps what the chosen layers gave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from filterscope.errors import describe_exception
from filterscope.nets.conv_call import ConvCall
from filterscope.nets.outputs import class_output
from filterscope.nets.runner import NetRunner
from filterscope.scans.exact_sum import ExactSum
from filterscope.scans.extremes import Extremes
from filterscope.scans.maps import BatchScores, scores_of
from filterscope.scans.piece import NO_CLASS, Label, LayerScores, OmittedImages, Piece, number_labels
from filterscope.scans.refusals import run_accepted
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
    """

    runner: NetRunner
    samples: Samples
    layers: Sequence[int]
    pre_activation: bool = False
    check: Callable[[], None] = lambda: None

    def scan(self, images: np.ndarray) -> ScanState:
        """What the net gives for some images.

        Args:
            images: int64, their indices, ascending.
        """
        rows = _Rows()
        at_once = self.runner.images_at_once(_MOST_AT_ONCE)
        for batch in batches(self.samples, images, 0, len(images), at_once):
            self.check()
            accepted, scores, refusals = run_accepted(batch, self._pass)
            rows.add(batch, accepted, scores, refusals)
        return rows.state(images)

    def _pass(self, batch: ImageBatch) -> _PassScores:
        """Runs the net on a batch and has no other effect."""
        scores = _PassScores()

        def take(layer: int, maps: torch.Tensor) -> None:
            reason = self._misfit(layer, maps, len(batch.images))
            if reason:
                scores.not_seen[layer] = reason
            elif maps.numel():
                scores.layers[layer] = scores_of(maps)

        def take_output(layer: int, call: ConvCall) -> None:
            if layer in self.layers and call.items:
                take(layer, call.output if call.output.ndim == call.rank + 2 else call.output[None])

        tensors = self.runner.batch(batch.images)
        if self.pre_activation:
            output = self.runner.run(tensors, on_conv=take_output)
        else:
            output = self.runner.run(tensors, self.layers, take)
        scores.predicted = self._predicted(output, len(batch.images))
        return scores

    def _misfit(self, layer: int, maps: torch.Tensor, images: int) -> str:
        """Why a layer's output is not one map a filter for each image; "" where it is."""
        shape, filters = tuple(maps.shape), self.runner.layers[layer].out_channels
        if len(shape) >= 2 and shape[0] == images and shape[1] == filters:
            return ""
        # Not how many images there were: that depends on which others were read.
        return f"the layer gave {tuple(shape[1:])} of {shape[0] / images:g} items an image: not one map a filter"

    def _predicted(self, output: object, images: int) -> np.ndarray:
        part = class_output(output, images, self.runner.known)
        if part is None:
            return np.full(images, NO_CLASS, np.int32)
        scores = part.detach().to("cpu", torch.float32).numpy()
        return np.where(np.isnan(scores).any(1), NO_CLASS, scores.argmax(1)).astype(np.int32)


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


@dataclass(eq=False)
class _PassScores:
    """What one pass gave."""

    layers: dict[int, BatchScores] = field(default_factory=dict)
    predicted: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    not_seen: dict[int, str] = field(default_factory=dict)


class _LayerRows:
    """The rows of one layer, and its sums."""

    def __init__(self) -> None:
        self._batches: list[tuple[int, BatchScores]] = []  # the first row, and the scores
        self._sizes: set[tuple[int, ...]] = set()
        self._total: np.ndarray | None = None
        self._counted: np.ndarray | None = None

    def add(self, row: int, scores: BatchScores) -> None:
        """Takes in what a batch gave whose first image has that row."""
        self._sizes.add(scores.size)
        if len(self._sizes) > 1:
            self._total = None
        else:
            self._total = np.zeros(scores.total.shape) if self._total is None else self._total
            self._total += scores.total
        self._counted = scores.counted if self._counted is None else self._counted + scores.counted
        self._batches.append((row, replace(scores, total=scores.total[:0])))  # it may be larger than all else

    def scores(self, count: int) -> LayerScores:
        """The rows of all images, of which there are so many."""
        filters = self._batches[0][1].maximum.shape[1]
        axes = max(len(size) for size in self._sizes)
        maximum = np.full((count, filters), np.nan, np.float32)
        position = np.zeros((count, filters), np.uint32)
        size = np.zeros((count, axes), np.int32)
        for row, scores in self._batches:
            rows = slice(row, row + len(scores.maximum))
            maximum[rows], position[rows] = scores.maximum, scores.position
            size[rows, axes - len(scores.size) :] = scores.size
        return LayerScores.of(maximum, position, size)

    def sums(self, images: np.ndarray) -> LayerSums:
        """The sums; `images` are the indices of all rows."""
        reached = np.concatenate([images[row : row + len(scores.mean)] for row, scores in self._batches])
        means = np.concatenate([scores.mean for _, scores in self._batches])
        maps = None
        if self._total is not None:
            maps = ExactSum.of(self._total.clip(-_GREATEST, _GREATEST).astype(np.float32))
        counted = np.array(self._counted, np.int64)
        counted.setflags(write=False)
        greatest, least = (Extremes.of(reached, means, descending) for descending in (True, False))
        return LayerSums(greatest, least, frozenset(self._sizes), maps, counted)


class _Rows:
    """The rows of a shard, batch by batch."""

    def __init__(self) -> None:
        self._images: list[int] = []
        self._labels: list[Label] = []
        self._predicted: list[np.ndarray] = []
        self._layers: dict[int, _LayerRows] = {}
        self._refused: list[int] = []
        self._unreadable_cause = self._refusal = ""
        self._not_seen: dict[int, tuple[int, str]] = {}

    def add(
        self, batch: ImageBatch, accepted: ImageBatch, scores: _PassScores | None, refusals: list[Exception]
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
        for layer, reason in scores.not_seen.items():
            self._not_seen.setdefault(layer, (accepted.indices[0], reason))
        self._images += accepted.indices
        self._labels += accepted.labels
        self._predicted.append(scores.predicted)

    def state(self, asked: np.ndarray) -> ScanState:
        """What the shard gave, all of it."""
        images = np.array(self._images, np.int64)
        labels, classes = number_labels(self._labels)
        predicted = np.concatenate([np.zeros(0, np.int32), *self._predicted])
        for array in (images, labels, predicted):
            array.setflags(write=False)
        unreadable = np.setdiff1d(asked, [*self._images, *self._refused])
        layers = dict(sorted(self._layers.items()))
        piece = Piece(
            images,
            labels,
            classes,
            predicted,
            {layer: rows.scores(len(images)) for layer, rows in layers.items()},
            OmittedImages.of(unreadable.tolist(), self._unreadable_cause),
            OmittedImages.of(self._refused, self._refusal),
        )
        sums = {layer: rows.sums(images) for layer, rows in layers.items()}
        return ScanState((piece,), sums, dict(sorted(self._not_seen.items())))

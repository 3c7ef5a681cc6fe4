"""Ablates filters, batch by batch: each one's map replaced by its mean, each candidate's by its partner's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch

from filterscope.nets.runner import NetRunner
from filterscope.scans.refusals import run_accepted
from filterscope.scans.sampling import ImageBatch, Samples, batches
from filterscope.verdicts.ablation.ablation import Ablation
from filterscope.verdicts.ablation.losses import log_probabilities
from filterscope.verdicts.ablation.outputs_alike import Read
from filterscope.verdicts.ablation.reference import Reference
from filterscope.verdicts.ablation.rerun import Rerun
from filterscope.verdicts.ablation.rises import LayerAblation, Rise, RiseReference
from filterscope.verdicts.ablation.sampled import AblatedRows
from filterscope.verdicts.ablation.scoring import ScoreReading, ScoreReference, targets_of
from filterscope.verdicts.activations.duplicates import Pair
from filterscope.verdicts.batch_sums import Premises


@dataclass(frozen=True, eq=False)
class AblationSums:
    """What ablating filters on one batch gave.

    Attributes:
        end: How far in the order of the images the batch goes.
        layers: Of each layer that it reached.
    """

    end: int
    layers: Mapping[int, LayerAblation]


@dataclass(frozen=True, eq=False)
class RowSums:
    """What ablating a layer's filters on one batch gave, image by image; `layers` as of `AblationSums`."""

    end: int
    layers: Mapping[int, AblatedRows]


@dataclass(frozen=True, eq=False)
class SetSums:
    """What ablating a set of filters of each layer together on one batch gave; `layers` as of `AblationSums`."""

    end: int
    layers: Mapping[int, Rise]


@dataclass(frozen=True, eq=False)
class Ablating:
    """Ablates filters on images, batch by batch. It can be sent to a worker.

    Attributes:
        means: Of each layer what a filter's map is replaced by, `(F,)`.
        premises: What is known of net and data.
        live: Of each layer whose filters are ablated one by one, which ones, bool `(F,)`.
        pairs: Of each layer the candidates for duplicates whose maps are computed from their partners'.
    """

    means: Mapping[int, np.ndarray]
    premises: Premises
    live: Mapping[int, np.ndarray] = field(default_factory=dict)
    pairs: Mapping[int, Sequence[Pair]] = field(default_factory=dict)

    def __call__(
        self, runner: NetRunner, samples: Samples, images: np.ndarray, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[AblationSums]:
        """The sums of each batch of these images.

        Args:
            runner: Runs the net.
            samples: The data set.
            images: Indices of the images.
            cancelled: Asked before each filter; once it says yes, nothing of the batch counts.
        """
        for batch in batches(samples, images, 0, len(images), runner.images_at_once()):
            layers = {}
            intact = _IntactBatch.of(runner, samples, batch, self.premises)
            if intact is None:
                yield AblationSums(batch.end, {})
                continue
            for layer, rerun in _reruns(intact, self.live or self.pairs, cancelled):
                layers[layer] = LayerAblation.of(self.means[layer])
                if layer in self.live:
                    layers[layer].add(rerun, intact.reference, self.live[layer], cancelled)
                layers[layer].add_merged(rerun, intact.reference, self.pairs.get(layer, ()))
            if cancelled():
                return
            yield AblationSums(batch.end, layers)


@dataclass(frozen=True, eq=False)
class AblatingRows:
    """Ablates each filter of a layer on few images and keeps each image's own rise. It can be sent to a worker.

    Attributes:
        layer: Index of the layer.
        means: What a filter's map is replaced by, `(F,)`.
        live: Which filters, bool `(F,)`.
        premises: What is known of net and data.
    """

    layer: int
    means: np.ndarray
    live: np.ndarray
    premises: Premises

    def __call__(
        self, runner: NetRunner, samples: Samples, images: np.ndarray, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[RowSums]:
        """The rises of each batch of these images; the arguments are those of `Ablating`."""
        for batch in batches(samples, images, 0, len(images), runner.images_at_once()):
            intact = _IntactBatch.of(runner, samples, batch, self.premises)
            if intact is None:
                yield RowSums(batch.end, {})
                continue
            layers = {}
            for layer, rerun in _reruns(intact, [self.layer], cancelled):
                rises = np.zeros((len(intact.reference.rows), len(self.live)))
                for index in np.flatnonzero(self.live):
                    if cancelled():
                        return
                    ablate = partial(Ablation(layer, (int(index),), (float(self.means[index]),)), layer)
                    rises[:, index] = intact.reference.rises(rerun(ablate))
                layers[layer] = AblatedRows(intact.indices[intact.reference.rows], rises)
            if cancelled():
                return
            yield RowSums(batch.end, layers)


@dataclass(frozen=True, eq=False)
class AblatingSets:
    """Ablates a set of filters of each layer, all of the set together. It can be sent to a worker.

    Attributes:
        sets: Of each layer what is replaced, and by what.
        premises: What is known of net and data.
    """

    sets: Mapping[int, Ablation]
    premises: Premises

    def __call__(
        self, runner: NetRunner, samples: Samples, images: np.ndarray, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[SetSums]:
        """The rises of each batch of these images; the arguments are those of `Ablating`."""
        for batch in batches(samples, images, 0, len(images), runner.images_at_once()):
            intact = _IntactBatch.of(runner, samples, batch, self.premises)
            if intact is None:
                yield SetSums(batch.end, {})
                continue
            layers = {}
            for layer, ablation in self.sets.items():
                if cancelled():
                    return
                layers[layer] = Rise()
                layers[layer].add(intact.reference.rises(intact.read(ablation.run(runner, intact.tensors))))
            if cancelled():
                return
            yield SetSums(batch.end, layers)


@dataclass(frozen=True, eq=False)
class _IntactBatch:
    """A batch and what the intact net says to it.

    Attributes:
        runner: Runs the net.
        tensors: The batch.
        output: What `read` reads from what the net returns: log-probabilities `(N, K)`, or scores `(N,)`.
        read: Reads it from any output for the batch.
        reference: What ablated nets are held against.
        indices: The images' indices in the data set.
        whole: All that the net returns, where `output` does not tell two outputs apart; else None.
    """

    runner: NetRunner
    tensors: torch.Tensor
    output: torch.Tensor
    read: Read
    reference: RiseReference
    indices: np.ndarray
    whole: Any = None

    @classmethod
    def of(cls, runner: NetRunner, samples: Samples, batch: ImageBatch, premises: Premises) -> _IntactBatch | None:
        """None where the net takes none of the images."""
        # What the net refuses now it refused before, which was said.
        accepted, outputs, _ = run_accepted(batch, lambda part: (runner.run(runner.batch(part.images)),))
        if outputs is None:
            return None
        whole, tensors, labelled = outputs[0], runner.batch(accepted.images), bool(premises.labelled)
        indices, scorer = np.asarray(accepted.indices, np.int64), runner.known.scorer
        if scorer is not None:
            reading = ScoreReading(scorer, whole, targets_of(accepted), tuple(tensors.shape[2:]), labelled)
            scores = torch.from_numpy(reading.intact)
            return cls(runner, tensors, scores, reading, ScoreReference(reading), indices, whole)

        def read(output: Any) -> torch.Tensor | None:
            return log_probabilities(output, len(tensors), runner.known)

        output = read(whole)
        if output is None:
            return None
        reference = Reference(output, premises.class_numbers(output, accepted.labels, samples.classes), labelled)
        return cls(runner, tensors, output, read, reference, indices)


def _reruns(intact: _IntactBatch, layers: Iterable[int], cancelled: Callable[[], bool]) -> Iterator[tuple[int, Rerun]]:
    """The layers that a batch reaches as it should, each ready to be run again."""
    for layer in layers:
        if cancelled():
            return
        rerun = Rerun(intact.runner, layer, intact.tensors, intact.output, intact.read, intact.whole)
        expected = len(intact.tensors), intact.runner.layers[layer].out_channels
        if rerun.shape is not None and rerun.shape[:2] == expected:
            yield layer, rerun

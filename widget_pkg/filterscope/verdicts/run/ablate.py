"""Ablates filters, batch by batch: each one's map replaced by its mean, each candidate's by its partner's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from filterscope.nets.runner import NetRunner
from filterscope.outputs.score import Scorer
from filterscope.scans.refusals import run_accepted
from filterscope.scans.sampling import ImageBatch, Samples, batches
from filterscope.verdicts.ablation.losses import log_probabilities
from filterscope.verdicts.ablation.reference import Reference
from filterscope.verdicts.ablation.rerun import Rerun
from filterscope.verdicts.ablation.rises import LayerAblation
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
            for layer, rerun, reference in self._reruns(runner, samples, batch, cancelled):
                layers[layer] = LayerAblation.of(self.means[layer])
                if layer in self.live:
                    layers[layer].add(rerun, reference, self.live[layer], cancelled)
                layers[layer].add_merged(rerun, reference, self.pairs.get(layer, ()))
            if cancelled():
                return
            yield AblationSums(batch.end, layers)

    def _reruns(
        self, runner: NetRunner, samples: Samples, batch: ImageBatch, cancelled: Callable[[], bool]
    ) -> Iterator[tuple[int, Rerun, Reference | ScoreReference]]:
        """The layers that a batch reaches as it should, each ready to be run again."""
        if not len(batch.images):
            return
        scorer = runner.known.scorer
        if scorer is not None:
            yield from self._scored_reruns(runner, batch, scorer, cancelled)
            return
        # What the net refuses now it refused before, which was said.
        accepted, intact, _ = run_accepted(
            batch,
            lambda part: log_probabilities(runner.run(runner.batch(part.images)), len(part.images), runner.known),
        )
        if intact is None:
            return
        tensors = runner.batch(accepted.images)
        labels = self.premises.class_numbers(intact, accepted.labels, samples.classes)
        reference = Reference(intact, labels, bool(self.premises.labelled))
        for layer in self.live or self.pairs:
            if cancelled():
                return
            rerun = Rerun(runner, layer, tensors, intact)
            if rerun.shape is not None and rerun.shape[:2] == (len(tensors), runner.layers[layer].out_channels):
                yield layer, rerun, reference

    def _scored_reruns(
        self, runner: NetRunner, batch: ImageBatch, scorer: Scorer, cancelled: Callable[[], bool]
    ) -> Iterator[tuple[int, Rerun, ScoreReference]]:
        """The same where it goes by a score."""
        accepted, output, _ = run_accepted(batch, lambda part: (runner.run(runner.batch(part.images)),))
        if output is None:
            return
        tensors = runner.batch(accepted.images)
        size, labelled = tuple(tensors.shape[2:]), bool(self.premises.labelled)
        reading = ScoreReading(scorer, output[0], targets_of(accepted), size, labelled)
        reference = ScoreReference(reading)
        for layer in self.live or self.pairs:
            if cancelled():
                return
            rerun = Rerun(runner, layer, tensors, torch.from_numpy(reading.intact), reading, output[0])
            if rerun.shape is not None and rerun.shape[:2] == (len(tensors), runner.layers[layer].out_channels):
                yield layer, rerun, reference

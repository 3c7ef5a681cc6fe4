"""What is known of one layer: what every axis judges its filters by."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from filterscope.nets.layers import ConvLayer
from filterscope.verdicts.ablation.losses import Knowledge
from filterscope.verdicts.ablation.rises import LayerAblation
from filterscope.verdicts.ablation.sampled import SampledAblation
from filterscope.verdicts.ablation.scoring import ScoreKnowledge
from filterscope.verdicts.ablation.use import FEWEST_IMAGES
from filterscope.verdicts.activations.state import UNKNOWN, State, judge_state
from filterscope.verdicts.activations.statistics import LayerStatistics
from filterscope.verdicts.examination import Examination, Judged, LayerWeights


class LayerEvidence:
    """The sums of one layer, with what is known of the net.

    Args:
        examination: The sums of all layers.
        index: Index of the layer.
        ablation: Whether ablation was asked for.

    Attributes:
        index: Index of the layer.
        layer: The layer, with its kernels.
        examination: The sums of all layers.
        ablation_asked: Whether ablation was asked for.
        statistics: What the filters did on the images; None where nothing was seen.
        not_seen: Why nothing was seen.
        ablation: What the net loses without each filter; None where nothing was ablated.
        knowledge: What the net knows; None where its output is not one score a class.
        class_names: Of the net's classes.
    """

    def __init__(self, examination: Examination, index: int, ablation: bool) -> None:
        self.examination, self.index, self.ablation_asked = examination, index, ablation
        self.layer: ConvLayer = examination.runner.layers[index]
        self.statistics: LayerStatistics | None = examination.statistics.get(index)
        self.not_seen = examination.not_seen.get(index, "no image was seen")
        self.ablation: LayerAblation | SampledAblation | None = _ablation_of(examination, index)
        self.knowledge: Knowledge | ScoreKnowledge | None = examination.knowledge
        self.class_names = examination.class_names()

    def __len__(self) -> int:
        """How many filters the layer has."""
        return self.layer.out_channels

    @property
    def images(self) -> int:
        """Images in the statistics."""
        return 0 if self.statistics is None else self.statistics.images

    def from_weights(self, judge: Callable[[LayerWeights], Judged]) -> Judged:
        """What a function finds in the layer's weights; each is asked once a layer."""
        return self.examination.from_weights(self.index, judge)

    @cached_property
    def states(self) -> list[State]:
        """Live, dead or constant, of each filter: other axes ask for it too."""
        if self.statistics is None:
            return [State(UNKNOWN, self.not_seen)] * len(self)
        return judge_state(self.statistics)

    @cached_property
    def estimates(self) -> np.ndarray:
        """To first order what replacing each filter's map by its mean does to the loss, `(F,)`; NaN where unknown."""
        return np.full(len(self), np.nan) if self.statistics is None else self.statistics.estimate

    @cached_property
    def estimated_rises(self) -> np.ndarray:
        """The mean rise of the loss without each filter by gradients alone, in nats, `(F,)`; NaN where unknown.

        That on linearised logits, on the images for which they are kept; its first order, over all images.
        """
        moments = self.examination.linearised(self.index).moments if self.statistics is not None else None
        if moments is None:
            return np.full(len(self), np.nan)
        rises: np.ndarray = moments.sums[0] / moments.images
        pool = self.examination.pool(self.index)
        if self.examination.labelled and pool is not None and pool.images > moments.images:
            rises = rises - moments.sums[1] / moments.images + pool.mean
        return rises


def _ablation_of(examination: Examination, index: int) -> LayerAblation | SampledAblation | None:
    """On all images where that is on its way far enough, else on few."""
    ablation, sampled = examination.ablations.get(index), examination.sampled.get(index)
    if ablation is not None and (sampled is None or max(rise.images for rise in ablation.rises) >= FEWEST_IMAGES):
        return ablation
    return sampled

"""The sums from which a diagnosis is made at any moment: what was seen of a net's layers so far."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from filterscope.host.sigint import defer_sigint
from filterscope.nets.runner import NetRunner
from filterscope.scans.refusals import MOST_REFUSED
from filterscope.scans.sampling import Samples
from filterscope.scans.state import ScanState
from filterscope.verdicts.ablation.losses import Knowledge
from filterscope.verdicts.ablation.rises import LayerAblation, Rise
from filterscope.verdicts.ablation.scoring import ScoreKnowledge
from filterscope.verdicts.activations.duplicates import Pair, find_duplicates
from filterscope.verdicts.activations.state import LIVE, judge_state
from filterscope.verdicts.activations.statistics import LayerStatistics
from filterscope.verdicts.batch_sums import BatchSums, Premises

Judged = TypeVar("Judged")

MEAN_IMAGES = 500
"""An ablated map's mean is that over so many images, the first ones: more images never change what was ablated."""
KERNELS_OF_EACH_IMAGE = "the net makes the kernels from the image, and each image has its own"


@dataclass(frozen=True, eq=False)
class LayerWeights:
    """A layer's weights, as they are judged.

    Attributes:
        kernels: `(F, C_in/groups, *k)`.
        groups: The layer's groups.
        sees_rgb: Whether the layer's channels are the red, green and blue of the image.
        no_verdict: Why nothing can be said of them, one sentence without full stop, or "".
    """

    kernels: np.ndarray
    groups: int
    sees_rgb: bool
    no_verdict: str = ""


class Examination:
    """Sums over the images seen so far; more can be added at any time.

    Args:
        runner: Runs the net, whose layers it knows.
        samples: The data set.
        layers: Indices of the layers to look at.

    Attributes:
        layers: Indices of the layers to look at, ascending.
        order: The order in which images are looked at.
        seen: How far in the order of the images the statistics go.
        ablated: How far the ablation goes.
        merged: How far the test of candidates for duplicates goes.
        unreadable: Samples that could not be read.
        unreadable_cause: Why the first of these could not be, or "".
        refused: Why images were left out that the net refused, one sentence, or "".
        premises: What the images seen so far showed of net and data.
        knowledge: What the net knows; None where its output is not one score a class.
        statistics: Of each layer looked at.
        means: Each layer's mean activation by filter, over the first images; what an ablated map is replaced by.
        ablations: Of each layer that was ablated.
        not_seen: Why there are no statistics of a layer.
        scanned: What a scan keeps of the images seen, batch by batch, where that was asked for.
    """

    def __init__(self, runner: NetRunner, samples: Samples, layers: Iterable[int]) -> None:
        self.runner, self.samples = runner, samples
        self.layers = sorted(layers)
        self.order = np.zeros(0, np.int64)
        self.seen = self.ablated = self.merged = self.unreadable = self.refused_images = 0
        self.refused = self.unreadable_cause = ""
        self.premises = Premises()
        self.knowledge: Knowledge | ScoreKnowledge | None = None
        self.statistics: dict[int, LayerStatistics] = {}
        self.means: dict[int, np.ndarray] = {}
        self.ablations: dict[int, LayerAblation] = {}
        self.not_seen: dict[int, str] = {}
        self.scanned: list[ScanState] = []
        self._means_of = 0  # images
        self._judged_weights: dict[tuple[int, Callable[[LayerWeights], Any], bool], Any] = {}

    # What comes in

    def add(self, sums: BatchSums) -> None:
        """Takes in what a batch gave, all of it or nothing.

        Raises:
            NetError: If the net refused the first images, all of them.
        """
        enough = sums.end >= len(self.order) or self.refused_images + sums.refused >= MOST_REFUSED
        if sums.refused_all is not None and not self.images and enough:
            raise sums.refused_all
        with defer_sigint():
            self.premises = sums.after
            if self.knowledge is None and sums.after.classes is not None:
                self.knowledge = Knowledge.of(sums.after.classes, bool(sums.after.labelled))
            for layer, of_batch in sums.statistics.items():
                if layer in self.statistics:
                    self.statistics[layer].merge(of_batch)
                else:
                    self.statistics[layer] = of_batch
            if isinstance(sums.knowledge, ScoreKnowledge):
                if not isinstance(self.knowledge, ScoreKnowledge):
                    of_none = replace(sums.knowledge, scores=Rise(), gained=Rise(), left_out=0)
                    self.knowledge = of_none
                self.knowledge.merge(sums.knowledge)
            elif sums.knowledge is not None and isinstance(self.knowledge, Knowledge):
                self.knowledge.merge(sums.knowledge)
            if sums.refused:
                self.refused_images += sums.refused
                self.refused = f"the net refused {self.refused_images} images: {sums.refusal}"
            self.not_seen.update(sums.not_seen)
            self.unreadable += sums.unreadable
            self.unreadable_cause = self.unreadable_cause or sums.unreadable_cause
            if sums.scanned is not None:
                self.scanned.append(sums.scanned)
            self.seen = sums.end

    def keep_means(self) -> None:
        """Keeps the means over the first images; where these are more than before, what was ablated is void."""
        images = min(self.seen, MEAN_IMAGES)
        if images > self._means_of:
            self._means_of = images
            self.means = {layer: seen.mean.copy() for layer, seen in self.statistics.items() if seen.images}
            self.ablations, self.ablated, self.merged = {}, 0, 0

    def copy(self, runner: NetRunner, samples: Samples) -> Examination:
        """A copy of the sums, to go on with; the ones here stay as they are."""
        other = copy.copy(self)  # what was judged of the weights is shared: they are equal
        other.runner, other.samples = runner, samples
        for name in ("knowledge", "statistics", "means", "ablations", "not_seen"):
            setattr(other, name, copy.deepcopy(getattr(self, name)))
        other.scanned = list(self.scanned)  # which nothing changes
        return other

    # What is asked of it

    @property
    def images(self) -> int:
        """Images seen, without samples that could not be read or that the net refused."""
        return self.seen - self.unreadable - self.refused_images

    @property
    def classes(self) -> int:
        """How many classes the net tells apart; 0 where that is not known, or its output is not one score a class."""
        return self.premises.classes or 0

    @property
    def labelled(self) -> bool | None:
        """Whether there are labels; None before the first image."""
        return self.premises.labelled

    @property
    def no_gradient(self) -> str:
        """Why there is no Taylor estimate, or ""."""
        return self.premises.no_gradient

    def class_names(self) -> list[str]:
        """Names of the net's classes: the data set's where they are as many, else "class 0" and so on."""
        names = list(self.samples.classes)
        return names if len(names) == self.classes else [f"class {number}" for number in range(self.classes)]

    def from_weights(self, layer: int, judge: Callable[[LayerWeights], Judged]) -> Judged:
        """What a function finds in a layer's weights; each is asked once a layer."""
        dynamic = self.runner.is_dynamic(layer)  # which may become known only when the second image is looked at
        key = layer, judge, dynamic
        if key not in self._judged_weights:
            record = self.runner.layers[layer]
            sees_rgb = layer == 0 and record.in_channels == 3 == self.runner.image_shape[0]
            no_verdict = KERNELS_OF_EACH_IMAGE if dynamic else ""
            self._judged_weights[key] = judge(LayerWeights(record.kernels, record.groups, sees_rgb, no_verdict))
        judged: Judged = self._judged_weights[key]
        return judged

    def live(self, layer: int) -> np.ndarray:
        """Which filters of a layer say anything about the images, bool `(F,)`."""
        return np.array([state.verdict == LIVE for state in judge_state(self.statistics[layer])])

    def pairs(self, layer: int) -> list[Pair]:
        """Candidates for duplicates; none where each image has kernels of its own."""
        if self.runner.is_dynamic(layer):
            return []
        record, live = self.runner.layers[layer], self.live(layer)
        normed = record.activation.normed
        return find_duplicates(record.kernels, record.bias, self.statistics[layer], live, record.groups, normed)

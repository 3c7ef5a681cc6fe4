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
from filterscope.verdicts.ablation.control import Pool
from filterscope.verdicts.ablation.linearised import LINEARISED_IMAGES, LinearisedLogits, Shifts, Slopes
from filterscope.verdicts.ablation.losses import Knowledge
from filterscope.verdicts.ablation.rises import LayerAblation, Rise
from filterscope.verdicts.ablation.sampled import SampledAblation
from filterscope.verdicts.ablation.scoring import ScoreKnowledge
from filterscope.verdicts.ablation.together import FEWEST_CHOSEN, FEWEST_MEASURED, MEASURED_IMAGES, JointAblation
from filterscope.verdicts.activations.duplicates import Pair, find_duplicates
from filterscope.verdicts.activations.inputs import InputMoments
from filterscope.verdicts.activations.state import LIVE, judge_state
from filterscope.verdicts.activations.statistics import LayerStatistics
from filterscope.verdicts.activations.training import CANT_TELL, Training, judge_training
from filterscope.verdicts.batch_sums import BatchSums, Premises
from filterscope.verdicts.weights.start import StartKernels

Judged = TypeVar("Judged")

MEAN_IMAGES = 500
"""An ablated map's mean is that over so many images, the first ones: more images never change what was ablated."""
_LINEARISED_BYTES = 2**29
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
        inputs: Of each layer's input, over the first images.
        start: What the net started from, where that was given.
        means: Each layer's mean activation by filter, over the first images; what an ablated map is replaced by.
        ablations: Of each layer that was ablated on all images seen.
        sampled: Of each layer that was ablated on few images.
        slopes: What the linearised logits of the first images follow from, until the filters' means are settled.
        shifts: The linearised logits of images, from then on.
        linearised_to: How far in the order of the images their logits are linearised.
        joint: Of each layer its least used filters, ablated together.
        joint_of: How many images had been seen by then.
        merged_of: How many images had been seen when candidates for duplicates were last tested.
        cut: What a budget left undone, a sentence without full stop, or "".
        not_seen: Why there are no statistics of a layer.
        scanned: What a scan keeps of the images seen, batch by batch, where that was asked for.
    """

    def __init__(self, runner: NetRunner, samples: Samples, layers: Iterable[int]) -> None:
        self.runner, self.samples = runner, samples
        self.layers = sorted(layers)
        self.order = np.zeros(0, np.int64)
        self.seen = self.linearised_to = self.ablated = self.merged = self.unreadable = self.refused_images = 0
        self.refused = self.unreadable_cause = ""
        self.premises = Premises()
        self.knowledge: Knowledge | ScoreKnowledge | None = None
        self.statistics: dict[int, LayerStatistics] = {}
        self.inputs: dict[int, InputMoments] = {}
        self.start: StartKernels | None = None
        self.means: dict[int, np.ndarray] = {}
        self.ablations: dict[int, LayerAblation] = {}
        self.sampled: dict[int, SampledAblation] = {}
        self.slopes: list[Slopes] = []
        self.shifts: list[Shifts] = []
        self.joint: dict[int, JointAblation] = {}
        self.joint_of = self.merged_of = 0
        self.cut = ""
        self._linearised: dict[int, LinearisedLogits] = {}
        self.not_seen: dict[int, str] = {}
        self.scanned: list[ScanState] = []
        self._means_of = 0  # images
        self._judged_weights: dict[tuple[int, Callable[[LayerWeights], Any], bool], Any] = {}
        self._judged_training: dict[int, tuple[int, list[Training]]] = {}

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
            self._linearised = {}
            self.premises = sums.after
            if self.knowledge is None and sums.after.classes is not None:
                self.knowledge = Knowledge.of(sums.after.classes, bool(sums.after.labelled))
            for layer, of_batch in sums.statistics.items():
                if layer in self.statistics:
                    self.statistics[layer].merge(of_batch)
                else:
                    self.statistics[layer] = of_batch
            for layer, of_input in sums.inputs.items():
                if layer in self.inputs:
                    self.inputs[layer].merge(of_input)
                else:
                    self.inputs[layer] = of_input
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
            if self.linearised_to == self.seen and sums.linearised:
                self.add_slopes(sums)
            self.seen = sums.end

    def add_slopes(self, sums: BatchSums) -> None:
        """Takes in what the linearised logits of a batch follow from, and nothing else."""
        with defer_sigint():
            if sums.slopes is not None and len(sums.slopes.indices):
                self._keep_slopes(sums.slopes)
            self.linearised_to = sums.end

    def _keep_slopes(self, slopes: Slopes) -> None:
        """Of the images after the first ones only what follows for their means, which takes half the memory."""
        self._linearised = {}
        if self._means_of == MEAN_IMAGES:
            self.shifts.append(slopes.at(self.means))
        else:
            self.slopes.append(slopes)

    def keep_means(self) -> None:
        """Keeps the means over the first images; where these are more than before, what was ablated is void."""
        images = min(self.seen, MEAN_IMAGES)
        if images > self._means_of:
            self._means_of = images
            self.means = {layer: seen.mean.copy() for layer, seen in self.statistics.items() if seen.images}
            self.ablations, self.ablated, self.merged = {}, 0, 0
            self.sampled, self._linearised, self.joint, self.joint_of = {}, {}, {}, 0
            if images == MEAN_IMAGES:
                self.shifts, self.slopes = [slopes.at(self.means) for slopes in self.slopes], []

    def copy(self, runner: NetRunner, samples: Samples) -> Examination:
        """A copy of the sums, to go on with; the ones here stay as they are."""
        other = copy.copy(self)  # what was judged of the weights is shared: they are equal
        other.runner, other.samples = runner, samples
        for name in ("knowledge", "statistics", "inputs", "means", "ablations", "sampled", "joint", "not_seen"):
            setattr(other, name, copy.deepcopy(getattr(self, name)))
        for name in ("scanned", "slopes", "shifts"):  # nothing changes what is in them
            setattr(other, name, list(getattr(self, name)))
        other._linearised = {}
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

    def training(self, layer: int) -> list[Training]:
        """What a layer's input says of its filters; judged anew only where more images were looked at."""
        record, moments = self.runner.layers[layer], self.inputs.get(layer)
        reason = ""
        if self.runner.is_dynamic(layer):
            reason = KERNELS_OF_EACH_IMAGE
        elif record.transposed:
            reason = "it is a transposed convolution, which lays no kernel on its input"
        elif sum(other.name == record.name for other in self.runner.layers) > 1:
            reason = "the net calls it more than once, so its input comes from its own weights"
        elif moments is None:
            reason = self.not_seen.get(layer, "no image was seen")
        if reason or moments is None:
            return [Training(CANT_TELL, reason=reason)] * record.out_channels
        windows, judged = self._judged_training.get(layer, (0, []))
        if not judged or windows != moments.windows:
            judged = judge_training(record.kernels, record.groups, moments)
            self._judged_training[layer] = moments.windows, judged
        return judged

    def most_linearised(self) -> int:
        """Of how many images the linearised logits are kept, so that they take at most half a GB."""
        filters = sum(self.runner.layers[layer].out_channels for layer in self.layers)
        return int(np.clip(_LINEARISED_BYTES // (12 * max(filters, 1)), 1, LINEARISED_IMAGES))

    def images_apart(self) -> tuple[range, range]:
        """Places in the order by which filters are chosen, and others on which what they cost is measured.

        Both empty where there are too few images for that.
        """
        middle = min(self.seen // 2, self.most_linearised())
        measured = range(middle, min(self.seen, middle + MEASURED_IMAGES))
        if middle < FEWEST_CHOSEN or len(measured) < FEWEST_MEASURED:
            return range(0), range(0)
        return range(middle), measured

    def conclude(self, layer: int) -> None:
        """Finds the mean rises of a layer's filters that were ablated on few images."""
        self.sampled[layer].conclude(self.linearised(layer), self.pool(layer), self.live(layer))

    def linearised(self, layer: int) -> LinearisedLogits:
        """The linearised logits of a layer, as far as they are kept."""
        if layer not in self._linearised:
            shifts = self.shifts
            if self.slopes and layer in self.statistics:
                shifts = [slopes.at({layer: self._means_now(layer)}) for slopes in self.slopes]
            self._linearised[layer] = LinearisedLogits(shifts, layer, bool(self.labelled))
        return self._linearised[layer]

    def _means_now(self, layer: int) -> np.ndarray:
        """By what a layer's maps are replaced; where it is not settled yet, the mean over the images so far."""
        return self.means[layer] if self._means_of == MEAN_IMAGES else self.statistics[layer].mean

    def pool(self, layer: int) -> Pool | None:
        """The first order of ablating a layer's filters, over all images seen; None where there are no gradients."""
        seen = self.statistics[layer]
        if not seen.taylor_images or (self._means_of == MEAN_IMAGES and layer not in self.means):
            return None
        mean, variance = seen.first_order(self._means_now(layer))
        return Pool(seen.taylor_images, mean, variance)

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

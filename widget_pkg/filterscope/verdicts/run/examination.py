"""Looks at images, a batch at a time, and keeps the sums from which a diagnosis is made at any moment."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress

import numpy as np
import torch

from filterscope.errors import SampleError, describe_exception
from filterscope.nets.layer_watch import OnActivation
from filterscope.nets.runner import NetRunner
from filterscope.verdicts.ablation import removal
from filterscope.verdicts.ablation.ablation import LayerAblation
from filterscope.verdicts.ablation.losses import UNLABELLED, Knowledge, class_numbers, log_probabilities
from filterscope.verdicts.ablation.use import gate
from filterscope.verdicts.activations.duplicates import Pair, find_duplicates
from filterscope.verdicts.activations.state import LIVE, judge_state
from filterscope.verdicts.activations.statistics import LayerStatistics
from filterscope.verdicts.run.interrupts import undivided
from filterscope.verdicts.run.sampling import ImageBatch, Samples, batches, order_of
from filterscope.verdicts.weights.naming import Pattern
from filterscope.verdicts.weights.structure import Structure

OnProgress = Callable[[str, int, int], None]
"""Called at the start of each part and after each batch: what is done (`"images"`, `"ablation"` or `"merging"`), how
many images of it, and of how many."""

MEAN_IMAGES = 500
"""An ablated map's mean is that over so many images, the first ones: more images never change what was ablated."""
_LABELS_LOOKED_AT = 20  # a first batch may be a single image, and that one without a label


_Late = dict[int, tuple[torch.Tensor, int]]
_Found = tuple[dict[int, LayerStatistics], Knowledge | None]


class Examination:
    """Sums over the images seen so far; more can be added at any time.

    Args:
        runner: Runs the net, whose layers it knows.
        samples: The data set.
        wanted: Indices of the layers to look at.

    Attributes:
        seen: How far in the order of the images the statistics go.
        ablated: How far the ablation goes.
        merged: How far the test of candidates for duplicates goes.
        unreadable: Samples that could not be read.
        refused: Why images were left out that the net refused, one sentence, or "".
        labelled: Whether there are labels; None before the first image.
        knowledge: What the net knows; None where its output is not one score a class.
        statistics: Of each layer looked at.
        means: Each layer's mean activation by filter, over the first images; what an ablated map is replaced by.
        ablations: Of each layer that was ablated.
        not_seen: Why there are no statistics of a layer.
        no_gradient: Why there is no Taylor estimate, or "".
    """

    def __init__(self, runner: NetRunner, samples: Samples, wanted: Iterable[int]) -> None:
        self.runner, self.samples = runner, samples
        self.wanted = sorted(wanted)
        self.seen = self.ablated = self.merged = self.unreadable = self.refused_images = 0
        self.refused = self.no_gradient = ""
        self.labelled: bool | None = None
        self.knowledge: Knowledge | None = None
        self.statistics: dict[int, LayerStatistics] = {}
        self.means: dict[int, np.ndarray] = {}
        self.ablations: dict[int, LayerAblation] = {}
        self.not_seen: dict[int, str] = {}
        self._means_of = 0  # images
        self._order = np.zeros(0, np.int64)
        self._classes: int | None = None
        self._weights_said: dict[int, tuple[list[Structure], list[Pattern]]] = {}

    def run(self, images: int, ablation: bool, on_progress: OnProgress, cancel: threading.Event) -> None:
        """Looks at images until so many were seen, or `cancel` is set; then ablates on the same ones."""
        order = self._order = order_of(self.samples, images)
        stop = min(images, len(order))
        if self.seen < stop:
            on_progress("images", self.seen, stop)
        for part in (min(stop, MEAN_IMAGES), stop):
            for batch in batches(self.samples, order, self.seen, part, self.runner.images_at_once()):
                self._look(batch)
                on_progress("images", self.seen, stop)
                if cancel.is_set():
                    return
            self._keep_means()
        if not ablation or gate(self.knowledge):
            return
        removal.ablate(self, order, on_progress, cancel)
        if not cancel.is_set():
            removal.merge_pairs(self, order, on_progress, cancel)

    def _keep_means(self) -> None:
        """Keeps the means over the first images; where these are more than before, what was ablated is void."""
        images = min(self.seen, MEAN_IMAGES)
        if images > self._means_of:
            self._means_of = images
            self.means = {layer: seen.mean.copy() for layer, seen in self.statistics.items() if seen.images}
            self.ablations, self.ablated, self.merged = {}, 0, 0

    def _look(self, batch: ImageBatch) -> None:
        found: _Found = {}, None
        refused = ""
        if batch.images:
            tensor = self.runner.batch(batch.images)
            try:
                found = self._pass(tensor, batch.labels)
            except Exception as error:
                if not self.images:  # it refused all there were
                    raise
                refused = describe_exception(error)
        statistics, knowledge = found
        with undivided():
            for layer, seen in statistics.items():
                if layer in self.statistics:
                    self.statistics[layer].merge(seen)
                else:
                    self.statistics[layer] = seen
            if knowledge is not None and self.knowledge is not None:
                self.knowledge.merge(knowledge)
            if refused:
                self.refused_images += len(batch.images)
                self.refused = f"the net refused {self.refused_images} images: {refused}"
            self.unreadable += batch.unreadable
            self.seen = batch.end

    def _pass(self, batch: torch.Tensor, given: list[str | int | None]) -> _Found:
        """One pass and, where the output is one score a class, one back for the gradients."""
        taken: dict[int, torch.Tensor] = {}
        edges: dict[int, torch.autograd.graph.GradientEdge] = {}
        late: _Late = {}

        def take(layer: int, activation: torch.Tensor) -> None:
            if not self._fits(layer, activation, len(batch)):
                return
            taken[layer] = activation.detach().clone()
            # Of the tensor as it is now: the net may write into it further on.
            if activation.requires_grad and activation.grad_fn is not None:
                edges[layer] = torch.autograd.graph.get_gradient_edge(activation)
            else:
                late[layer] = activation, activation._version

        differentiable = not self.no_gradient
        image = batch.detach().requires_grad_(differentiable)
        with torch.set_grad_enabled(differentiable):  # the caller may have turned it off
            return self._take_in(image, given, take, taken, edges, late)

    def _take_in(
        self,
        image: torch.Tensor,
        given: list[str | int | None],
        take: OnActivation,
        taken: dict[int, torch.Tensor],
        edges: dict[int, torch.autograd.graph.GradientEdge],
        late: _Late,
    ) -> _Found:
        differentiable = image.requires_grad
        output = self.runner.run(image, self.wanted, take, gradients=differentiable)
        scores = log_probabilities(output, len(image))
        for layer, (activation, version) in late.items():
            # Inside of a scripted module torch gives a tensor its gradient only after it was seen.
            if activation.requires_grad and activation.grad_fn is not None and activation._version == version:
                edges[layer] = torch.autograd.graph.get_gradient_edge(activation)
        labels = self.class_numbers(scores, given)
        gradients: dict[int, torch.Tensor | None] = {}
        knowledge, rows = None, np.zeros(0, np.int64)
        if scores is not None and labels is not None:
            knowledge = Knowledge.of(scores.shape[1], bool(self.labelled))
            used = np.flatnonzero(labels >= 0)
            at = torch.from_numpy(used).to(scores.device)
            losses = -scores[at, torch.from_numpy(labels[used]).to(scores.device)]
            probabilities = scores.detach().exp().cpu().double().numpy()
            knowledge.add(losses.detach().cpu().double().numpy(), labels[used], probabilities[used])
            finite = torch.isfinite(losses.detach())
            rows = used[finite.cpu().numpy()]
            gradients = self._gradients(losses[finite], edges)
        statistics = {}
        for layer, activation in taken.items():
            seen = statistics[layer] = LayerStatistics.of(activation, labels, self._classes or 0)
            gradient = gradients.get(layer)
            if gradient is not None:
                at = torch.from_numpy(rows).to(activation.device)
                seen.add_taylor(activation[at], gradient[at])
        return statistics, knowledge

    def _gradients(
        self, losses: torch.Tensor, edges: dict[int, torch.autograd.graph.GradientEdge]
    ) -> dict[int, torch.Tensor | None]:
        if not len(losses) or self.no_gradient:
            return {}
        if not edges or not losses.requires_grad:
            self.no_gradient = self.no_gradient or "the net's output cannot be differentiated by its activations"
            return {}
        try:
            found = torch.autograd.grad(losses.sum(), list(edges.values()), allow_unused=True)
        except RuntimeError as error:
            self.no_gradient = f"the net cannot be differentiated ({describe_exception(error)})"
            return {}
        return dict(zip(edges, found, strict=True))

    def _fits(self, layer: int, activation: torch.Tensor, images: int) -> bool:
        """Whether an activation is one map a filter for each image."""
        filters = self.runner.layers[layer].out_channels
        shape = tuple(activation.shape)
        if len(shape) >= 2 and shape[0] == images and shape[1] == filters:
            return True
        self.not_seen[layer] = (
            f"the layer gave {shape} for {images} image{'s' * (images != 1)}: not one map a filter and image"
        )
        return False

    def class_numbers(self, scores: torch.Tensor | None, given: list[str | int | None]) -> np.ndarray | None:
        """Class numbers of a batch, -1 for none; the net's own predictions where the data has no labels at all."""
        if scores is None:
            return None
        classes = scores.shape[1]
        numbers = class_numbers(given, self.samples.classes, classes)
        if self.labelled is None:
            self.labelled = bool((numbers != UNLABELLED).any()) or self._labelled_further_on(classes, len(given))
            self._classes = classes
            self.knowledge = Knowledge.of(classes, self.labelled)
        return numbers if self.labelled else scores.detach().argmax(1).cpu().numpy()

    def _labelled_further_on(self, classes: int, looked_at: int) -> bool:
        """Whether one of the next images has a label that the net knows."""
        labels = []
        for index in self._order[looked_at:_LABELS_LOOKED_AT]:
            with suppress(SampleError):
                labels.append(self.samples.read(int(index)).label)
        return bool((class_numbers(labels, self.samples.classes, classes) != UNLABELLED).any())

    @property
    def images(self) -> int:
        """Images seen, without samples that could not be read or that the net refused."""
        return self.seen - self.unreadable - self.refused_images

    def class_names(self) -> list[str]:
        """Of the net's classes: the data set's names where they are as many, else "class 0" and so on."""
        classes = self._classes or 0
        names = list(self.samples.classes)
        return names if len(names) == classes else [f"class {number}" for number in range(classes)]

    def from_weights(
        self,
        layer: int,
        structure: Callable[[np.ndarray, int], list[Structure]],
        patterns: Callable[[np.ndarray, bool], list[Pattern]],
    ) -> tuple[list[Structure], list[Pattern]]:
        """What a layer's weights say, judged once."""
        if layer not in self._weights_said:
            record = self.runner.layers[layer]
            kernels = record.kernels
            sees_rgb = layer == 0 and record.in_channels == 3 == self.runner.image_shape[0]
            self._weights_said[layer] = structure(kernels, record.groups), patterns(kernels, sees_rgb)
        return self._weights_said[layer]

    def copy(self, runner: NetRunner, samples: Samples) -> Examination:
        """The same sums, to go on with; the ones here stay as they are."""
        other = copy.copy(self)
        other.runner, other.samples = runner, samples
        for name in ("knowledge", "statistics", "means", "ablations", "not_seen", "_weights_said"):
            setattr(other, name, copy.deepcopy(getattr(self, name)))
        return other

    def live(self, layer: int) -> np.ndarray:
        """Which filters of a layer say anything about the images, bool `(F,)`."""
        return np.array([state.verdict == LIVE for state in judge_state(self.statistics[layer])])

    def pairs(self, layer: int) -> list[Pair]:
        """Candidates for duplicates."""
        record, live = self.runner.layers[layer], self.live(layer)
        normed = record.activation.normed
        return find_duplicates(record.kernels, record.bias, self.statistics[layer], live, record.groups, normed)

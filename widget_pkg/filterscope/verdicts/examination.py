"""Looks at images, a batch at a time, and keeps the sums from which a diagnosis is made at any moment."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterable

import numpy as np
import torch

from filterscope.dataset import SampleSource
from filterscope.errors import describe_exception
from filterscope.layer_watch import OnActivation
from filterscope.verdicts.ablation import LayerAblation
from filterscope.verdicts.duplicates import Pair, find_duplicates
from filterscope.verdicts.losses import UNLABELLED, Knowledge, class_numbers, log_probabilities
from filterscope.verdicts.naming import Pattern
from filterscope.verdicts.rerun import Rerun
from filterscope.verdicts.sampling import ImageBatch, batches, order_of
from filterscope.verdicts.state import LIVE, judge_state
from filterscope.verdicts.statistics import LayerStatistics
from filterscope.verdicts.structure import Structure
from filterscope.verdicts.subject import Subject
from filterscope.verdicts.use import gate

OnProgress = Callable[[str, int, int], None]
"""Called after each batch: what is done (`"images"`, `"ablation"`), how many images of it, and of how many."""


class Examination:
    """Sums over the images seen so far; more can be added at any time.

    Args:
        subject: The net.
        source: The data set.
        wanted: Indices of the layers to look at.

    Attributes:
        seen: How far in the order of the images the statistics go.
        ablated: How far the ablation goes.
        unreadable: Samples that could not be read.
        refused: Why images were left out that the net refused, one sentence, or "".
        labelled: Whether there are labels; None before the first image.
        knowledge: What the net knows; None where its output is not one score a class.
        statistics: Of each layer looked at.
        ablations: Of each layer that was ablated.
        not_seen: Why there are no statistics of a layer.
        no_gradient: Why there is no Taylor estimate, or "".
    """

    def __init__(self, subject: Subject, source: SampleSource, wanted: Iterable[int]) -> None:
        self.subject, self.source = subject, source
        self.wanted = sorted(wanted)
        self.seen = self.ablated = self.unreadable = self.refused_images = 0
        self.refused = self.no_gradient = ""
        self.labelled: bool | None = None
        self.knowledge: Knowledge | None = None
        self.statistics: dict[int, LayerStatistics] = {}
        self.ablations: dict[int, LayerAblation] = {}
        self.not_seen: dict[int, str] = {}
        self._classes: int | None = None
        self._weights_said: dict[int, tuple[list[Structure], list[Pattern]]] = {}

    def run(self, images: int, ablation: bool, on_progress: OnProgress, cancel: threading.Event) -> None:
        """Looks at images until so many were seen, or `cancel` is set; then ablates on the same ones."""
        order = order_of(self.source, images)
        stop = min(images, len(order))
        at_once = self.subject.images_at_once()
        for batch in batches(self.source, order, self.seen, stop, at_once, self.subject.random):
            self._look(batch)
            on_progress("images", self.seen, stop)
            if cancel.is_set():
                return
        if not ablation or gate(self.knowledge):
            return
        live, pairs = self._prepare_ablation()
        for batch in batches(self.source, order, self.ablated, self.seen, at_once, self.subject.random):
            if not self._ablate(batch, live, pairs, cancel):
                return
            on_progress("ablation", self.ablated, self.seen)
            if cancel.is_set():
                return

    def _look(self, batch: ImageBatch) -> None:
        if batch.images:
            tensor = self.subject.batch(batch.images)
            try:
                self._pass(tensor, batch.labels)
            except Exception as error:
                if self.seen == self.refused_images:  # it refused all there were
                    raise
                self.refused_images += len(batch.images)
                self.refused = f"the net refused {self.refused_images} images: {describe_exception(error)}"
        self.unreadable += batch.unreadable
        self.seen = batch.end

    def _pass(self, batch: torch.Tensor, given: list[str | int | None]) -> None:
        """One pass and, where the output is one score a class, one back for the gradients."""
        taken: dict[int, torch.Tensor] = {}
        edges: dict[int, torch.autograd.graph.GradientEdge] = {}

        def take(layer: int, activation: torch.Tensor) -> None:
            if not self._fits(layer, activation, len(batch)):
                return
            taken[layer] = activation.detach().clone()
            # Of the tensor as it is now: the net may write into it further on.
            if activation.requires_grad and activation.grad_fn is not None:
                edges[layer] = torch.autograd.graph.get_gradient_edge(activation)

        differentiable = not self.no_gradient
        image = batch.detach().requires_grad_(differentiable)
        with torch.set_grad_enabled(differentiable):  # the caller may have turned it off
            self._take_in(image, given, take, taken, edges)

    def _take_in(
        self,
        image: torch.Tensor,
        given: list[str | int | None],
        take: OnActivation,
        taken: dict[int, torch.Tensor],
        edges: dict[int, torch.autograd.graph.GradientEdge],
    ) -> None:
        differentiable = image.requires_grad
        output = self.subject.run(image, self.wanted, take, gradients=differentiable)
        scores = log_probabilities(output, len(image))
        labels = self._labels(scores, given)
        probabilities = None if scores is None else scores.detach().double().exp().cpu().numpy()
        gradients: dict[int, torch.Tensor | None] = {}
        if scores is not None and labels is not None and self.knowledge is not None and probabilities is not None:
            used = torch.from_numpy(np.flatnonzero(labels >= 0)).to(scores.device)
            chosen = torch.from_numpy(labels[labels >= 0]).to(scores.device)
            losses = -scores[used, chosen]
            values = losses.detach().double().cpu().numpy()
            finite = torch.isfinite(losses.detach())
            gradients = self._gradients(losses[finite], edges)
            self.knowledge.add(values, labels[labels >= 0], probabilities[labels >= 0])
        for layer, activation in taken.items():
            classes = 0 if self._classes is None else self._classes
            seen = self.statistics.setdefault(layer, LayerStatistics(activation.shape[1], classes))
            seen.add(activation, labels)
            gradient = gradients.get(layer)
            if gradient is not None and labels is not None and scores is not None:
                rows = used[finite]
                seen.add_taylor(activation[rows], gradient[rows])

    def _gradients(
        self, losses: torch.Tensor, edges: dict[int, torch.autograd.graph.GradientEdge]
    ) -> dict[int, torch.Tensor | None]:
        if not edges or not losses.requires_grad or not len(losses):
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
        filters = self.subject.layers[layer].out_channels
        shape = tuple(activation.shape)
        if len(shape) >= 2 and shape[0] == images and shape[1] == filters:
            return True
        self.not_seen[layer] = (
            f"the layer gave {shape} for {images} image{'s' * (images != 1)}: not one map a filter and image"
        )
        return False

    def _labels(self, scores: torch.Tensor | None, given: list[str | int | None]) -> np.ndarray | None:
        """Class numbers of a batch, -1 for none; the net's own predictions where the data has no labels at all."""
        if scores is None:
            return None
        classes = scores.shape[1]
        numbers = class_numbers(given, self.source.classes, classes)
        if self.labelled is None:
            self.labelled = bool((numbers != UNLABELLED).any())
            self._classes = classes
            self.knowledge = Knowledge.of(classes, self.labelled)
        return numbers if self.labelled else scores.detach().argmax(1).cpu().numpy()

    @property
    def images(self) -> int:
        """Images seen, without samples that could not be read or that the net refused."""
        return self.seen - self.unreadable - self.refused_images

    def class_names(self) -> list[str]:
        """Of the net's classes: the data set's names where they are as many, else numbers."""
        classes = self._classes or 0
        names = list(self.source.classes)
        return names if len(names) == classes else [str(number) for number in range(classes)]

    def from_weights(
        self,
        layer: int,
        structure: Callable[[np.ndarray, int], list[Structure]],
        patterns: Callable[[np.ndarray, bool], list[Pattern]],
    ) -> tuple[list[Structure], list[Pattern]]:
        """What a layer's weights say, judged once."""
        if layer not in self._weights_said:
            kernels, record = self.subject.kernels[layer], self.subject.layers[layer]
            sees_rgb = layer == 0 and record.in_channels == 3 == self.subject.image_shape[0]
            self._weights_said[layer] = structure(kernels, record.groups), patterns(kernels, sees_rgb)
        return self._weights_said[layer]

    def copy(self, subject: Subject, source: SampleSource) -> Examination:
        """The same sums, to go on with; the ones here stay as they are."""
        other = copy.copy(self)
        other.subject, other.source = subject, source
        for name in ("knowledge", "statistics", "ablations", "not_seen", "_weights_said"):
            setattr(other, name, copy.deepcopy(getattr(self, name)))
        return other

    def live(self, layer: int) -> np.ndarray:
        """Which filters of a layer say anything about the images, bool `(F,)`."""
        return np.array([state.verdict == LIVE for state in judge_state(self.statistics[layer])])

    def pairs(self, layer: int) -> list[Pair]:
        """Candidates for duplicates."""
        kernels, bias = self.subject.kernels[layer], self.subject.biases[layer]
        groups = self.subject.layers[layer].groups
        return find_duplicates(kernels, bias, self.statistics[layer], self.live(layer), groups)

    def _prepare_ablation(self) -> tuple[dict[int, np.ndarray], dict[int, list[Pair]]]:
        assert self.knowledge is not None
        for layer, seen in self.statistics.items():
            if layer not in self.ablations and seen.images:
                self.ablations[layer] = LayerAblation.of(seen.mean.copy(), len(self.knowledge.count))
        layers = [layer for layer in self.ablations if not self.ablations[layer].reason]
        return {layer: self.live(layer) for layer in layers}, {layer: self.pairs(layer) for layer in layers}

    def _ablate(
        self, batch: ImageBatch, live: dict[int, np.ndarray], pairs: dict[int, list[Pair]], cancel: threading.Event
    ) -> bool:
        """Ablates every filter on a batch; False where it was cancelled, and nothing of the batch counts."""
        found: dict[int, LayerAblation] = {}
        if batch.images:
            tensor = self.subject.batch(batch.images)
            try:
                intact = log_probabilities(self.subject.run(tensor, [], lambda layer, activation: None), len(tensor))
            except Exception:  # the net refused these images before, which was said
                intact = None
            labels = self._labels(intact, batch.labels)
            for layer in live:
                if intact is None or labels is None or cancel.is_set():
                    break
                held = self.ablations[layer]
                part = LayerAblation.of(held.means, len(held.class_images))
                rerun = Rerun(self.subject, layer, tensor, intact)
                if rerun.shape is None or not self._fits_shape(layer, rerun.shape, len(tensor)):
                    continue
                part.add(rerun, intact, labels, bool(self.labelled), live[layer], pairs[layer], cancel.is_set)
                found[layer] = part
        if cancel.is_set():
            return False
        for layer, part in found.items():
            self.ablations[layer].merge(part)
        self.ablated = batch.end
        return True

    def _fits_shape(self, layer: int, shape: tuple[int, ...], images: int) -> bool:
        return len(shape) >= 2 and shape[:2] == (images, self.subject.layers[layer].out_channels)

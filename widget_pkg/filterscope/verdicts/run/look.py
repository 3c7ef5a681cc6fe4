"""One batch of images: a pass and, where it helps, a pass back, and the sums of what the layers did."""

from __future__ import annotations

import numpy as np
import torch
from torch.autograd.graph import GradientEdge, get_gradient_edge

from filterscope.errors import describe_exception
from filterscope.host.sigint import defer_sigint, let_sigint_through
from filterscope.nets.extra_inputs import attach_inputs, inputs_of
from filterscope.nets.global_hooks import silent_global_hooks
from filterscope.nets.modes import plain_modes
from filterscope.scans.refusals import MOST_REFUSED, run_accepted
from filterscope.scans.sampling import ImageBatch
from filterscope.verdicts.ablation.losses import Knowledge, log_probabilities
from filterscope.verdicts.activations.statistics import LayerStatistics
from filterscope.verdicts.examination import Examination

_Sums = tuple[dict[int, LayerStatistics], Knowledge | None]
"""Statistics of each layer reached; what the net knows, None where its output is not one score a class."""


def look(examination: Examination, batch: ImageBatch) -> None:
    """Runs the net on a batch and adds what it gave to the sums; images that the net refuses are left out.

    Raises:
        NetError: If the net refused the first images, all of them.
    """
    runner = examination.runner

    def sums_of(part: ImageBatch) -> _Sums:
        images = runner.batch(part.images)
        try:
            return _LookingPass(examination, images, part.labels).sums()
        except Exception as error:
            if examination.no_gradient:
                raise
            refusal = describe_exception(error)
        sums = _LookingPass(examination, images, part.labels, differentiable=False).sums()
        examination.no_gradient = f"the net cannot be differentiated ({refusal})"
        return sums

    _, sums, refusals = run_accepted(batch, sums_of)
    if refusals and sums is None and not examination.images:
        none_left = batch.end >= len(examination.order)
        if none_left or examination.refused_images + len(refusals) >= MOST_REFUSED:
            raise runner.refusal(runner.batch(batch.images[:1]), refusals[0]) from refusals[0]
    statistics, knowledge = sums or ({}, None)
    examination.add(batch, statistics, knowledge, len(refusals), describe_exception(refusals[0]) if refusals else "")


class _LookingPass:
    """One pass and, where the output is one score a class, one back for the gradients.

    Args:
        examination: Knows what is looked at; is told what cannot be seen.
        images: As from `NetRunner.batch`.
        labels: As `Sample.label` gives them.
        differentiable: Whether to try a pass back.
    """

    def __init__(
        self,
        examination: Examination,
        images: torch.Tensor,
        labels: list[str | int | None],
        differentiable: bool = True,
    ) -> None:
        self._examination = examination
        self._labels = labels
        self._differentiable = differentiable and not examination.no_gradient
        self._inputs = inputs_of(images)
        self._images = attach_inputs(images.detach(), self._inputs)
        self._activations: dict[int, torch.Tensor] = {}
        self._edges: dict[int, GradientEdge] = {}
        self._late: dict[int, tuple[torch.Tensor, int]] = {}

    def sums(self) -> _Sums:
        """What the pass gives."""
        with (
            defer_sigint(),
            plain_modes(),  # the caller may have others
            torch.set_grad_enabled(self._differentiable),
            silent_global_hooks(),
            let_sigint_through(),
        ):
            if self._differentiable:
                # Autograd lets no net write into a leaf.
                self._images = attach_inputs(self._images.requires_grad_().clone(), self._inputs)
            scores = self._forward()
            class_numbers = self._examination.class_numbers(scores, self._labels)
            if scores is None or class_numbers is None:
                return self._statistics(None, np.zeros(0, np.int64), {}), None
            knowledge, losses, rows = self._losses(scores, class_numbers)
            return self._statistics(class_numbers, rows, self._gradients(losses)), knowledge

    def _forward(self) -> torch.Tensor | None:
        examination = self._examination
        output = examination.runner.run(
            self._images, examination.layers, self._keep, gradients=self._images.requires_grad
        )
        for layer, (activation, version) in self._late.items():
            # Inside of a scripted module torch gives a tensor its gradient only after it was seen.
            if activation.requires_grad and activation.grad_fn is not None and activation._version == version:
                self._edges[layer] = get_gradient_edge(activation)
        return log_probabilities(output, len(self._images), examination.runner.known)

    def _keep(self, layer: int, activation: torch.Tensor) -> None:
        if not self._fits(layer, activation):
            return
        self._activations[layer] = activation.detach().clone()
        # Of the tensor as it is now: the net may write into it further on.
        if activation.requires_grad and activation.grad_fn is not None:
            self._edges[layer] = get_gradient_edge(activation)
        else:
            self._late[layer] = activation, activation._version

    def _fits(self, layer: int, activation: torch.Tensor) -> bool:
        """Whether an activation is one map a filter for each image."""
        images, filters = len(self._images), self._examination.runner.layers[layer].out_channels
        shape = tuple(activation.shape)
        if len(shape) >= 2 and shape[0] == images and shape[1] == filters:
            return True
        self._examination.not_seen[layer] = (
            f"the layer gave {shape} for {images} image{'s' * (images != 1)}: not one map a filter and image"
        )
        return False

    def _losses(self, scores: torch.Tensor, class_numbers: np.ndarray) -> tuple[Knowledge, torch.Tensor, np.ndarray]:
        """What the net knows; the losses that are finite, and of which images they are."""
        knowledge = Knowledge.of(scores.shape[1], bool(self._examination.labelled))
        used = np.flatnonzero(class_numbers >= 0)
        at = torch.from_numpy(used).to(scores.device)
        losses = -scores[at, torch.from_numpy(class_numbers[used]).to(scores.device)]
        probabilities = scores.detach().exp().cpu().double().numpy()
        knowledge.add(losses.detach().cpu().double().numpy(), class_numbers[used], probabilities[used])
        finite = torch.isfinite(losses.detach())
        return knowledge, losses[finite], used[finite.cpu().numpy()]

    def _gradients(self, losses: torch.Tensor) -> dict[int, torch.Tensor | None]:
        examination = self._examination
        if not len(losses) or not self._differentiable:
            return {}
        if not self._edges or not losses.requires_grad:
            examination.no_gradient = "the net's output cannot be differentiated by its activations"
            return {}
        try:
            gradients = torch.autograd.grad(losses.sum(), list(self._edges.values()), allow_unused=True)
        except Exception as error:  # also what a function of the user's own raises on the way back
            examination.no_gradient = f"the net cannot be differentiated ({describe_exception(error)})"
            return {}
        return dict(zip(self._edges, gradients, strict=True))

    def _statistics(
        self, class_numbers: np.ndarray | None, rows: np.ndarray, gradients: dict[int, torch.Tensor | None]
    ) -> dict[int, LayerStatistics]:
        """The sums of each layer.

        Args:
            class_numbers: Of the images, -1 for none; None where the net tells no classes apart.
            rows: Images that have a gradient.
            gradients: Of each layer's activation.
        """
        statistics = {}
        for layer, activation in self._activations.items():
            sums = statistics[layer] = LayerStatistics.of(activation, class_numbers, self._examination.classes)
            gradient = gradients.get(layer)
            if gradient is not None:
                at = torch.from_numpy(rows).to(activation.device)
                sums.add_taylor(activation[at], gradient[at])
        return statistics

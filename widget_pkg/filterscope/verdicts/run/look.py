"""One batch of images: a pass and, where it helps, a pass back, and the sums of what the layers did."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch.autograd.graph import GradientEdge, get_gradient_edge

from filterscope.errors import describe_exception
from filterscope.host.sigint import defer_sigint, let_sigint_through
from filterscope.nets.extra_inputs import attach_inputs, inputs_of
from filterscope.nets.global_hooks import silent_global_hooks
from filterscope.nets.modes import plain_modes
from filterscope.nets.runner import NetRunner
from filterscope.outputs.score import KindScore, Scorer
from filterscope.scans.maps import misfit
from filterscope.scans.refusals import run_accepted
from filterscope.scans.sampling import ImageBatch, Samples, batches
from filterscope.scans.shard import PassScores, ShardRows
from filterscope.verdicts.ablation.losses import Knowledge, log_probabilities
from filterscope.verdicts.ablation.scoring import ScoreKnowledge, ScoreReading, targets_of
from filterscope.verdicts.activations.statistics import LayerStatistics
from filterscope.verdicts.batch_sums import BatchSums, Premises


@dataclass(frozen=True)
class Looking:
    """Looks at images, batch by batch; images that the net refuses are left out. It can be sent to a worker.

    Attributes:
        layers: Indices of the layers to look at.
        first: The first images of all, among which labels are looked for.
        premises: What is known of net and data.
        scan: Whether what a scan keeps of the images is kept, too.
    """

    layers: Sequence[int]
    first: Sequence[int]
    premises: Premises
    scan: bool = False

    def __call__(
        self, runner: NetRunner, samples: Samples, images: np.ndarray, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[BatchSums]:
        """The sums of each batch of these images; what one shows is known for the next."""
        looking, start, before = self, 0, [None]
        for batch in batches(samples, images, 0, len(images), runner.images_at_once()):
            asked = images[start : batch.end]
            sums = looking._batch_sums(runner, samples, batch, asked, before)
            yield sums
            start = batch.end
            looking = replace(looking, premises=sums.after)

    def _batch_sums(
        self, runner: NetRunner, samples: Samples, batch: ImageBatch, asked: np.ndarray, before: list[Any]
    ) -> BatchSums:
        premises, not_seen = self.premises, dict[int, str]()

        def pass_over(part: ImageBatch, differentiable: bool = True) -> _LookingPass:
            nonlocal premises
            images = runner.batch(part.images)
            looking = _LookingPass(runner, samples, replace(self, premises=premises), images, part.labels)
            if runner.known.scorer is not None:
                looking.targets, looking.before, differentiable = targets_of(part), before[0], False
            try:
                looking.run(differentiable and not premises.no_gradient)
            finally:
                premises = looking.premises
                not_seen.update(looking.not_seen)
            return looking

        def run(part: ImageBatch) -> _LookingPass:
            nonlocal premises
            try:
                return pass_over(part)
            except Exception as error:
                if premises.no_gradient:
                    raise
                refusal = describe_exception(error)
            looking = pass_over(part, differentiable=False)
            premises = replace(premises, no_gradient=f"the net cannot be differentiated ({refusal})")
            return looking

        accepted, looking, refusals = run_accepted(batch, run)
        if looking is not None and looking.held:
            before[0] = looking.held[-1]
        scanned = None
        if self.scan:
            rows = ShardRows()
            rows.add(batch, accepted, None if looking is None else looking.scores, refusals)
            scanned = rows.state(asked)
        return BatchSums(
            batch.end,
            before=self.premises,
            after=premises,
            statistics={} if looking is None else looking.statistics,
            knowledge=None if looking is None else looking.knowledge,
            not_seen=not_seen,
            unreadable=batch.unreadable,
            unreadable_cause=batch.cause,
            refused=len(refusals),
            refusal=describe_exception(refusals[0]) if refusals else "",
            refused_all=runner.refusal(runner.batch(batch.images[:1]), refusals[0])
            if refusals and looking is None
            else None,
            scanned=scanned,
        )


class _LookingPass:
    """One pass and, where the output is one score a class, one back for the gradients.

    Args:
        runner: Runs the net.
        samples: The data set.
        looking: What is looked at, and what is known.
        images: As from `NetRunner.batch`.
        labels: As `Sample.label` gives them.

    Attributes:
        premises: What is known after the pass.
        not_seen: Why there are no statistics of a layer.
        statistics: Of each layer that the pass reached.
        knowledge: What the net knows of the images; None where its output is not one score a class.
        scores: What a scan keeps of the pass; None where it keeps nothing.
        targets: Where it goes by a score: what each image may be held against.
        before: The target of the image before the first; None where there is none.
        held: What each image was held against.
    """

    def __init__(
        self,
        runner: NetRunner,
        samples: Samples,
        looking: Looking,
        images: torch.Tensor,
        labels: list[str | int | None],
    ) -> None:
        self.premises, self.not_seen = looking.premises, dict[int, str]()
        self.statistics: dict[int, LayerStatistics] = {}
        self.knowledge: Knowledge | ScoreKnowledge | None = None
        self._runner, self._samples, self._looking = runner, samples, looking
        self._labels = labels
        self.targets: list[Any] = []
        self.before: Any = None
        self.held: list[Any] = []
        self._differentiable = False
        self.scores = PassScores(runner, len(images)) if looking.scan else None
        self._inputs = inputs_of(images)
        self._images = attach_inputs(images.detach(), self._inputs)
        self._activations: dict[int, torch.Tensor] = {}
        self._edges: dict[int, GradientEdge] = {}
        self._late: dict[int, tuple[torch.Tensor, int]] = {}

    def run(self, differentiable: bool) -> None:
        """Makes the pass.

        Args:
            differentiable: Whether to try a pass back.
        """
        self._differentiable = differentiable
        with (
            defer_sigint(),
            plain_modes(),  # the caller may have others
            torch.set_grad_enabled(differentiable),
            silent_global_hooks(),
            let_sigint_through(),
        ):
            if differentiable:
                # Autograd lets no net write into a leaf.
                self._images = attach_inputs(self._images.requires_grad_().clone(), self._inputs)
            scores = self._forward()
            if scores is None:
                self._take_statistics(None, np.zeros(0, np.int64), {})
                return
            self.premises = self.premises.with_scores(scores, self._labels, self._samples, self._looking.first)
            class_numbers = self.premises.class_numbers(scores, self._labels, self._samples.classes)
            losses, rows = self._losses(scores, class_numbers)
            self._take_statistics(class_numbers, rows, self._gradients(losses))

    def _forward(self) -> torch.Tensor | None:
        output = self._runner.run(self._images, self._looking.layers, self._keep, gradients=self._images.requires_grad)
        for layer, (activation, version) in self._late.items():
            # Inside of a scripted module torch gives a tensor its gradient only after it was seen.
            if activation.requires_grad and activation.grad_fn is not None and activation._version == version:
                self._edges[layer] = get_gradient_edge(activation)
        if self.scores is not None:
            self.scores.take_output(output)
        scorer = self._runner.known.scorer
        if scorer is not None:
            self._take_scores(scorer, output)
            return None
        return log_probabilities(output, len(self._images), self._runner.known)

    def _take_scores(self, scorer: Scorer, output: Any) -> None:
        size = tuple(self._images.shape[2:])
        self.premises = self.premises.with_targets(scorer, self.targets, size, self._samples, self._looking.first)
        labelled = bool(self.premises.labelled)
        reading = ScoreReading(scorer, output, self.targets, size, labelled)
        self.knowledge = ScoreKnowledge(scorer.name, labelled, ends=isinstance(scorer, KindScore))
        self.knowledge.add(reading.intact, reading.with_others(output, self.before))
        self.held = reading.targets

    def _keep(self, layer: int, activation: torch.Tensor) -> None:
        if self.scores is not None:
            self.scores.take(layer, activation)
        reason = misfit(activation, len(self._images), self._runner.layers[layer].out_channels)
        if reason:
            self.not_seen[layer] = reason
            return
        self._activations[layer] = activation.detach().clone()
        # Of the tensor as it is now: the net may write into it further on.
        if activation.requires_grad and activation.grad_fn is not None:
            self._edges[layer] = get_gradient_edge(activation)
        else:
            self._late[layer] = activation, activation._version

    def _losses(self, scores: torch.Tensor, class_numbers: np.ndarray) -> tuple[torch.Tensor, np.ndarray]:
        """The losses that are finite, and of which images they are; notes what the net knows."""
        knowledge = self.knowledge = Knowledge.of(scores.shape[1], bool(self.premises.labelled))
        used = np.flatnonzero(class_numbers >= 0)
        at = torch.from_numpy(used).to(scores.device)
        losses = -scores[at, torch.from_numpy(class_numbers[used]).to(scores.device)]
        probabilities = scores.detach().exp().cpu().double().numpy()
        knowledge.add(losses.detach().cpu().double().numpy(), class_numbers[used], probabilities[used])
        finite = torch.isfinite(losses.detach())
        return losses[finite], used[finite.cpu().numpy()]

    def _gradients(self, losses: torch.Tensor) -> dict[int, torch.Tensor | None]:
        if not len(losses) or not self._differentiable:
            return {}
        reason = ""
        if not self._edges or not losses.requires_grad:
            reason = "the net's output cannot be differentiated by its activations"
        else:
            try:
                gradients = torch.autograd.grad(losses.sum(), list(self._edges.values()), allow_unused=True)
                return dict(zip(self._edges, gradients, strict=True))
            except Exception as error:  # also what a function of the user's own raises on the way back
                reason = f"the net cannot be differentiated ({describe_exception(error)})"
        self.premises = replace(self.premises, no_gradient=reason)
        return {}

    def _take_statistics(
        self, class_numbers: np.ndarray | None, rows: np.ndarray, gradients: dict[int, torch.Tensor | None]
    ) -> None:
        """Takes the sums of each layer.

        Args:
            class_numbers: Of the images, -1 for none; None where the net tells no classes apart.
            rows: Images that have a gradient.
            gradients: Of each layer's activation.
        """
        for layer, activation in self._activations.items():
            sums = LayerStatistics.of(activation, class_numbers, self.premises.classes or 0)
            self.statistics[layer] = sums
            gradient = gradients.get(layer)
            if gradient is not None:
                at = torch.from_numpy(rows).to(activation.device)
                sums.add_taylor(activation[at], gradient[at])

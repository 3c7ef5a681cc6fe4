"""One batch of images: a pass and, where it helps, a pass back, and the sums of what the layers did."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from filterscope.errors import describe_exception
from filterscope.host.sigint import defer_sigint, let_sigint_through
from filterscope.nets.conv_call import ConvCall
from filterscope.nets.extra_inputs import attach_inputs, inputs_of
from filterscope.nets.global_hooks import silent_global_hooks
from filterscope.nets.modes import plain_modes
from filterscope.nets.runner import NetRunner
from filterscope.outputs.score import KindScore, Scorer
from filterscope.scans.maps import misfit
from filterscope.scans.refusals import run_accepted
from filterscope.scans.sampling import ImageBatch, Samples, batches
from filterscope.scans.shard import PassScores, ShardRows
from filterscope.verdicts.ablation.linearised import CONTRASTS, Classes, Slopes, slopes_of
from filterscope.verdicts.ablation.losses import Knowledge, log_probabilities
from filterscope.verdicts.ablation.scoring import ScoreKnowledge, ScoreReading, targets_of
from filterscope.verdicts.activations.inputs import InputMoments
from filterscope.verdicts.activations.statistics import LayerStatistics
from filterscope.verdicts.batch_sums import BatchSums, Premises
from filterscope.verdicts.run.gradient_edges import GradientEdges


@dataclass(frozen=True)
class Looking:
    """Looks at images, batch by batch; images that the net refuses are left out. It can be sent to a worker.

    Attributes:
        layers: Indices of the layers to look at.
        first: The first images of all, among which labels are looked for.
        premises: What is known of net and data.
        scan: Whether what a scan keeps of the images is kept, too.
        inputs_of: Images of which the layers' inputs are looked at.
        linearise: Whether the linearised logits of the images are kept, too.
    """

    layers: Sequence[int]
    first: Sequence[int]
    premises: Premises
    scan: bool = False
    inputs_of: frozenset[int] = frozenset()
    linearise: bool = False

    def __call__(
        self, runner: NetRunner, samples: Samples, images: np.ndarray, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[BatchSums]:
        """The sums of each batch of these images; what one shows is known for the next."""
        looking, start, before = self, 0, [None]
        # Two more passes back a batch: a person who moves a slider meanwhile waits no longer for fewer images.
        at_once = max(1, runner.images_at_once() // 2) if self.linearise else runner.images_at_once()
        for batch in batches(samples, images, 0, len(images), at_once):
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
            looking = _LookingPass(runner, samples, replace(self, premises=premises), images, part.labels, part.indices)
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
            inputs={} if looking is None else looking.inputs,
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
            linearised=self.linearise,
            slopes=None if looking is None else looking.slopes,
        )


class _LookingPass:
    """One pass and, where the output is one score a class, one back for the gradients.

    Args:
        runner: Runs the net.
        samples: The data set.
        looking: What is looked at, and what is known.
        images: As from `NetRunner.batch`.
        labels: As `Sample.label` gives them.
        indices: The images' indices in the data set.

    Attributes:
        premises: What is known after the pass.
        not_seen: Why there are no statistics of a layer.
        statistics: Of each layer that the pass reached.
        inputs: Of the input of each layer that the pass reached, where it is looked at.
        knowledge: What the net knows of the images; None where its output is not one score a class.
        scores: What a scan keeps of the pass; None where it keeps nothing.
        slopes: What the linearised logits follow from; None where they are not kept.
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
        indices: Sequence[int],
    ) -> None:
        self.premises, self.not_seen = looking.premises, dict[int, str]()
        self.statistics: dict[int, LayerStatistics] = {}
        self.inputs: dict[int, InputMoments] = {}
        self._rows = [row for row, index in enumerate(indices) if index in looking.inputs_of]
        self.knowledge: Knowledge | ScoreKnowledge | None = None
        self.slopes: Slopes | None = None
        self._indices = np.asarray(indices, np.int64)
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
        self._edges = GradientEdges()

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
            gradients = self._gradients(losses)
            self._take_statistics(class_numbers, rows, gradients)
            if self._looking.linearise and gradients and len(self._indices) == len(self._labels):
                self._linearise(scores, class_numbers, rows, gradients)

    def _forward(self) -> torch.Tensor | None:
        on_conv = self._keep_input if self._rows else None
        gradients = self._images.requires_grad
        output = self._runner.run(self._images, self._looking.layers, self._keep, on_conv, gradients=gradients)
        self._edges.finish()
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
        self._edges.note(layer, activation)

    def _keep_input(self, layer: int, call: ConvCall) -> None:
        record = self._runner.layers[layer]
        maps = call.input if call.input.ndim == record.rank + 2 else call.input[None]
        usable = (
            not record.transposed
            and maps.shape[1] == record.in_channels
            and call.kernels.shape
            == (
                record.out_channels,
                record.channels,
                *record.kernel_size,
            )
        )
        by_image, rest = divmod(len(maps), len(self._images))  # a net may make a batch of each image
        if layer in self._looking.layers and usable and by_image and not rest:
            options = record.kernel_size, record.stride, record.pads, record.dilation, record.groups
            rows = torch.tensor(self._rows).to(maps.device)
            maps = maps.reshape(-1, by_image, *maps.shape[1:]).index_select(0, rows).flatten(0, 1)
            self.inputs[layer] = InputMoments.of(maps, *options)

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
                return self._edges.gradients(losses.sum(), self._looking.linearise)
            except Exception as error:  # also what a function of the user's own raises on the way back
                reason = f"the net cannot be differentiated ({describe_exception(error)})"
        self.premises = replace(self.premises, no_gradient=reason)
        return {}

    def _linearise(
        self,
        scores: torch.Tensor,
        class_numbers: np.ndarray,
        rows: np.ndarray,
        gradients: dict[int, torch.Tensor | None],
    ) -> None:
        """Keeps what the linearised logits follow from, of the images that have a gradient."""
        at = torch.from_numpy(rows).to(scores.device)
        classes = Classes.of(scores[at], class_numbers[rows])
        reached = [layer for layer, gradient in gradients.items() if gradient is not None]
        shape = (CONTRASTS, 2, len(rows))
        layers = {layer: np.zeros((*shape, self._activations[layer].shape[1]), np.float32) for layer in reached}
        for place in range(CONTRASTS):
            if place:
                contrast = classes.contrast(scores[at], place)
                if contrast is None:
                    continue
                try:
                    gradients = self._edges.gradients(contrast, place + 1 < CONTRASTS)
                except Exception:  # a function of the user's own that can go back only once
                    return
            for layer in reached:
                gradient = gradients[layer]
                if gradient is not None:
                    layers[layer][place] = slopes_of(self._activations[layer][at], gradient[at])
        finite = np.all([np.isfinite(slopes).all((0, 1, 3)) for slopes in layers.values()], 0)
        kept = {layer: slopes[:, :, finite] for layer, slopes in layers.items()}
        chosen = Classes(classes.numbers[finite], classes.probabilities[finite])
        self.slopes = Slopes(self._indices[rows][finite], chosen, kept)

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

"""What one batch of images gave, and what those before it showed: all that the sums of a batch depend on."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from filterscope.errors import NetError, SampleError
from filterscope.outputs.score import Scorer
from filterscope.scans.sampling import Samples
from filterscope.scans.state import ScanState
from filterscope.verdicts.ablation.linearised import Slopes
from filterscope.verdicts.ablation.losses import UNLABELLED, Knowledge, class_numbers
from filterscope.verdicts.ablation.scoring import ScoreKnowledge
from filterscope.verdicts.activations.inputs import InputMoments
from filterscope.verdicts.activations.statistics import LayerStatistics

LABELS_LOOKED_AT = 20  # a first batch may be a single image, and that one without a label


@dataclass(frozen=True)
class Premises:
    """What the images seen so far showed of net and data.

    Attributes:
        labelled: Whether there are labels; None before the first image for which the net gives a score a class.
        classes: How many classes the net tells apart; None likewise.
        no_gradient: Why there is no Taylor estimate, or "".
    """

    labelled: bool | None = None
    classes: int | None = None
    no_gradient: str = ""

    def with_scores(
        self, scores: torch.Tensor, labels: Sequence[str | int | None], samples: Samples, first: Sequence[int]
    ) -> Premises:
        """These, or where it was not known what labels there are, those after a batch.

        Args:
            scores: The net's output for it `(N, K)`.
            labels: Its labels.
            samples: The data set.
            first: The first images of all; where none of the batch has a label, those after it are looked at.
        """
        if self.labelled is not None:
            return self
        classes = scores.shape[1]
        labelled = bool((class_numbers(labels, samples.classes, classes) != UNLABELLED).any())
        if not labelled:
            others = []
            for index in first[len(labels) : LABELS_LOOKED_AT]:
                with suppress(SampleError):
                    others.append(samples.read(index).label)
            labelled = bool((class_numbers(others, samples.classes, classes) != UNLABELLED).any())
        return replace(self, labelled=labelled, classes=classes)

    def with_targets(
        self, scorer: Scorer, targets: Sequence[Any], size: tuple[int, ...], samples: Samples, first: Sequence[int]
    ) -> Premises:
        """The same where it goes by a score.

        Args:
            scorer: Tells whether a label is one that an output can be held against.
            targets: Labels of a batch, as the data set has them.
            size: Of the images.
            samples: The data set.
            first: The first images of all; where none of the batch has such a label, those after it are looked at.
        """
        if self.labelled is not None:
            return self
        labelled = any(scorer.has_target(target, size) for target in targets)
        for index in () if labelled else first[len(targets) : LABELS_LOOKED_AT]:
            with suppress(SampleError):
                labelled = labelled or scorer.has_target(samples.read(index).target, size)
        return replace(self, labelled=labelled, no_gradient="a score is not differentiated")

    def class_numbers(
        self, scores: torch.Tensor, labels: Sequence[str | int | None], classes: Sequence[str]
    ) -> np.ndarray:
        """Class numbers of a batch, -1 for none; the net's own predictions where the data has no labels at all."""
        if self.labelled:
            return class_numbers(labels, classes, scores.shape[1])
        predicted: np.ndarray = scores.detach().argmax(1).cpu().numpy()
        return predicted


@dataclass(frozen=True, eq=False)
class BatchSums:
    """What one batch gave.

    Attributes:
        end: How far in the order of the images it goes.
        before: What was known before it.
        after: What is known after it.
        statistics: Of each layer that it reached.
        inputs: Of the input of each layer that it reached, where it is looked at.
        knowledge: What the net knows of the images; None where its output is not one score a class.
        not_seen: Why there are no statistics of a layer.
        unreadable: Samples that could not be read.
        unreadable_cause: Why the first of these could not be, or "".
        refused: How many images the net refused.
        refusal: Why the first of these, or "".
        refused_all: The error for that, where it took none.
        scanned: What a scan keeps of the images; None where it keeps nothing.
        linearised: Whether the images' linearised logits were to be kept.
        slopes: What these follow from; None where they are not kept.
    """

    end: int
    before: Premises
    after: Premises
    statistics: dict[int, LayerStatistics] = field(default_factory=dict)
    inputs: dict[int, InputMoments] = field(default_factory=dict)
    knowledge: Knowledge | ScoreKnowledge | None = None
    not_seen: dict[int, str] = field(default_factory=dict)
    unreadable: int = 0
    unreadable_cause: str = ""
    refused: int = 0
    refusal: str = ""
    refused_all: NetError | None = None
    scanned: ScanState | None = None
    linearised: bool = False
    slopes: Slopes | None = None

    def holds(self, now: Premises) -> bool:
        """Whether the batch would have given the same, had it been known what is known now."""
        if self.before == now:
            return True
        begun_alike = self.before.labelled is None and self.before.no_gradient == now.no_gradient
        found = (self.after.labelled, self.after.classes)
        return begun_alike and (now.labelled is None or found in ((None, None), (now.labelled, now.classes)))

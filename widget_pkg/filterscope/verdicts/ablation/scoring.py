"""Where it goes by a score and not by the loss of classes: what the net knows by it, and what an ablated net loses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from filterscope.outputs.score import Scorer
from filterscope.scans.sampling import ImageBatch
from filterscope.verdicts.ablation.rises import Rise
from filterscope.verdicts.chance import t_above

P_LEARNED = 0.01
LEAST_LEARNED = 0.25
"""Of the way from the score with other images' targets to 1, for scores that end at 1.

Scores of untrained nets depend on the targets, too: where a class is brighter, so is what a random net makes of it.
`tests/benchmarks/scores.py` measures how often untrained nets pass.
"""


def targets_of(batch: ImageBatch) -> list[Any]:
    """What each image of a batch may be held against."""
    return list(batch.targets) if batch.targets else [None] * len(batch.images)


@dataclass
class ScoreKnowledge:
    """Sums over images from which it follows how much the net knows, by a score; they merge.

    Attributes:
        name: What is measured.
        labelled: Whether images are held against their labels; else against what the intact net says.
        ends: Whether 1 is the best score.
        scores: Sums of the scores.
        gained: Sums of how much better each image's output meets its own target than the target of another image.
        left_out: Images without a finite score.
    """

    name: str
    labelled: bool
    ends: bool
    scores: Rise = field(default_factory=Rise)
    gained: Rise = field(default_factory=Rise)
    left_out: int = 0

    def add(self, scores: np.ndarray, with_others: np.ndarray) -> None:
        """Takes in images: scores `(N,)`, and those with another image's target, NaN for none."""
        self.left_out += int((~np.isfinite(scores)).sum())
        self.scores.add(scores)
        self.gained.add(scores - with_others)

    def merge(self, other: ScoreKnowledge) -> None:
        """Takes in the sums over other images."""
        self.scores.merge(other.scores)
        self.gained.merge(other.gained)
        self.left_out += other.left_out

    @property
    def images(self) -> int:
        """How many images are in the sums."""
        return self.scores.images

    def learned(self) -> tuple[float, float]:
        """How much better outputs meet their own targets than others', and the p-value of that being chance."""
        gained = self.gained
        if gained.images < 2:
            return 0.0, 1.0
        if gained.error == 0:
            return gained.mean, 0.0 if gained.mean > 0 else 1.0
        return gained.mean, t_above(gained.mean / gained.error, gained.images - 1)

    def guessing(self) -> float:
        """What is to be lost at the most: how far the score lies above that with other images' targets."""
        return max(self.learned()[0], 0.0)

    def in_words(self) -> str:
        """What the net knows, without a full stop."""
        others = (
            f"with another image's {'label' if self.labelled else 'output'} {self.scores.mean - self.gained.mean:.3g}"
        )
        return f"{self.name} {self.scores.mean:.3g}, {others}"

    def gate(self, fewest: int) -> str:
        """Why the use of filters cannot be judged, one sentence without full stop; "" where it can."""
        if not self.images:
            return f"no image has a finite {self.name}" if self.left_out else "no image was seen"
        if self.images < fewest:
            return f"{self.images} images are too few; {fewest} are needed"
        gained, p = self.learned()
        if self.gained.total == 0 and self.gained.squared == 0:
            return f"{self.name} is the same with another image's label, so it does not tell what the net has learned"
        others = self.scores.mean - gained
        if p >= P_LEARNED or (self.ends and gained < LEAST_LEARNED * (1 - others)):
            return (
                f"the net's {self.name} on these images, {self.scores.mean:.3g}, is not clearly above that with "
                f"another image's label, {others:.3g}: it has learned too little, or its labels are others than these"
            )
        return ""


class ScoreReading:
    """Scores outputs of a net for one batch.

    Args:
        scorer: Gives an output its score.
        output: What the intact net returns for the batch.
        labels: What each image may be held against.
        size: Of the images.
        labelled: Whether there are labels at all.

    Attributes:
        targets: What each image is held against.
        intact: The scores of the intact net, float64 `(N,)`.
    """

    def __init__(
        self, scorer: Scorer, output: Any, labels: Sequence[Any], size: tuple[int, ...], labelled: bool
    ) -> None:
        self._scorer, self._size = scorer, size
        self.targets = scorer.targets(output, labels, size, labelled)
        self.intact = scorer.of(output, self.targets, size)

    def __call__(self, output: Any) -> torch.Tensor:
        """The scores of an output, float64 `(N,)`."""
        return torch.from_numpy(self._scorer.of(output, self.targets, self._size))

    def with_others(self, output: Any, before: Any) -> np.ndarray:
        """The scores of an output with each image's predecessor's target; NaN for an image or a target of None.

        Args:
            output: What the intact net returned.
            before: The target of the image before the first; None where there is none.
        """
        others = [before, *self.targets[:-1]]
        pairs = zip(self.targets, others, strict=True)
        scores = self._scorer.of(output, [own if other is None else other for own, other in pairs], self._size)
        return np.where([other is None for other in others], np.nan, scores)


class ScoreReference:
    """The intact net's scores for a batch, without the images that have none.

    Args:
        reading: What scores its outputs.

    Attributes:
        labels: −1 for each image that counts, `(M,)`: scores are of no class.
        rows: Which images of the batch these are `(M,)`.
    """

    def __init__(self, reading: ScoreReading) -> None:
        self.rows: np.ndarray = np.flatnonzero(np.isfinite(reading.intact))
        self.labels: np.ndarray = np.full(len(self.rows), -1, np.int64)
        self._before = reading.intact[self.rows]

    def rises(self, ablated: torch.Tensor | None) -> np.ndarray:
        """By how much each image's score fell; NaN where the ablated net has none. float64 `(M,)`."""
        if ablated is None:
            return np.full(len(self.rows), np.nan)
        falls: np.ndarray = self._before - ablated.cpu().numpy()[self.rows]
        return falls

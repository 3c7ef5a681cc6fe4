"""What the net loses of a score without some filters, measured over many images, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from filterscope.nets.runner import NetRunner
from filterscope.outputs.score import Scorer
from filterscope.scans.refusals import LeftOut
from filterscope.scans.sampling import ImageBatch, Samples, one_at_a_time_note
from filterscope.verdicts.ablation.ablation import Change
from filterscope.verdicts.ablation.effect_table import Effect, EffectTable, Estimate
from filterscope.verdicts.ablation.scoring import ScoreReading, targets_of
from filterscope.verdicts.ablation.use import interval


def measure_score_effect(
    runner: NetRunner,
    samples: Samples,
    change: Change,
    scorer: Scorer,
    parts: Iterable[ImageBatch],
    stop: int,
    on_progress: Callable[[str, int, int], None],
) -> Effect:
    """What the net loses of a score over many images; see `measure_effect`. Right is what `scorer.right_from` says.

    Raises:
        NetError: If the net refuses all images, or the user's score raises.
        ValueError: If no image has a finite score.
    """
    table, left_out = EffectTable(), LeftOut(runner)
    labelled: bool | None = None

    def both(part: ImageBatch) -> tuple[Any, Any, tuple[int, ...]]:
        batch = runner.batch(part.images)
        return runner.run(batch), change.run(runner, batch), tuple(batch.shape[2:])

    for batch in parts:
        accepted, outputs = left_out.run(batch, both)
        if outputs is not None:
            before, after, size = outputs
            targets = targets_of(accepted)
            if labelled is None:
                labelled = any(scorer.has_target(target, size) for target in targets)
            reading = ScoreReading(scorer, before, targets, size, labelled)
            scores = np.stack([reading.intact, reading(after).numpy()])
            scores = scores[:, np.isfinite(scores).all(0)]
            right, right_after = scores >= scorer.right_from
            table.add(-scores[0], scores[0] - scores[1], right, right_after)
        on_progress("images", batch.end, stop)
    left_out.check()
    if not table.images:
        raise ValueError(f"no image has a finite {scorer.name}")
    loss, rise = table.loss_before / table.images, table.rise
    against = "" if labelled else " It is measured against what the intact net says, since there are no labels."
    words = f"The loss is minus {scorer.name}; an image is right from {scorer.right_from:g} on.{against}"
    return Effect(
        images=table.images,
        labelled=bool(labelled),
        accuracy_before=table.accuracy_before,
        accuracy_after=table.accuracy_after,
        accuracy_change=table.accuracy_change,
        loss_before=loss,
        loss_after=loss + rise.mean,
        loss_change=Estimate(rise.mean, *interval(rise)),
        classes=(),
        notes=tuple(filter(None, [words, *left_out.notes, one_at_a_time_note(runner)])),
        score=scorer.name,
    )

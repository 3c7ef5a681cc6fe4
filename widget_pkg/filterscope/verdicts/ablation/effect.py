"""What the net loses without some filters, measured over many images: accuracy and loss, by class, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch

from filterscope.nets.runner import NetRunner
from filterscope.scans.refusals import LeftOut
from filterscope.scans.sampling import ImageBatch, Samples, batches, find_out_batches, one_at_a_time_note, order_of
from filterscope.verdicts.ablation.ablation import Change
from filterscope.verdicts.ablation.effect_table import ClassEffect, Effect, EffectTable, Estimate
from filterscope.verdicts.ablation.losses import UNLABELLED, class_numbers, log_probabilities
from filterscope.verdicts.ablation.score_effect import measure_score_effect
from filterscope.verdicts.ablation.use import class_interval, interval


def measure_effect(
    runner: NetRunner,
    samples: Samples,
    change: Change,
    images: int,
    on_progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> Effect:
    """What the net loses by a change over many images, the same ones and in the same order as a diagnosis looks at.

    Images that the net refuses are left out.

    Raises:
        NetError: If it refuses all.
        ValueError: If the net's output is not one score a class, or no image gives a finite loss.
    """
    order = order_of(samples, images)[:images]
    return measure_change(runner, samples, order, change, on_progress)


def measure_change(
    runner: NetRunner,
    samples: Samples,
    indices: np.ndarray,
    change: Change,
    on_progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> Effect:
    """What a net loses when it is changed in some way, over certain images.

    Args:
        runner: Runs the net as it is.
        samples: The data set.
        indices: Indices of the images.
        change: What is done to it.
        on_progress: Told how far it is.

    Raises:
        NetError: If the net refuses all images.
        ValueError: If the net's output is not one score a class, or no image gives a finite loss.
    """
    order, stop = indices, len(indices)
    find_out_batches(runner, samples, order)
    scorer = runner.known.scorer
    if scorer is not None:
        parts = _in_growing_parts(runner, samples, order, stop)
        return measure_score_effect(runner, samples, change, scorer, parts, stop, on_progress)
    whole = EffectTable()
    tables: dict[int, EffectTable] = {}
    labelled: bool | None = None
    left_out = LeftOut(runner)
    for batch in _in_growing_parts(runner, samples, order, stop):
        accepted, scores = left_out.run(batch, lambda part: _both(runner, runner.batch(part.images), change))
        if scores is not None:
            before, after = _scores_of_classes(*scores)
            numbers = class_numbers(accepted.labels, samples.classes, before.shape[1])
            if labelled is None:
                labelled = bool((numbers != UNLABELLED).any())
            _add(whole, tables, before, after, numbers if labelled else before.argmax(1).cpu().numpy(), labelled)
        on_progress("images", batch.end, stop)
    left_out.check()
    if not whole.images:
        raise ValueError("no image with a label and a finite loss was seen")
    names = samples.classes
    return Effect(
        images=whole.images,
        labelled=bool(labelled),
        accuracy_before=whole.accuracy_before,
        accuracy_after=whole.accuracy_after,
        accuracy_change=whole.accuracy_change,
        loss_before=whole.loss_before / whole.images,
        loss_after=whole.loss_before / whole.images + whole.rise.mean,
        loss_change=Estimate(whole.rise.mean, *interval(whole.rise)),
        classes=tuple(
            ClassEffect(
                name=names[number] if number < len(names) else f"class {number}",
                images=table.images,
                accuracy_before=table.accuracy_before,
                accuracy_after=table.accuracy_after,
                accuracy_change=table.accuracy_change,
                loss_change=Estimate(table.rise.mean, *class_interval(table.rise)),
            )
            for number, table in sorted(tables.items())
        ),
        notes=tuple(filter(None, [*left_out.notes, one_at_a_time_note(runner)])),
    )


def _in_growing_parts(runner: NetRunner, samples: Samples, order: np.ndarray, stop: int) -> Iterator[ImageBatch]:
    """The images in batches; how many go in one is asked anew now and then, since it may become known only now."""
    start, passes = 0, 1
    while start < stop:
        at_once = runner.images_at_once()
        for batch in batches(samples, order, start, min(start + passes * at_once, stop), at_once):
            yield batch
            start = batch.end
        passes *= 2


def _both(runner: NetRunner, batch: torch.Tensor, change: Change) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    before = log_probabilities(runner.run(batch), len(batch), runner.known)
    return before, log_probabilities(change.run(runner, batch), len(batch), runner.known)


def _scores_of_classes(before: torch.Tensor | None, after: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
    if before is None or after is None:
        raise ValueError("the net's output is not one score a class, so there is no accuracy and no loss to measure")
    return before, after


def _add(
    whole: EffectTable,
    tables: dict[int, EffectTable],
    before: torch.Tensor,
    after: torch.Tensor,
    numbers: np.ndarray,
    labelled: bool,
) -> None:
    rows = np.flatnonzero(numbers != UNLABELLED)
    chosen = torch.from_numpy(numbers[rows]).to(before.device)
    at = torch.from_numpy(rows).to(before.device)
    before, after = before[at], after[at]
    column = chosen[:, None]
    if labelled:
        losses = -before.gather(1, column)[:, 0]
        rises = losses.neg() - after.gather(1, column)[:, 0]
    else:
        losses = torch.zeros(len(rows))
        rises = (before.exp() * (before - after)).sum(1)
    keep = (torch.isfinite(losses) & torch.isfinite(rises).to(losses.device)).cpu().numpy()
    right, right_after = ((scores.argmax(1) == chosen).cpu().numpy()[keep] for scores in (before, after))
    columns = losses.double().cpu().numpy()[keep], rises.double().cpu().numpy()[keep], right, right_after
    kept = numbers[rows][keep]
    whole.add(*columns)
    for number in np.unique(kept):
        of_class = kept == number
        tables.setdefault(int(number), EffectTable()).add(*(column[of_class] for column in columns))

"""Ablates filters, batch by batch: each one's map replaced by its mean, each candidate's by its partner's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator

from filterscope.host.sigint import defer_sigint
from filterscope.scans.refusals import run_accepted
from filterscope.scans.sampling import ImageBatch, batches
from filterscope.verdicts.ablation.losses import log_probabilities
from filterscope.verdicts.ablation.reference import Reference
from filterscope.verdicts.ablation.rerun import Rerun
from filterscope.verdicts.ablation.rises import LayerAblation
from filterscope.verdicts.examination import Examination

OnProgress = Callable[[str, int, int], None]
"""Called at the start of each part and after each batch: what is done (`"images"`, `"ablation"` or `"merging"`), how
many images of it, and of how many."""


def ablate_each_filter(examination: Examination, on_progress: OnProgress, cancel: threading.Event) -> None:
    """Ablates every filter on those of the images seen on which it was not yet."""
    ablations = examination.ablations
    for layer, seen in examination.statistics.items():
        if layer not in ablations and seen.images:
            ablations[layer] = LayerAblation.of(examination.means.get(layer, seen.mean.copy()))
    live = {layer: examination.live(layer) for layer in ablations}
    if examination.ablated < examination.seen:
        on_progress("ablation", examination.ablated, examination.seen)
    for batch in _batches(examination, examination.ablated):
        of_batch: dict[int, LayerAblation] = {}
        for layer, rerun, reference in _reruns(examination, batch, live, cancel):
            of_batch[layer] = LayerAblation.of(ablations[layer].means)
            of_batch[layer].add(rerun, reference, live[layer], cancel.is_set)
        if cancel.is_set():  # nothing of the batch counts
            return
        with defer_sigint():
            for layer, sums in of_batch.items():
                ablations[layer].merge(sums)
            examination.ablated = batch.end
        on_progress("ablation", examination.ablated, examination.seen)
        if cancel.is_set():
            return


def ablate_duplicates(examination: Examination, on_progress: OnProgress, cancel: threading.Event) -> None:
    """Computes the map of each candidate for a duplicate from its partner's, on all images seen.

    With more images the candidates and what they have in common are others: then it is done anew. They are few.
    """
    ablations = examination.ablations
    pairs = {layer: pairs for layer in ablations if (pairs := examination.pairs(layer))}
    if examination.merged == examination.seen or not pairs:
        return
    for ablation in ablations.values():
        ablation.merged = {}
    examination.merged = 0
    on_progress("merging", 0, examination.seen)
    for batch in _batches(examination, 0):
        of_batch: dict[int, LayerAblation] = {}
        for layer, rerun, reference in _reruns(examination, batch, pairs, cancel):
            of_batch[layer] = LayerAblation.of(ablations[layer].means)
            of_batch[layer].add_merged(rerun, reference, pairs[layer])
        if cancel.is_set():
            return
        with defer_sigint():
            for layer, sums in of_batch.items():
                ablations[layer].merge(sums)
            examination.merged = batch.end
        on_progress("merging", examination.merged, examination.seen)
        if cancel.is_set():
            return


def _batches(examination: Examination, start: int) -> Iterator[ImageBatch]:
    at_once = examination.runner.images_at_once()
    return batches(examination.samples, examination.order, start, examination.seen, at_once)


def _reruns(
    examination: Examination, batch: ImageBatch, layers: Iterable[int], cancel: threading.Event
) -> Iterator[tuple[int, Rerun, Reference]]:
    """The layers that a batch reaches as it should, each ready to be run again."""
    runner = examination.runner
    if not batch.images:
        return
    # What the net refuses now it refused before, which was said.
    accepted, intact, _ = run_accepted(
        batch, lambda part: log_probabilities(runner.run(runner.batch(part.images)), len(part.images), runner.known)
    )
    if intact is None:
        return
    images = runner.batch(accepted.images)
    labels = examination.class_numbers(intact, accepted.labels)
    if labels is None:
        return
    reference = Reference(intact, labels, bool(examination.labelled))
    for layer in layers:
        if cancel.is_set():
            return
        rerun = Rerun(runner, layer, images, intact)
        if rerun.shape is not None and rerun.shape[:2] == (len(images), runner.layers[layer].out_channels):
            yield layer, rerun, reference

"""Takes filters away, batch by batch: each one's map replaced by its mean, each candidate's by its partner's."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from filterscope.verdicts.ablation.ablation import Known, LayerAblation
from filterscope.verdicts.ablation.losses import log_probabilities
from filterscope.verdicts.ablation.rerun import Rerun
from filterscope.verdicts.run.interrupts import undivided
from filterscope.verdicts.run.sampling import ImageBatch, batches

if TYPE_CHECKING:
    from filterscope.verdicts.run.examination import Examination, OnProgress


def ablate(examination: Examination, order: np.ndarray, on_progress: OnProgress, cancel: threading.Event) -> None:
    """Ablates every filter on those of the images seen on which it was not yet."""
    for layer, seen in examination.statistics.items():
        if layer not in examination.ablations and seen.images:
            examination.ablations[layer] = LayerAblation.of(examination.means.get(layer, seen.mean.copy()))
    held = examination.ablations
    live = {layer: examination.live(layer) for layer in held}
    if examination.ablated < examination.seen:
        on_progress("ablation", examination.ablated, examination.seen)
    for batch in _batches(examination, order, examination.ablated):
        found: dict[int, LayerAblation] = {}
        for layer, rerun, known in _reruns(examination, batch, live, cancel):
            found[layer] = LayerAblation.of(held[layer].means)
            found[layer].add(rerun, known, live[layer], cancel.is_set)
        if cancel.is_set():  # nothing of the batch counts
            return
        with undivided():
            for layer, part in found.items():
                held[layer].merge(part)
            examination.ablated = batch.end
        on_progress("ablation", examination.ablated, examination.seen)
        if cancel.is_set():
            return


def merge_pairs(examination: Examination, order: np.ndarray, on_progress: OnProgress, cancel: threading.Event) -> None:
    """Computes the map of each candidate for a duplicate from its partner's, on all images seen.

    With more images the candidates and what they have in common are others: then it is done anew. They are few.
    """
    pairs = {layer: examination.pairs(layer) for layer in examination.ablations}
    pairs = {layer: found for layer, found in pairs.items() if found}
    if examination.merged == examination.seen or not pairs:
        return
    for held in examination.ablations.values():
        held.merged = {}
    examination.merged = 0
    on_progress("merging", 0, examination.seen)
    for batch in _batches(examination, order, 0):
        parts: dict[int, LayerAblation] = {}
        for layer, rerun, known in _reruns(examination, batch, pairs, cancel):
            parts[layer] = LayerAblation.of(examination.ablations[layer].means)
            parts[layer].add_merged(rerun, known, pairs[layer])
        if cancel.is_set():
            return
        with undivided():
            for layer, part in parts.items():
                examination.ablations[layer].merge(part)
            examination.merged = batch.end
        on_progress("merging", examination.merged, examination.seen)
        if cancel.is_set():
            return


def _batches(examination: Examination, order: np.ndarray, start: int) -> Iterator[ImageBatch]:
    return batches(examination.samples, order, start, examination.seen, examination.runner.images_at_once())


def _reruns(
    examination: Examination, batch: ImageBatch, layers: Iterable[int], cancel: threading.Event
) -> Iterator[tuple[int, Rerun, Known]]:
    """The layers that a batch reaches as it should, each ready to be run again."""
    runner = examination.runner
    if not batch.images:
        return
    tensor = runner.batch(batch.images)
    try:
        intact = log_probabilities(runner.run(tensor), len(tensor))
    except Exception:  # the net refused these images before, which was said
        return
    labels = examination.class_numbers(intact, batch.labels)
    if intact is None or labels is None:
        return
    known = Known(intact, labels, bool(examination.labelled))
    for layer in layers:
        if cancel.is_set():
            return
        rerun = Rerun(runner, layer, tensor, intact)
        if rerun.shape is not None and rerun.shape[:2] == (len(tensor), runner.layers[layer].out_channels):
            yield layer, rerun, known

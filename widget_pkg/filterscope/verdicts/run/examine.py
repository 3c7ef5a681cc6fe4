"""Looks at images, a batch at a time, then ablates filters on the ones it saw."""

from __future__ import annotations

import threading

import numpy as np

from filterscope.scans.sampling import batches, find_out_batches, order_of
from filterscope.verdicts.ablation.use import gate
from filterscope.verdicts.examination import MEAN_IMAGES, Examination
from filterscope.verdicts.run.ablate import OnProgress, ablate_duplicates, ablate_each_filter
from filterscope.verdicts.run.look import look


def examine(
    examination: Examination, images: int, ablation: bool, on_progress: OnProgress, cancel: threading.Event
) -> None:
    """Adds to the sums until so many images were seen, or `cancel` is set; then ablates on the same ones.

    Args:
        examination: The sums.
        images: How many images are looked at, those seen before included.
        ablation: Whether each filter is ablated.
        on_progress: Told how far it is.
        cancel: Ends it after the running batch, or before the next ablated filter.
    """
    order = examination.order = order_of(examination.samples, images)
    stop = min(images, len(order))
    next_first = np.concatenate([order[examination.seen : stop], order[: examination.seen]])
    find_out_batches(examination.runner, examination.samples, next_first)
    if examination.seen < stop:
        on_progress("images", examination.seen, stop)
    for end in (min(stop, MEAN_IMAGES), stop):
        at_once = examination.runner.images_at_once()
        for batch in batches(examination.samples, order, examination.seen, end, at_once):
            look(examination, batch)
            on_progress("images", examination.seen, stop)
            if cancel.is_set():
                return
        examination.keep_means()
    if not ablation or gate(examination.knowledge):
        return
    ablate_each_filter(examination, on_progress, cancel)
    if not cancel.is_set():
        ablate_duplicates(examination, on_progress, cancel)

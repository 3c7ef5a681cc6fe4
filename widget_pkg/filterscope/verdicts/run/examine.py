"""Looks at images, a batch at a time, then ablates filters on the ones it saw."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing

import numpy as np

from filterscope.host.sigint import defer_sigint
from filterscope.scans.sampling import find_out_batches, order_of
from filterscope.verdicts.ablation.rises import LayerAblation
from filterscope.verdicts.ablation.use import gate
from filterscope.verdicts.activations.inputs import INPUT_IMAGES
from filterscope.verdicts.examination import MEAN_IMAGES, Examination
from filterscope.verdicts.run.ablate import Ablating
from filterscope.verdicts.run.division import Here, Place, ranges
from filterscope.verdicts.run.look import Looking

OnProgress = Callable[[str, int, int], None]
"""Called at the start of each part and after each batch: what is done (`"images"`, `"ablation"` or `"merging"`), how
many images of it, and of how many."""

_FIRST = 20  # images that tell whether several may go in one pass, and whether there are labels


def examine(
    examination: Examination,
    images: int,
    ablation: bool,
    on_progress: OnProgress,
    cancel: threading.Event,
    place: Place | None = None,
    scan: bool = False,
) -> None:
    """Adds to the sums until so many images were seen, or `cancel` is set; then ablates on the same ones.

    Args:
        examination: The sums.
        images: How many images are looked at, those seen before included.
        ablation: Whether each filter is ablated.
        on_progress: Told how far it is.
        cancel: Ends it after the running batch, or before the next ablated filter.
        place: Where the net is run; None for here.
        scan: Whether what a scan keeps of the images is kept, too.
    """
    first = first_images(examination, images)
    find_out_batches(examination.runner, examination.samples, first)
    _Examining(examination, on_progress, cancel, place, scan).run(min(images, len(examination.order)), ablation)


def first_images(examination: Examination, images: int) -> np.ndarray:
    """The images that tell whether several may go in one pass, where so many are looked at in all."""
    order = examination.order = order_of(examination.samples, images)
    stop = min(images, len(order))
    return np.concatenate([order[examination.seen : stop], order[: examination.seen]])[:_FIRST]


class _Examining:
    """Adds to the sums of one examination; see `examine`."""

    def __init__(
        self,
        examination: Examination,
        on_progress: OnProgress,
        cancel: threading.Event,
        place: Place | None,
        scan: bool,
    ) -> None:
        self._sums, self._on_progress, self._cancel, self._scan = examination, on_progress, cancel, scan
        self._place = place or Here(examination.runner, examination.samples)

    def run(self, stop: int, ablation: bool) -> None:
        """Looks at images as far as a place in their order, and ablates on these."""
        if self._sums.seen == MEAN_IMAGES:  # where it ended before these were kept
            self._sums.keep_means()
        if self._sums.seen < stop:
            self._on_progress("images", self._sums.seen, stop)
        while self._sums.seen < stop:
            self._look(stop)
            if self._cancel.is_set():
                return
        self._sums.keep_means()
        if not ablation or gate(self._sums.knowledge):
            return
        self._ablate_each_filter()
        if not self._cancel.is_set():
            self._ablate_duplicates()

    def _look(self, stop: int) -> None:
        """Looks at the images up to a place, or until one shows something that the next ones were not told of."""
        sums = self._sums
        first = sums.order[:INPUT_IMAGES].tolist()
        looking = Looking(tuple(sums.layers), tuple(first[:_FIRST]), sums.premises, self._scan, frozenset(first))
        parts = [(sums.seen, min(stop, MEAN_IMAGES)), (max(sums.seen, min(stop, MEAN_IMAGES)), stop)]
        shards = [shard for part in parts for shard in ranges(*part, sums.runner, sums.layers)]
        with closing(self._place.run(looking, sums.order, shards, self._cancel)) as batches:  # type: ignore[type-var]
            for batch in batches:
                if not batch.holds(sums.premises):
                    return
                sums.add(batch)
                self._on_progress("images", sums.seen, stop)
                if self._cancel.is_set():
                    return
                if sums.seen == MEAN_IMAGES:
                    sums.keep_means()

    def _ablate_each_filter(self) -> None:
        """Ablates every filter on those of the images seen on which it was not yet."""
        sums = self._sums
        for layer, seen in sums.statistics.items():
            if layer not in sums.ablations and seen.images:
                sums.ablations[layer] = LayerAblation.of(sums.means.get(layer, seen.mean.copy()))
        live = {layer: sums.live(layer) for layer in sums.ablations}

        def note(end: int) -> None:
            sums.ablated = end

        if sums.ablated < sums.seen:
            self._ablate("ablation", Ablating(self._means(), sums.premises, live=live), sums.ablated, note)

    def _ablate_duplicates(self) -> None:
        """Computes the map of each candidate for a duplicate from its partner's, on all images seen.

        With more images the candidates and what they have in common are others: then it is done anew. They are few.
        """
        sums = self._sums
        pairs = {layer: pairs for layer in sums.ablations if (pairs := sums.pairs(layer))}
        if sums.merged == sums.seen or not pairs:
            return
        for ablation in sums.ablations.values():
            ablation.merged = {}

        def note(end: int) -> None:
            sums.merged = end

        note(0)
        self._ablate("merging", Ablating(self._means(), sums.premises, pairs=pairs), 0, note)

    def _means(self) -> dict[int, np.ndarray]:
        return {layer: ablation.means for layer, ablation in self._sums.ablations.items()}

    def _ablate(self, stage: str, ablating: Ablating, start: int, note: Callable[[int], None]) -> None:
        """Ablates on the images seen, from a place in their order on; `note` is told how far it is."""
        sums = self._sums
        self._on_progress(stage, start, sums.seen)
        shards = list(ranges(start, sums.seen, sums.runner, sums.layers))
        with closing(self._place.run(ablating, sums.order, shards, self._cancel)) as batches:  # type: ignore[type-var]
            for batch in batches:
                with defer_sigint():
                    for layer, of_batch in batch.layers.items():
                        sums.ablations[layer].merge(of_batch)
                    note(batch.end)
                self._on_progress(stage, batch.end, sums.seen)
                if self._cancel.is_set():
                    return

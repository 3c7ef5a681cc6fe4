"""Looks at images, a batch at a time, then ablates filters on the ones it saw."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing

import numpy as np

from filterscope.host.sigint import defer_sigint
from filterscope.scans.sampling import find_out_batches, order_of
from filterscope.verdicts.ablation.ablation import Ablation
from filterscope.verdicts.ablation.rises import LayerAblation, Rise
from filterscope.verdicts.ablation.sampled import SampledAblation
from filterscope.verdicts.ablation.together import JointAblation, least_used
from filterscope.verdicts.ablation.use import gate
from filterscope.verdicts.activations.inputs import INPUT_IMAGES
from filterscope.verdicts.examination import MEAN_IMAGES, Examination
from filterscope.verdicts.run.ablate import Ablating, AblatingRows, AblatingSets
from filterscope.verdicts.run.division import Here, Place, ranges
from filterscope.verdicts.run.look import Looking
from filterscope.verdicts.run.plan import AblationPlan, images_linearised, plan, shard_images
from filterscope.verdicts.run.request import AblationRequest

OnProgress = Callable[[str, int, int], None]
"""Called at the start of each part and after each batch: what is done (`"images"`, `"ablation"`, `"filters"`,
`"merging"` or `"together"`), how many images or filters of it, and of how many."""
OnPlan = Callable[[AblationPlan], None]
"""Told what ablating will take, before it begins."""

_FIRST = 20  # images that tell whether several may go in one pass, and whether there are labels
_LOOKING = 0.5  # of a budget's seconds at most goes into looking
_MERGED_IMAGES = 64  # on which candidates for duplicates are compared where filters are ablated on few images


def examine(
    examination: Examination,
    images: int,
    request: AblationRequest,
    on_progress: OnProgress,
    cancel: threading.Event,
    place: Place | None = None,
    scan: bool = False,
    began: float | None = None,
    on_plan: OnPlan | None = None,
    pause: int | None = None,
) -> None:
    """Adds to the sums until so many images were seen, or `cancel` is set; then ablates on these.

    Args:
        examination: The sums.
        images: How many images are looked at, those seen before included.
        request: How the use of filters is found.
        on_progress: Told how far it is.
        cancel: Ends it after the running batch, or before the next ablated filter.
        place: Where the net is run; None for here.
        scan: Whether what a scan keeps of the images is kept, too.
        began: When a budget's seconds began, of `time.monotonic`; None for now.
        on_plan: Told what ablating will take: once while images are looked at, and again before it begins.
        pause: It ends when so many images were seen, and nothing is ablated; None to do all that is asked for.
    """
    began = time.monotonic() if began is None else began
    first = first_images(examination, images)
    find_out_batches(examination.runner, examination.samples, first)
    examining = _Examining(examination, request, on_progress, cancel, place, scan, began, on_plan)
    examining.run(min(images, len(examination.order)), pause)


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
        request: AblationRequest,
        on_progress: OnProgress,
        cancel: threading.Event,
        place: Place | None,
        scan: bool,
        began: float,
        on_plan: OnPlan | None,
    ) -> None:
        self._sums, self._on_progress, self._cancel, self._scan = examination, on_progress, cancel, scan
        self._request, self._on_plan = request, on_plan
        self._place = place or Here(examination.runner, examination.samples)
        self._workers = getattr(getattr(place, "executor", None), "_max_workers", 1)
        self._forecasted = False
        seconds = request.seconds
        self._deadline = None if seconds is None else began + seconds
        self._look_until = None if seconds is None else began + _LOOKING * seconds

    def run(self, total: int, pause: int | None) -> None:
        """Looks at images as far as a place in their order, and ablates on these."""
        sums, stop = self._sums, total if pause is None else min(total, pause)
        sums.cut = ""
        if sums.seen == MEAN_IMAGES:  # where it ended before these were kept
            sums.keep_means()
        if sums.seen < stop:
            self._on_progress("images", sums.seen, total)
            sums.joint, sums.joint_of = {}, 0
        linearised = images_linearised(sums, self._request, total)
        self._linearise(min(linearised, sums.seen), total)
        while sums.seen < stop and not sums.cut and not self._cancel.is_set():
            self._look(stop, total, linearised)
        if pause is not None or self._cancel.is_set():
            return
        sums.keep_means()
        if self._request.mode is False or gate(sums.knowledge):
            return
        self._ablate_filters()
        if not self._cancel.is_set():
            self._ablate_sets()

    # Looking

    def _linearise(self, stop: int, total: int) -> None:
        """Keeps the linearised logits of images up to a place that were looked at without: less was asked for then."""
        sums = self._sums
        if sums.linearised_to >= stop or sums.no_gradient:
            return
        looking = Looking(tuple(sums.layers), tuple(sums.order[:_FIRST].tolist()), sums.premises, linearise=True)
        shards = list(ranges(sums.linearised_to, stop, sums.runner, sums.layers))
        with closing(self._place.run(looking, sums.order, shards, self._cancel)) as batches:  # type: ignore[type-var]
            for batch in batches:
                sums.add_slopes(batch)
                self._on_progress("images", batch.end, total)
                if self._cancel.is_set():
                    return

    def _look(self, stop: int, total: int, linearised: int) -> None:
        """Looks at the images up to a place, or until one shows something that the next ones were not told of.

        Up to another place, `linearised`, their linearised logits are kept.
        """
        sums = self._sums
        linearise = sums.seen < linearised
        stop = min(stop, linearised) if linearise else stop
        first = sums.order[:INPUT_IMAGES].tolist()
        looking = Looking(
            tuple(sums.layers), tuple(first[:_FIRST]), sums.premises, self._scan, frozenset(first), linearise
        )
        parts = [(sums.seen, min(stop, MEAN_IMAGES)), (max(sums.seen, min(stop, MEAN_IMAGES)), stop)]
        shards = [shard for part in parts for shard in ranges(*part, sums.runner, sums.layers)]
        with closing(self._place.run(looking, sums.order, shards, self._cancel)) as batches:  # type: ignore[type-var]
            for batch in batches:
                if not batch.holds(sums.premises):
                    return
                sums.add(batch)
                self._forecast(total)
                self._on_progress("images", sums.seen, total)
                if self._cancel.is_set():
                    return
                if sums.seen == MEAN_IMAGES:
                    sums.keep_means()
                if self._look_until is not None and time.monotonic() > self._look_until:
                    sums.cut = (
                        f"seconds={self._request.seconds:g} left time for {sums.images:,} images; more would tell more"
                    )
                    return

    def _forecast(self, images: int) -> None:
        """Says once, early, what ablating will take."""
        forecast = self._on_plan if self._request.mode is not False and self._deadline is None else None
        if forecast is not None and not self._forecasted and self._sums.statistics and not self._sums.ablated:
            self._forecasted = True
            forecast(plan(self._sums, self._request, None, self._workers, images))

    # Filters one by one

    def _ablate_filters(self) -> None:
        sums = self._sums
        if sums.ablations and sums.ablated == sums.seen:  # measured before, which tells as much
            self._ablate_duplicates(sums.ablations, sums.seen)
            return
        planned = plan(sums, self._request, self._deadline, self._workers)
        if self._on_plan is not None:
            self._on_plan(planned)
        if planned.exhaustive:
            self._ablate_each_filter()
            if not self._cancel.is_set():
                self._ablate_duplicates(sums.ablations, sums.seen)
            return
        sums.cut = " ".join(filter(None, [sums.cut and f"{sums.cut}.", planned.short]))
        self._ablate_sample(planned)
        if not self._cancel.is_set() and sums.sampled:
            self._ablate_duplicates(sums.sampled, min(sums.seen, _MERGED_IMAGES))

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
            work = Ablating(self._means(sums.ablations), sums.premises, live=live)
            self._ablate("ablation", work, sums.ablations, (sums.ablated, sums.seen), note)

    def _ablate_sample(self, planned: AblationPlan) -> None:
        """Ablates every filter on the same few images, a layer after the other."""
        sums = self._sums
        for layer in planned.order:
            sums.sampled.setdefault(layer, SampledAblation(sums.means[layer]))
            sums.conclude(layer)  # of more images than before
        total, done = sum(planned.filters.values()), 0
        self._on_progress("filters", 0, total)
        for layer in planned.order:
            sampled = sums.sampled[layer]
            for end in self._rows(layer, sampled, planned.images):
                part = end / max(planned.images, 1)
                self._on_progress("filters", done + int(part * planned.filters[layer]), total)
                if self._over():
                    break
            sums.conclude(layer)
            if self._cancel.is_set():
                return
            if self._over() and sampled.end < planned.images:
                left = sum(sums.sampled[each].end < planned.images for each in planned.order)
                sums.cut = (
                    f"seconds={self._request.seconds:g} are over; in {left} of {len(planned.order)} layers the filters "
                    f"were not ablated on all of {planned.images} images"
                )
                return
            done += planned.filters[layer]
            self._on_progress("filters", done, total)

    def _rows(self, layer: int, sampled: SampledAblation, images: int) -> Iterator[int]:
        """Ablates a layer's filters on images up to a place in their order; yields how far it is."""
        sums = self._sums
        step = shard_images(sums.runner, images)
        shards = [(start, min(start + step, images)) for start in range(sampled.end, images, step)]
        work = AblatingRows(layer, sampled.means, sums.live(layer), sums.premises)
        with closing(self._place.run(work, sums.order, shards, self._cancel)) as batches:  # type: ignore[type-var]
            for batch in batches:
                with defer_sigint():
                    if layer in batch.layers:
                        sampled.rows.append(batch.layers[layer])
                    sampled.end = batch.end
                yield batch.end
                if self._cancel.is_set():
                    return

    def _over(self) -> bool:
        return self._deadline is not None and time.monotonic() > self._deadline

    # Filters together

    def _ablate_duplicates(self, ablations: Mapping[int, LayerAblation | SampledAblation], stop: int) -> None:
        """Computes the map of each candidate for a duplicate from its partner's, on the images up to a place.

        With more images the candidates and what they have in common are others: then it is done anew. They are few.
        """
        sums = self._sums
        pairs = {layer: pairs for layer in ablations if (pairs := sums.pairs(layer))}
        if (sums.merged == stop and sums.merged_of == sums.seen) or not pairs:
            return
        for ablation in ablations.values():
            ablation.merged = {}
        sums.merged_of = sums.seen

        def note(end: int) -> None:
            sums.merged = end

        note(0)
        self._ablate(
            "merging", Ablating(self._means(ablations), sums.premises, pairs=pairs), ablations, (0, stop), note
        )

    def _ablate_sets(self) -> None:
        """Ablates the least used filters of each layer together, on images that had no part in choosing them."""
        sums = self._sums
        chosen, measured = sums.images_apart()
        if not len(measured) or sums.joint_of == sums.seen or self._over() or sums.knowledge is None:
            return
        known, sets = sums.knowledge.learned()[0], {}
        for layer in sums.means:
            linearised = sums.linearised(layer)
            images = int(np.isin(linearised.indices, sums.order[: chosen.stop]).sum())
            if linearised.images and images and len(sums.means[layer]) > 1:
                filters = least_used(linearised, images, known)
                sets[layer] = Ablation(layer, filters, tuple(float(sums.means[layer][k]) for k in filters))
        joint = {layer: JointAblation(each.filters, Rise()) for layer, each in sets.items()}
        self._on_progress("together", 0, len(measured))
        work = AblatingSets(sets, sums.premises)
        shards = list(ranges(measured.start, measured.stop, sums.runner, sums.layers))
        with closing(self._place.run(work, sums.order, shards, self._cancel)) as batches:  # type: ignore[type-var]
            for batch in batches:
                for layer, rise in batch.layers.items():
                    joint[layer].rise.merge(rise)
                self._on_progress("together", batch.end - measured.start, len(measured))
                if self._cancel.is_set():
                    return
        with defer_sigint():
            sums.joint, sums.joint_of = joint, sums.seen

    def _means(self, ablations: Mapping[int, LayerAblation | SampledAblation]) -> dict[int, np.ndarray]:
        return {layer: ablation.means for layer, ablation in ablations.items()}

    def _ablate(
        self,
        stage: str,
        ablating: Ablating,
        ablations: Mapping[int, LayerAblation | SampledAblation],
        part: tuple[int, int],
        note: Callable[[int], None],
    ) -> None:
        """Ablates on images seen, from a place in their order to another; `note` is told how far it is."""
        sums, (start, stop) = self._sums, part
        self._on_progress(stage, start, stop)
        shards = list(ranges(start, stop, sums.runner, sums.layers))
        with closing(self._place.run(ablating, sums.order, shards, self._cancel)) as batches:  # type: ignore[type-var]
            for batch in batches:
                with defer_sigint():
                    for layer, of_batch in batch.layers.items():
                        ablations[layer].merge(of_batch)
                    note(batch.end)
                self._on_progress(stage, batch.end, stop)
                if self._cancel.is_set():
                    return

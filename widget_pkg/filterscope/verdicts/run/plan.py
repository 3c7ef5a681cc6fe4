"""On how many images each filter is ablated, in which order of layers, and how long that will take."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from filterscope.nets.runner import NetRunner
from filterscope.scans.refusals import run_accepted
from filterscope.scans.sampling import batches
from filterscope.verdicts.ablation.control import FEWEST_ABLATED
from filterscope.verdicts.ablation.linearised import LINEARISED_IMAGES
from filterscope.verdicts.examination import Examination
from filterscope.verdicts.run.request import AblationRequest

SAMPLED_IMAGES = 64
"""On how many images each filter is ablated at least where nothing else is asked for."""
_QUICK = 5e11
"""Multiplications that ablating may take where nothing else is asked for: some minutes of one core."""
_QUICK_LOOK, _FEWEST_LINEARISED = 2e10, 16
"""Multiplications of one pass over all images up to which all of them are linearised; else at least so many."""
_OVERHEAD = 3.0  # passes a layer and batch: the intact one, the one that is written down, the one that checks it
_REST = 0.02  # of a pass: norms, pools and linear layers
_SAFE = 0.8  # of the time that is left


@dataclass(frozen=True)
class AblationPlan:
    """What ablating will take.

    Attributes:
        images: On how many images each filter is ablated; 0 where the budget allows too few.
        exhaustive: Whether that is all images seen.
        order: Indices of the layers, in the order in which their filters are ablated.
        passes: Of each layer, how many passes of the whole net an image takes.
        filters: Of each layer, how many filters are ablated.
        seconds_a_pass: How long a pass of one image takes.
        short: Why `images` is 0, a sentence, or "".
    """

    images: int
    exhaustive: bool
    order: tuple[int, ...]
    passes: dict[int, float]
    filters: dict[int, int]
    seconds_a_pass: float
    short: str = ""

    @property
    def seconds(self) -> float:
        """How long ablating takes in all, as far as can be said before it begins, nothing being ablated yet."""
        return self.images * sum(self.passes.values()) * self.seconds_a_pass

    def share_done(self, filters: float) -> float:
        """Which share of the passes is made once so many filters are ablated, in this order."""
        total, left = 0.0, filters
        for layer in self.order:
            count = self.filters[layer]
            total += self.passes[layer] * min(left / count, 1.0) if count else 0.0
            left = max(left - count, 0)
        return total / max(sum(self.passes.values()), 1e-9)


def images_linearised(sums: Examination, request: AblationRequest, images: int) -> int:
    """How far in the order of the images their logits are linearised, which takes longer than all else about an image.

    Where nothing is ablated, it is a quarter of them: the first order, over all, tells much of the rest.

    Args:
        sums: What was seen.
        request: What is asked for.
        images: How many images are looked at in all.
    """
    most = sums.most_linearised()
    one_pass = sum(multiplications(sums.runner, layer) for layer in range(len(sums.runner.layers)))
    if request.mode is not False or one_pass * images <= _QUICK_LOOK:
        return most
    return min(most, max(images // 4, _FEWEST_LINEARISED))


def multiplications(runner: NetRunner, layer: int) -> float:
    """How many multiplications a layer takes for one image."""
    record = runner.layers[layer]
    return float(np.prod(record.out_shape)) * float(np.prod(record.kernels.shape[1:]))


def shares_behind(runner: NetRunner) -> np.ndarray:
    """Of each layer, which share of a pass comes after it, by the multiplications of the convolutions, `(L,)`."""
    each = np.array([multiplications(runner, layer) for layer in range(len(runner.layers))])
    after = np.cumsum(each[::-1])[::-1] - each
    behind: np.ndarray = (after + _REST * each.sum()) / max(each.sum() * (1 + _REST), 1.0)
    return behind


def shard_images(runner: NetRunner, images: int) -> int:
    """How many images of a layer's ablation are one shard, so that several workers have something to do."""
    each = sum(multiplications(runner, layer) for layer in range(len(runner.layers)))
    return int(np.clip(4e8 // max(each, 1.0), 4, max(images, 4)))


def plan(
    sums: Examination, request: AblationRequest, deadline: float | None, workers: int = 1, seen: int | None = None
) -> AblationPlan:
    """Decides on how many of the images seen each filter is ablated.

    Args:
        sums: What was seen.
        request: What is asked for.
        deadline: When the time is over, of `time.monotonic`; None for never.
        workers: How many passes are made at a time.
        seen: How many images will have been seen by then; None for those that were.
    """
    seconds = seconds_a_pass(sums) / workers
    seen = sums.seen if seen is None else seen
    layers = [layer for layer, seen in sums.statistics.items() if seen.images]
    filters = {layer: int(sums.live(layer).sum()) for layer in layers}
    shares = shares_behind(sums.runner)
    passes = {layer: filters[layer] * float(shares[layer]) + (_OVERHEAD if filters[layer] else 0) for layer in layers}
    order = _order(layers, request.first)
    one_pass = sum(multiplications(sums.runner, layer) for layer in range(len(sums.runner.layers)))
    quick = int(_QUICK / max(one_pass * sum(passes.values()), 1.0))
    if request.mode == "all" or (quick >= seen and request.images is None and request.seconds is None):
        return AblationPlan(seen, True, order, passes, filters, seconds)
    most = min(seen, LINEARISED_IMAGES)
    images, short = min(max(SAMPLED_IMAGES, quick) if request.images is None else request.images, most), ""
    if deadline is not None:
        left, each = deadline - time.monotonic(), seconds * sum(passes.values())
        affordable = int(max(_SAFE * left, 0) / max(each, 1e-9))
        images = min(affordable, most if request.images is None else images)
        if images < FEWEST_ABLATED:
            images = 0
            total = sum(filters.values())
            short = (
                f"seconds={request.seconds:g} is too short to ablate filters: {in_words(max(left, 0))} of it are left "
                f"after looking at {sums.images:,} images, and to ablate each of {total:,} filters takes about "
                f"{in_words(each)} on one image, {in_words(each * FEWEST_ABLATED)} on the {FEWEST_ABLATED} that a "
                "verdict needs. Give more seconds, fewer layers, or seconds=None"
            )
    return AblationPlan(images, False, order, passes, filters, seconds, short)


def seconds_a_pass(sums: Examination) -> float:
    """How long the intact net takes for one image, measured on the first ones."""
    runner = sums.runner
    at_once = min(runner.images_at_once(), shard_images(runner, SAMPLED_IMAGES))
    for batch in batches(sums.samples, sums.order, 0, min(sums.seen, 4 * at_once), at_once):
        times = []
        for _ in range(2):
            start = time.monotonic()
            taken, output, _ = run_accepted(batch, lambda part: (runner.run(runner.batch(part.images)),))
            times.append(time.monotonic() - start)
        if output is not None:
            return min(times) / len(taken.images)
    return 0.0


def in_words(seconds: float) -> str:
    """`0.4 s`, `12 s`, `29 min`, `3.1 h`."""
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def _order(layers: Sequence[int], first: int | None) -> tuple[int, ...]:
    return tuple(sorted(layers, key=lambda layer: (layer != first, layer)))

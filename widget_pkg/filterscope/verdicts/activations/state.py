"""Live, dead or constant: whether a filter says anything about the images at all."""

from __future__ import annotations

from dataclasses import dataclass

from filterscope.verdicts.activations.statistics import LayerStatistics

LIVE, DEAD, CONSTANT, UNKNOWN = "live", "dead", "constant", "can't tell"
_STILL = 1e-6  # of the standard deviation of the layer's liveliest filter


@dataclass(frozen=True)
class State:
    """What a filter did over the images.

    Attributes:
        verdict: `"live"`, `"dead"`, `"constant"`, or `"can't tell"`.
        reason: One sentence without full stop.
    """

    verdict: str
    reason: str = ""


def judge_state(seen: LayerStatistics) -> list[State]:
    """Judges each filter of a layer by its activation: one that never varies is dead at 0, else constant.

    The share of images in which it fires would miss a filter that is always on.
    """
    if seen.images == 0:
        why = f"all {seen.left_out} images gave NaN or infinite values" if seen.left_out else "no image was seen"
        return [State(UNKNOWN, why)] * len(seen.mean)
    images = f"{seen.images:,} image{'s' * (seen.images != 1)}"
    if seen.positions < 2:
        return [State(UNKNOWN, f"there is a single value from {images}")] * len(seen.mean)
    deviation = seen.deviation
    still = deviation <= _STILL * deviation.max()
    states = []
    for index in range(len(deviation)):
        if not still[index]:
            states.append(State(LIVE))
        elif seen.high[index] <= 0 and seen.low[index] == 0:
            # Rule of three: nothing in N images bounds its share at 3/N, at 95 %.
            bound = f" (below {min(1, 3 / seen.images):.2g} of all images at 95 %)" if seen.images >= 10 else ""
            states.append(State(DEAD, f"it never fired in {images}{bound}"))
        else:
            states.append(State(CONSTANT, f"it gave {seen.mean[index]:.4g} everywhere in {images}"))
    return states

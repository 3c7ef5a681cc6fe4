"""How much of a layer is needed: which of its filters can go together, and what that costs, measured on other images.

What filters cost one by one does not add up: half of a layer costs 2 to 3 times the sum of its filters. And filters
that were found to be least needed on some images are more needed on others. So a set is chosen by linearised logits,
whose changes do add up, on some images, and then ablated as a whole on others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from filterscope.verdicts.ablation.linearised import LinearisedLogits
from filterscope.verdicts.ablation.rises import Rise

SPARED = 0.01
"""Of what the net knows: what the least used filters of a layer may cost together, so that they count as spared."""
_PREDICTED = 0.4 * SPARED  # what the chosen set is to cost by linearised logits, so that measuring it can confirm it
_SMALLEST = 1 / 16  # of a layer, where even that is predicted to cost more
MEASURED_IMAGES = 256
FEWEST_CHOSEN, FEWEST_MEASURED = 50, 50


@dataclass
class JointAblation:
    """The least used filters of a layer, ablated together on images that had no part in choosing them.

    Attributes:
        filters: Their indices, the least used first.
        rise: The rise of the loss without all of them.
    """

    filters: tuple[int, ...]
    rise: Rise


def joint_order(linearised: LinearisedLogits, images: int) -> np.ndarray:
    """Filters in the order in which they can go: each next one adds the least to what all before it cost together.

    To second order, ½ Σ over the pairs of a set of the covariance of their logits' changes; its first order, which is 0
    but for chance, is left out, since it would be chosen for.

    Args:
        linearised: Of the layer.
        images: How many of its images are looked at, the first ones.

    Returns:
        Indices of the filters `(F,)`, the least needed first.
    """
    covariance = linearised.covariances(images)
    count = len(covariance)
    added = np.diag(covariance).copy() / 2
    order = np.empty(count, int)
    for place in range(count):
        best = int(np.argmin(added))
        order[place] = best
        added += covariance[best]
        added[order[: place + 1]] = np.inf
    return order


def least_used(linearised: LinearisedLogits, images: int, nats: float) -> tuple[int, ...]:
    """The most filters of a layer that are predicted to cost little together.

    Args:
        linearised: Of the layer.
        images: How many of its images are looked at, the first ones.
        nats: How much the net knows.

    Returns:
        Their indices, the least needed first; a sixteenth of the layer where even so few cost more.
    """
    order = joint_order(linearised, images)
    cheap = linearised.curve(order.tolist(), images) <= _PREDICTED * nats
    count = len(order) if cheap.all() else int(cheap.argmin())
    count = min(max(count, round(_SMALLEST * len(order)), 1), max(len(order) - 1, 1))
    return tuple(int(index) for index in order[:count])


def surely_used(p: np.ndarray, level: float = 0.05) -> int:
    """How many of the tested filters at least have an effect, with confidence 1 − level.

    That is the bound that closed testing gives with Simes's test (Hommel 1988; Goeman, Solari 2011): of m hypotheses at
    most h are true, the largest h for which p of the last h in order lie above i · level / h.

    Args:
        p: One-sided p-values; NaN for a test that was not made.
        level: How often the bound may be too high.
    """
    made = np.sort(p[~np.isnan(p)])
    count = len(made)
    for size in range(count, 0, -1):
        if (made[count - size :] > level * np.arange(1, size + 1) / size).all():
            return count - size
    return count

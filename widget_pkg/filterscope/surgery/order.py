"""Which groups of filters go first: those that cost least together, found anew as the net grows smaller."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from filterscope.surgery.structure import Structure


class Removal:
    """Groups that are removed so far, and which ones may still be.

    Args:
        structure: The net's groups.
        candidates: Indices of the groups that may go.
        partners: By group, the group that it is computed from where it is a duplicate; that one then stays.
        least: How many filters each layer keeps at least.
    """

    def __init__(
        self, structure: Structure, candidates: Sequence[int], partners: dict[int, int] | None = None, least: int = 1
    ) -> None:
        self._structure, self._least = structure, least
        self._partners = partners or {}
        self.candidates = list(candidates)
        self.gone: list[int] = []
        self._left = {layer.index: layer.out_channels for layer in structure.layers}
        self._locked: set[int] = set()

    def may_go(self, group: int) -> bool:
        """Whether a group can go without emptying a layer, or taking what another is computed from."""
        if group in self._locked:
            return False
        counts: dict[int, int] = {}
        for layer, _ in self._structure.groups[group].filters:
            counts[layer] = counts.get(layer, 0) + 1
        return all(self._left[layer] - count >= self._least for layer, count in counts.items())

    def remove(self, group: int) -> None:
        """Removes a group."""
        for layer, _ in self._structure.groups[group].filters:
            self._left[layer] -= 1
        self.gone.append(group)
        partner = self._partners.get(group)
        if partner is not None and partner not in self.gone:
            self._locked.add(partner)


def greedy(
    removal: Removal,
    groups: Sequence[int],
    covariances: np.ndarray,
    weights: np.ndarray,
    enough: Callable[[], bool],
) -> Iterator[int]:
    """Removes groups until it is enough: each time the one that adds least to the cost for what it saves.

    To second order a set costs ½ Σ over its pairs of `covariances`; so a group adds half of its own and the sum over
    those that are gone. Those gone in earlier rounds are in what the covariances were found in.

    Args:
        removal: What is gone so far; it grows.
        groups: The groups that may go, `(G,)`.
        covariances: Of the moves of the logits, `(G, G)`.
        weights: What each saves, `(G,)`, above 0.
        enough: Asked before each.

    Yields:
        Each group as it goes.
    """
    added = np.diag(covariances).copy() / 2
    blocked = np.zeros(len(groups), bool)
    while not enough() and not blocked.all():
        best = int(np.where(blocked, np.inf, added / weights).argmin())
        blocked[best] = True
        if not removal.may_go(groups[best]):
            continue
        removal.remove(groups[best])
        added += covariances[best]
        yield groups[best]

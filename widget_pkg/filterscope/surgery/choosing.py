"""Chooses the groups that go, in rounds: after each one the moves of the logits are found anew in what is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from filterscope.scans.progress import no_progress
from filterscope.surgery.order import Removal, greedy
from filterscope.surgery.planning import OnProgress, Patient
from filterscope.surgery.shifts import logit_shifts
from filterscope.surgery.size import ParameterCount

ROUNDS = 8
LINEARISED_IMAGES = 512
"""On so many images the order is found; the other images that the diagnosis saw check how far it may go."""
Saving = Literal["filters", "parameters"]


@dataclass
class Choice:
    """Chooses groups to remove.

    Args:
        patient: The net and its diagnosis.
        layers: Indices of the layers whose filters may go.
        saving: What a group saves: filters of these layers, or parameters.
        on_progress: Told how far it is.
        rounds: In how many rounds.
    """

    patient: Patient
    layers: Sequence[int]
    saving: Saving
    on_progress: OnProgress
    rounds: int = ROUNDS

    def __post_init__(self) -> None:
        structure = self.patient.structure
        self.candidates = structure.removable(self.layers)
        self.removal = Removal(structure, self.candidates, self.patient.partners(self.candidates))
        self.count = ParameterCount(self.patient.runner.net, structure.channels)
        self.gone_filters = 0
        of_layers = set(self.layers)
        self.filters_of = {
            group: sum(layer in of_layers for layer, _ in structure.groups[group].filters) for group in self.candidates
        }

    @property
    def order_images(self) -> np.ndarray:
        """Images on which the order is found."""
        images = self.patient.chosen_on
        return images[: min(LINEARISED_IMAGES, max(len(images) // 2, 1))]

    @property
    def check_images(self) -> np.ndarray:
        """Images on which is measured how far one may go."""
        return self.patient.chosen_on[len(self.order_images) :]

    def filters(self, most: int) -> list[int]:
        """Groups with so many filters of the layers."""
        return self._until(lambda share: self.gone_filters >= share * most)

    def parameters(self, least: int) -> list[int]:
        """Groups, so that so many parameters are left, or fewer."""
        saved = self.count.total - least
        return self._until(lambda share: self.count.total - self.count.left >= share * saved)

    def _until(self, reached: Callable[[float], bool]) -> list[int]:
        for number in range(1, self.rounds + 1):
            self.on_progress("planning", number - 1, self.rounds)
            if not self.round(partial(reached, number / self.rounds)):
                break
        self.on_progress("planning", self.rounds, self.rounds)
        return self.removal.gone

    def loss(self, nats: float) -> list[int]:
        """Groups without which the loss rises by at most so many nats, on images that the order was not found on."""
        gone = self.removal.gone
        kept = 0
        for number in range(1, self.rounds + 1):
            self.on_progress("planning", number - 1, self.rounds)
            if not self.round(partial(self._has_gone, number / self.rounds)):
                break
            if self._rise(len(gone)) > nats:
                break
            kept = len(gone)
        too_many = len(gone) + 1 if kept == len(gone) else len(gone)
        while too_many - kept > 1:
            middle = (kept + too_many) // 2
            if self._rise(middle) > nats:
                too_many = middle
            else:
                kept = middle
        self.on_progress("planning", self.rounds, self.rounds)
        return gone[:kept]

    def _has_gone(self, share: float) -> bool:
        return len(self.removal.gone) >= share * len(self.candidates)

    def _rise(self, count: int) -> float:
        if not count:
            return 0.0
        return self.patient.change(self.removal.gone[:count], self.check_images, no_progress).loss_change.value

    def round(self, enough: Callable[[], bool]) -> bool:
        """Removes groups until it is enough, in the order of now; returns whether any went."""
        gone = set(self.removal.gone)
        left = [group for group in self.candidates if group not in gone and self.removal.may_go(group)]
        if not left or enough():
            return bool(left)
        patient = self.patient
        shifts = logit_shifts(
            patient.runner,
            patient.samples,
            self.order_images,
            patient.structure,
            left,
            patient.ablation(self.removal.gone),
            {each: merge for each, merge in patient.merges.items() if patient.structure.group_of(*each) not in gone},
        )
        weights = np.array([self._saves(group) for group in left], np.float64)
        before = len(self.removal.gone)
        for group in greedy(self.removal, left, shifts.covariances(), weights, enough):
            self.count.remove(patient.structure.groups[group].labels)
            self.gone_filters += self.filters_of[group]
        return len(self.removal.gone) > before

    def _saves(self, group: int) -> float:
        if self.saving == "filters":
            return float(max(self.filters_of[group], 1))
        return float(max(self.count.of(self.patient.structure.groups[group].labels), 1))

"""Makes a plan from a diagnosis: chooses filters on the images that it saw, and measures the cost on others."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import nn

from filterscope.errors import NetError
from filterscope.nets.fingerprint import fingerprint
from filterscope.nets.layer_choice import layer_indices, layer_title
from filterscope.nets.runner import NetRunner
from filterscope.scans.sampling import Samples, batches
from filterscope.surgery.ablation import LayersAblation, Merge
from filterscope.surgery.cutting import Border
from filterscope.surgery.folding import fold
from filterscope.surgery.means import map_means
from filterscope.surgery.reinitialise import begin_anew
from filterscope.surgery.smaller import SmallerNet, check_images_for, make_smaller
from filterscope.surgery.structure import Filter, Structure, check_removable, find_structure
from filterscope.surgery.why import duplicates_of
from filterscope.verdicts.ablation.effect import measure_change
from filterscope.verdicts.ablation.effect_table import Effect, Estimate
from filterscope.verdicts.examination import MEAN_IMAGES
from filterscope.verdicts.result.diagnosis import Diagnosis
from filterscope.verdicts.result.verdict import FilterVerdict

CHECKED_IMAGES = 8
"""On so many images the smaller net is held against the ablated one."""
FEWEST_MEASURED = 30
OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Patient:
    """A net with its diagnosis, and what a plan for it needs.

    Attributes:
        diagnosis: The diagnosis.
        chosen_on: Indices of the images that the diagnosis saw, on which filters are chosen.
        measured_on: Indices of others, on which the cost is measured.
        runner: Runs the net.
        samples: The data set.
    """

    diagnosis: Diagnosis
    chosen_on: np.ndarray
    measured_on: np.ndarray
    runner: NetRunner
    samples: Samples

    @classmethod
    def of(
        cls, diagnosis: Diagnosis, images: int, runner: NetRunner | None = None, samples: Samples | None = None
    ) -> Patient:
        """The patient of a diagnosis.

        Args:
            diagnosis: The diagnosis.
            images: So many at most measure the cost.
            runner: Runs the net; None for what ran it in the diagnosis.
            samples: The data set; None for what the diagnosis read.

        Raises:
            ValueError: If the net was changed since, or the diagnosis left no images to measure on.
            RuntimeError: If the diagnosis is still running.
        """
        if not getattr(diagnosis, "done", True):
            raise RuntimeError("the diagnosis is still running; wait() for it first, then plan")
        examination = diagnosis.examination
        order, seen = examination.order, examination.seen
        chosen_on, measured_on = order[:seen], order[seen : seen + images]
        runner, samples = runner or examination.runner, samples or examination.samples
        patient = cls(diagnosis, chosen_on, measured_on, runner, samples)
        patient.check_weights()
        return patient

    def check_weights(self) -> None:
        """Whether the net is as it was when it was diagnosed.

        Raises:
            ValueError: If it is not.
        """
        if fingerprint(self.runner.net) != self.diagnosis.fingerprint:
            raise ValueError(
                "the net's weights are others than the diagnosis saw: it was changed since; diagnose it anew, and plan "
                "from that diagnosis"
            )

    def check_measurable(self) -> None:
        """Whether there are images that were not used to choose.

        Raises:
            ValueError: If there are too few.
        """
        if len(self.measured_on) < FEWEST_MEASURED:
            seen, others = len(self.chosen_on), len(self.measured_on)
            raise ValueError(
                f"the diagnosis saw {seen:,} of the {seen + others:,} images, so {others} are left that were not used "
                f"to choose, and {FEWEST_MEASURED} are needed to measure what a smaller net costs; diagnose with "
                "fewer images=, or give more data"
            )

    @cached_property
    def images(self) -> Sequence[Any]:
        """Some images of one shape, to check a smaller net on."""
        for batch in batches(self.samples, self.chosen_on, 0, len(self.chosen_on), CHECKED_IMAGES):
            if len(batch.images) >= 2:
                return list(batch.images)
        return check_images_for(self.runner)

    @cached_property
    def structure(self) -> Structure:
        """The groups of the net's filters."""
        return find_structure(self.runner, self.images[0])

    @cached_property
    def verdicts(self) -> dict[Filter, FilterVerdict]:
        """The verdict of each filter looked at."""
        titles = {layer_title(layer): layer.index for layer in self.runner.layers}
        return {(titles[verdict.layer], verdict.filter): verdict for verdict in self.diagnosis.filters}

    @cached_property
    def merges(self) -> dict[Filter, Merge]:
        """Filters that can be computed from a partner."""
        return duplicates_of(self.diagnosis.examination, self.verdicts)

    @cached_property
    def means(self) -> dict[int, np.ndarray]:
        """What removed maps are replaced by, `(F,)` by layer: the diagnosis' means, where it has them."""
        known = {**self.diagnosis.examination.means}
        known |= {layer: ablation.means for layer, ablation in self.diagnosis.examination.ablations.items()}
        needed = {layer for group in self.structure.groups if not group.reason for layer, _ in group.filters}
        missing = sorted(needed - known.keys())
        return known | map_means(self.runner, self.samples, self.chosen_on[:MEAN_IMAGES], missing)

    def name(self, layer: int) -> str:
        """A layer's name, as verdicts have it."""
        return layer_title(self.runner.layers[layer])

    def layer_indices(self, layers: Any) -> list[int]:
        """The layers that somebody names."""
        return sorted(layer_indices(self.runner.layers, layers))

    def ablation(self, groups: Iterable[int]) -> LayersAblation:
        """The ablation of some groups, duplicates computed from partners that stay."""
        filters = self.structure.filters_of(groups)
        gone = {(layer, index) for layer, indices in filters.items() for index in indices}
        merges = {
            each: merge
            for each, merge in self.merges.items()
            if each in gone and (each[0], merge.partner) not in gone and self._alone(each)
        }
        return LayersAblation(self.means, filters, merges)

    def _alone(self, each: Filter) -> bool:
        return len(self.structure.groups[self.structure.group_of(*each)].filters) == 1

    def partners(self, candidates: Iterable[int]) -> dict[int, int]:
        """The groups of filters that can be computed from a partner, with that one's group."""
        allowed = set(candidates)
        groups = {
            self.structure.group_of(*each): self.structure.group_of(each[0], merge.partner)
            for each, merge in self.merges.items()
            if self._alone(each)
        }
        return {own: partner for own, partner in groups.items() if own in allowed}

    def smaller(self, groups: Iterable[int], border: Border) -> SmallerNet:
        """The net without some groups.

        Raises:
            NetError: If it cannot be made.
        """
        self.check_weights()
        chosen = list(groups)
        check_removable(self.structure, chosen)
        merges = self.ablation(chosen).merges
        return make_smaller(self.runner, self.structure, chosen, self.means, self.images, merges, border)

    def begun_anew(self, groups: Iterable[int], seed: int) -> nn.Module:
        """The net with some groups drawn afresh.

        Raises:
            NetError: If what follows cannot do without them.
        """
        self.check_weights()
        chosen = list(groups)
        check_removable(self.structure, chosen)
        labels = {label for index in chosen for label in self.structure.groups[index].labels}
        ablation = LayersAblation(self.means, self.structure.filters_of(chosen))
        folded = fold(self.runner, self.structure, labels, ablation, self.runner.batch(list(self.images)), {})
        return begin_anew(self.runner, self.structure.channels, labels, folded, seed)

    def change(self, groups: Iterable[int], images: np.ndarray, on_progress: OnProgress) -> Effect:
        """What the net loses without some groups, ablated, over certain images."""
        return measure_change(self.runner, self.samples, images, self.ablation(groups), on_progress)

    def cost(self, net: nn.Module, on_progress: OnProgress) -> Effect | None:
        """What a smaller net loses on the images that were not used to choose; None where there is no accuracy."""
        other = NetRunner(net, self.runner.forward)
        other.find_layers(self.images[0])
        other.known = self.runner.known
        try:
            return measure_change(self.runner, self.samples, self.measured_on, OtherNet(other), on_progress)
        except ValueError as error:
            if isinstance(error, NetError) or "score a class" not in str(error):
                raise
            return None


@dataclass(frozen=True)
class OtherNet:
    """The change from a net to another one."""

    other: NetRunner

    def run(self, runner: NetRunner, batch: torch.Tensor) -> Any:
        """The other net's output for a batch."""
        return self.other.run(batch)


def wilson(right: float, images: int) -> Estimate:
    """A share with its 95 % interval (Wilson 1927)."""
    z = 1.959964
    middle = (right + z * z / (2 * images)) / (1 + z * z / images)
    half = z * math.sqrt(right * (1 - right) / images + z * z / (4 * images * images)) / (1 + z * z / images)
    return Estimate(right, max(0.0, middle - half), min(1.0, middle + half))


def asked_filters(patient: Patient, remove: Mapping[Any, Iterable[int] | int]) -> list[int]:
    """The groups of filters that somebody names, by layer.

    Raises:
        ValueError: If there is no such layer or filter, or none is named.
    """
    groups = set()
    for key, indices in remove.items():
        (layer,) = patient.layer_indices(key)
        record = patient.runner.layers[layer]
        for index in [indices] if isinstance(indices, int | np.integer) else list(indices):
            if (
                isinstance(index, bool)
                or not isinstance(index, int | np.integer)
                or not 0 <= index < record.out_channels
            ):
                raise ValueError(
                    f"remove names filter {index!r} of {record.spoken}; it has filters 0 … {record.out_channels - 1}"
                )
            groups.add(patient.structure.group_of(layer, int(index)))
    if not groups:
        raise ValueError("remove names no filter; give {layer: [indices]}, or a word for a verdict")
    return sorted(groups)


def batch_of(patient: Patient) -> torch.Tensor:
    """Images to measure time on."""
    return patient.runner.batch(list(patient.images))

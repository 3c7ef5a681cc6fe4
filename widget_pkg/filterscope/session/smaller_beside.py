"""A net and the smaller one that was made of it, side by side: which filter is which is known from the plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from filterscope.engine.engine import Engine
from filterscope.scans.sampling import find_out_batches, runner_for
from filterscope.session.comparison import TwoNets
from filterscope.surgery.planning import FEWEST_MEASURED, Patient
from filterscope.surgery.smaller import SmallerNet
from filterscope.surgery.structure import Structure
from filterscope.timeline.comparison import compare_known
from filterscope.timeline.partners import PLANNED, KnownPairs
from filterscope.verdicts.run.pacing import PacedPasses, PacedSamples

COMPARED_IMAGES = 500


def beside_smaller(engine: Engine, patient: Patient, groups: Sequence[int], check: Callable[[], None]) -> TwoNets:
    """Makes the net without some groups, and compares both.

    Args:
        engine: The net and the data set.
        patient: The net with its diagnosis.
        groups: Indices of the groups that go.
        check: Called now and then; what it raises ends the work.

    Raises:
        NetError: If the net cannot be made.
    """
    small = patient.smaller(groups, "bias")
    fresh = len(patient.measured_on) >= FEWEST_MEASURED
    images = (patient.measured_on if fresh else patient.chosen_on)[:COMPARED_IMAGES]
    samples, first = PacedSamples(engine.samples, check), engine.first_image
    while_it_works = runner_for(small.net, samples, engine.forward, PacedPasses(check), first)
    known = known_pairs(patient.structure, groups, small)
    comparison = compare_known(patient.runner, while_it_works, samples, images, known)
    used = "were not used to choose" if fresh else "were used to choose, too, as there are too few others"
    comparison = replace(
        comparison,
        notes=(f"b is a without the filters of the tray, made smaller. These images {used}.", *comparison.notes),
    )
    unhurried = PacedSamples(engine.samples)  # a person waits for what is asked of it
    runner = runner_for(small.net, unhurried, engine.forward, first=first)
    find_out_batches(runner, unhurried, images)
    left_out = (each for group in groups for each in patient.structure.groups[group].filters)
    return TwoNets(engine, comparison, runner, left_out=left_out)


def known_pairs(structure: Structure, groups: Sequence[int], small: SmallerNet) -> dict[int, KnownPairs]:
    """Which filters of each layer are which of the smaller net's: those that stay keep their order."""
    gone, pairs = structure.filters_of(groups), {}
    for layer in structure.layers:
        stay = np.ones(layer.out_channels, bool)
        stay[gone.get(layer.index, [])] = False
        partner = np.where(stay, np.cumsum(stay) - 1, -1)
        merged = np.full(layer.out_channels, -1)
        for (of_layer, index), merge in small.merges.items():
            if of_layer == layer.index:
                merged[index] = partner[merge.partner]
        pairs[layer.index] = KnownPairs(partner, merged, PLANNED)
    return pairs

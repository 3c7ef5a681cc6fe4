"""`Diagnosis.plan`: from what is asked for to a plan."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from filterscope.errors import NetError
from filterscope.scans.progress import ProgressBar, no_progress
from filterscope.surgery.choosing import Choice
from filterscope.surgery.plan import Plan, PlannedGroup
from filterscope.surgery.planning import FEWEST_MEASURED, OnProgress, Patient, asked_filters, batch_of, wilson
from filterscope.surgery.size import measure_sizes
from filterscope.surgery.smaller import SmallerNet
from filterscope.surgery.structure import check_removable
from filterscope.surgery.why import ASKED, LEAST_USED, WORDS, has_word, reason_of_group
from filterscope.verdicts.result.diagnosis import Diagnosis

MEASURED_IMAGES = 1000


def make_plan(
    diagnosis: Diagnosis,
    *,
    loss: float | None = None,
    keep: float | None = None,
    parameters: float | None = None,
    remove: Mapping[Any, Iterable[int] | int] | str | Sequence[str] | None = None,
    layers: Any = None,
    images: int = MEASURED_IMAGES,
    progress: bool | OnProgress = False,
) -> Plan:
    """See `Diagnosis.plan`."""
    _check_options(loss, keep, parameters, remove, images)
    patient = Patient.of(diagnosis, int(images))
    chosen_layers = patient.layer_indices(layers if layers is not None else _diagnosed(patient))
    bar = ProgressBar() if progress is True else None
    on_progress = bar or (progress if callable(progress) else no_progress)
    try:
        patient.check_measurable()
        groups, otherwise, notes = _groups(patient, chosen_layers, loss, keep, parameters, remove, on_progress)
        return plan_of(patient, groups, otherwise, notes, on_progress)
    finally:
        if bar is not None:
            bar.close()


def _diagnosed(patient: Patient) -> list[int]:
    return list(patient.diagnosis.examination.layers)


def _check_options(loss: Any, keep: Any, parameters: Any, remove: Any, images: Any) -> None:
    options = [
        name
        for name, value in (("loss", loss), ("keep", keep), ("parameters", parameters), ("remove", remove))
        if value is not None
    ]
    if len(options) != 1:
        raise ValueError(
            f"plan is given {' and '.join(options) or 'nothing'}; give one of loss= (nats by which the loss may rise), "
            "keep= (share of the filters that stays), parameters= (share of the parameters) and remove= (which filters)"
        )
    for name, value in (("keep", keep), ("parameters", parameters)):
        if value is not None and (not _is_number(value) or not 0 < value < 1):
            raise ValueError(f"{name} is {value!r}; give the share that stays, between 0 and 1, as {name}=0.5")
    if loss is not None and (not _is_number(loss) or loss < 0):
        raise ValueError(f"loss is {loss!r}; give by how many nats the mean loss may rise, 0 or more, as loss=0.01")
    if isinstance(images, bool) or not isinstance(images, Integral) or images < FEWEST_MEASURED:
        raise ValueError(
            f"images is {images!r}; give on how many images the cost is measured, {FEWEST_MEASURED} or more"
        )
    if remove is not None and not isinstance(remove, Mapping):
        words = [remove] if isinstance(remove, str) else list(remove)
        if not words or any(word not in WORDS for word in words):
            raise ValueError(
                f"remove is {remove!r}; give {{layer: [indices]}}, or of these words one or several: {', '.join(WORDS)}"
            )


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _groups(
    patient: Patient,
    layers: Sequence[int],
    loss: float | None,
    keep: float | None,
    parameters: float | None,
    remove: Any,
    on_progress: OnProgress,
) -> tuple[list[int], str, list[str]]:
    """The groups that go, why they go where no verdict says it, and what is to be said of the choice."""
    structure = patient.structure
    if isinstance(remove, Mapping):
        groups = asked_filters(patient, remove)
        check_removable(structure, groups)
        return groups, ASKED, []
    if remove is not None:
        return groups_by_word(patient, layers, [remove] if isinstance(remove, str) else list(remove))
    if not structure.removable(layers):
        reasons = {structure.groups[structure.group_of(layer, 0)].reason for layer in layers}
        raise NetError(f"no filter of these layers can be removed: each {'; or '.join(sorted(reasons))}")
    if keep is not None:
        choice = Choice(patient, layers, "filters", on_progress)
        had = sum(patient.runner.layers[layer].out_channels for layer in layers)
        groups = choice.filters(had - math.ceil(keep * had))
        left = had - sum(choice.filters_of[group] for group in groups)
        fell_short = left > math.ceil(keep * had)
        what = f"{left / had:.0%} of the filters, and not {keep:.0%}"
    elif parameters is not None:
        choice = Choice(patient, layers, "parameters", on_progress)
        groups = choice.parameters(int(parameters * choice.count.total))
        fell_short = choice.count.left > parameters * choice.count.total
        what = f"{choice.count.left / choice.count.total:.0%} of the parameters, and not {parameters:.0%}"
    else:
        choice = Choice(patient, layers, "parameters", on_progress)
        groups, fell_short, what = choice.loss(float(loss or 0)), False, ""
        if not groups:
            raise ValueError(f"no filter can go with a rise of the loss of at most {loss:g} nats; allow more")
    notes = [f"{what} stay: nothing else can be removed from these layers."] if fell_short else []
    return groups, LEAST_USED, notes


def groups_by_word(patient: Patient, layers: Sequence[int], words: Sequence[str]) -> tuple[list[int], str, list[str]]:
    """The groups in which a word holds of all filters whose maps something else takes."""
    structure, verdicts = patient.structure, patient.verdicts
    chosen, partly = [], 0
    for index, group in enumerate(structure.groups):
        known = [verdicts[each] for each in group.last if each in verdicts]
        inside = any(layer in layers for layer, _ in group.last)
        if not inside or len(known) < len(group.last):
            continue
        holds = [any(has_word(verdict, word) for word in words) for verdict in known]
        if all(holds) and not group.reason:
            chosen.append(index)
        elif any(holds):
            partly += 1
    notes = []
    if partly:
        notes.append(
            f"{partly} more groups have such a filter and stay: they cannot be removed, or other filters that would "
            "have to go with it are none."
        )
    chosen, kept = _leaving_one(patient, chosen)
    notes += kept
    if not chosen:
        raise ValueError(
            f"no filter that can be removed is {' or '.join(words)}; diagnosis.summary() says what there is"
        )
    return chosen, words[0], notes


def _leaving_one(patient: Patient, groups: list[int]) -> tuple[list[int], list[str]]:
    left = {layer.index: layer.out_channels for layer in patient.runner.layers}
    chosen, notes = [], []
    for group in groups:
        layers = [layer for layer, _ in patient.structure.groups[group].filters]
        empty = next((layer for layer in layers if left[layer] - layers.count(layer) < 1), None)
        if empty is not None:
            notes.append(f"one filter of {patient.name(empty)} stays, as a layer cannot be empty.")
            continue
        for layer in layers:
            left[layer] -= 1
        chosen.append(group)
    return chosen, list(dict.fromkeys(notes))


def plan_of(
    patient: Patient, groups: Sequence[int], otherwise: str, notes: Sequence[str], on_progress: OnProgress
) -> Plan:
    """The plan in which some groups go, its net made, checked and measured."""
    made: dict[str, SmallerNet] = {"bias": patient.smaller(groups, "bias")}
    small = made["bias"]

    def make(border: Any) -> SmallerNet:
        patient.check_weights()
        if border not in made:
            made[border] = patient.smaller(groups, border)
        return made[border]

    structure = patient.structure
    sizes = measure_sizes(patient.runner, {"before": None, "after": small.net}, batch_of(patient))
    cost = patient.cost(small.net, on_progress)
    gone = structure.filters_of(groups)
    touched = {patient.runner.layers[layer].name for layer in gone}
    planned = tuple(
        PlannedGroup(
            tuple((patient.name(layer), index) for layer, index in structure.groups[group].filters),
            reason_of_group(structure.groups[group], patient.verdicts, otherwise),
        )
        for group in groups
    )
    return Plan(
        groups=planned,
        left={
            patient.name(layer.index): (layer.out_channels - len(gone.get(layer.index, ())), layer.out_channels)
            for layer in patient.runner.layers
        },
        before=sizes["before"],
        after=sizes["after"],
        cost=cost,
        accuracy=None if cost is None else wilson(cost.accuracy_after, cost.images),
        difference=small.difference,
        notes=(*notes, *_notes(patient, small, len(touched))),
        fingerprint=patient.diagnosis.fingerprint,
        _make=make,
        _reinitialise=lambda seed: patient.begun_anew(groups, seed),
    )


def _notes(patient: Patient, small: SmallerNet, layers: int) -> list[str]:
    notes = [
        f"Chosen on {len(patient.chosen_on):,} images that the diagnosis saw; the cost was measured on "
        f"{len(patient.measured_on):,} others."
    ]
    if small.merges:
        duplicates = len(small.merges)
        notes.append(
            "One duplicate is computed from its partner."
            if duplicates == 1
            else f"{duplicates} duplicates are computed from their partners."
        )
    if small.inexact:
        where = ", ".join(small.inexact[:3]) + (f" and {len(small.inexact) - 3} more" if len(small.inexact) > 3 else "")
        notes.append(
            f"{where} pad with zeros, which the means do not reach: with one bias a filter the output differs from the "
            f"ablated net's by up to {small.border_difference:.2g} of its range. The cost above is that of this net; "
            "apply(border='map') is exact."
        )
    if small.gained:
        notes.append(f"{len(small.gained)} modules gain a bias, {small.gained[0]} say, in which the means are kept.")
    if patient.structure.unused:
        modules = dict.fromkeys(name.rpartition(".")[0] for name in patient.structure.unused)
        notes.append(
            f"{', '.join(list(modules)[:3])}{' and more' if len(modules) > 3 else ''} did not run in the pass, so they "
            "are as they were, and may not fit what is smaller now."
        )
    return notes

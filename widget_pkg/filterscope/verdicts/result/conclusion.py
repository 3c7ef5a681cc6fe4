"""From an examination's sums to verdicts; can be drawn at any moment, also of a part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from filterscope.nets.layers import ConvLayer
from filterscope.verdicts.ablation.ablation import LayerAblation, Rise
from filterscope.verdicts.ablation.losses import Knowledge
from filterscope.verdicts.ablation.use import FEWEST_IMAGES, WITHHELD, Use, gate, judge_use
from filterscope.verdicts.activations.duplicates import Pair, find_mirrors
from filterscope.verdicts.activations.state import LIVE, UNKNOWN, State, judge_state
from filterscope.verdicts.activations.statistics import LayerStatistics
from filterscope.verdicts.result.diagnosis import Diagnosis
from filterscope.verdicts.result.verdict import FilterVerdict
from filterscope.verdicts.run.examination import Examination
from filterscope.verdicts.weights.naming import Pattern, name_patterns
from filterscope.verdicts.weights.structure import Structure, judge_structure

_MERGE_COST = 0.01  # of the loss of guessing: what one map for both may cost at most


def conclude(examination: Examination, complete: bool, ablation: bool, fingerprint: str) -> Diagnosis:
    """Judges every filter by what was seen so far."""
    filters: list[FilterVerdict] = []
    for index in examination.wanted:
        filters += _layer(examination, index, ablation)
    return Diagnosis(
        filters=tuple(filters),
        images=examination.images,
        ablated=max((rise.images for one in examination.ablations.values() for rise in one.rises), default=0),
        complete=complete,
        knowledge=_knowledge(examination),
        notes=_notes(examination, complete),
        fingerprint=fingerprint,
        examination=examination,
    )


def layer_title(layer: ConvLayer) -> str:
    """A layer's name, with its call where the net calls it again."""
    return f"{layer.name} (call {layer.call})" if layer.call else layer.name


def _layer(examination: Examination, index: int, ablation: bool) -> list[FilterVerdict]:
    layer, kernels = examination.runner.layers[index], examination.runner.layers[index].kernels
    structures, patterns = examination.from_weights(index, judge_structure, name_patterns)
    seen = examination.statistics.get(index)
    states, uses, pairs, mirrors = _from_data(examination, index, ablation)
    names = examination.class_names()
    ablated = examination.ablations.get(index)
    estimates = np.full(len(kernels), np.nan) if seen is None else seen.estimate
    ranks = _ranks(uses, estimates) if not gate(examination.knowledge) else [None] * len(kernels)
    found = []
    for k in range(len(kernels)):
        evidence = _Evidence(structures[k], patterns[k], states[k], uses[k], pairs.get(k), mirrors.get(k), ranks[k])
        found.append(_filter(layer, k, evidence, seen, ablated, examination, names))
    return found


def _ranks(uses: list[Use], estimates: np.ndarray) -> list[int | None]:
    """Each filter's place, 1 for the most, by what was measured of all of them or else by the estimate."""
    values = np.array([use.delta_loss for use in uses])
    if np.isnan(values).any():
        values = estimates
    if np.isnan(values).any():
        return [None] * len(values)
    places = np.empty(len(values), int)
    places[np.argsort(-values, kind="stable")] = np.arange(1, len(values) + 1)
    return [int(place) for place in places]


def _from_data(
    examination: Examination, index: int, ablation: bool
) -> tuple[list[State], list[Use], dict[int, Pair], dict[int, int]]:
    kernels = examination.runner.layers[index].kernels
    count = len(kernels)
    seen = examination.statistics.get(index)
    if seen is None:
        why = examination.not_seen.get(index, "no image was seen")
        return [State(UNKNOWN, why)] * count, [Use(WITHHELD, reason=why)] * count, {}, {}
    states = judge_state(seen)
    held = examination.ablations.get(index)
    uses = judge_use(held, examination.knowledge)
    if isinstance(uses, Use):
        closed = gate(examination.knowledge)
        if held is None and not closed and not ablation:
            uses = Use(WITHHELD, reason="ablation=False, and an estimate ranks filters but decides nothing")
        uses = [uses] * count
    pairs = {pair.filter: pair for pair in examination.pairs(index) if _confirmed(pair, held, examination.knowledge)}
    live = np.array([state.verdict == LIVE for state in states])
    return states, uses, pairs, find_mirrors(kernels, live, examination.runner.layers[index].groups)


def _confirmed(pair: Pair, ablation: LayerAblation | None, knowledge: Knowledge | None) -> bool:
    """Whether one map for both costs next to nothing, where that was measured."""
    rise = _merge(pair, ablation)
    if rise is None or knowledge is None or rise.images < FEWEST_IMAGES:
        return True
    return rise.mean <= _MERGE_COST * knowledge.guessing()


def _merge(pair: Pair | None, ablation: LayerAblation | None) -> Rise | None:
    return None if pair is None or ablation is None else ablation.merged.get((pair.filter, pair.partner))


@dataclass(frozen=True)
class _Evidence:
    structure: Structure
    pattern: Pattern
    state: State
    use: Use
    pair: Pair | None
    mirror: int | None
    rank: int | None


def _filter(
    layer: ConvLayer,
    index: int,
    evidence: _Evidence,
    seen: LayerStatistics | None,
    ablation: LayerAblation | None,
    examination: Examination,
    names: list[str],
) -> FilterVerdict:
    structure, pattern, state, use = evidence.structure, evidence.pattern, evidence.state, evidence.use
    pair = evidence.pair
    merged = _merge(pair, ablation)
    most, least = _extremes(None if seen is None else seen.class_mean[:, index], names)
    hurts, rise = _hurts(ablation, index, names)
    match = pattern.match
    return FilterVerdict(
        layer=layer_title(layer),
        filter=index,
        structure=structure.verdict,
        p_structured=structure.p_structured,
        p_noise=structure.p_noise,
        noise_score=structure.noise_score,
        state=state.verdict,
        duplicate_of=None if pair is None else pair.partner,
        mirror_of=evidence.mirror,
        use=use.verdict,
        taylor=float(seen.taylor[index] / seen.taylor_images) if seen is not None and seen.taylor_images else np.nan,
        estimate=np.nan if seen is None else float(seen.estimate[index]),
        rank=evidence.rank,
        delta_loss=use.delta_loss,
        ci_low=use.ci_low,
        ci_high=use.ci_high,
        share=use.share,
        template=None if match is None else match.template,
        name=pattern.name,
        match=np.nan if match is None else match.match,
        p_match=np.nan if match is None else match.p_family,
        p_template=np.nan if match is None else match.p_template,
        one_pattern=pattern.shared if match is not None else np.nan,
        runner_up=None if match is None else match.runner_up,
        times_likelier=np.nan if match is None else match.times_likelier,
        fires=float(seen.fired_images[index] / seen.images) if seen is not None and seen.images else np.nan,
        drives_most=most if state.verdict == LIVE else None,
        drives_least=least if state.verdict == LIVE else None,
        hurts_most=hurts,
        class_rise=rise,
        correlation=np.nan if pair is None else pair.correlation,
        merge_cost=np.nan if merged is None else merged.mean,
        images=0 if seen is None else seen.images,
        ablated=use.images,
        structure_reason=structure.reason,
        state_reason=state.reason,
        use_reason=use.reason,
        name_reason=pattern.reason,
        labelled=bool(examination.labelled),
    )


def _extremes(means: np.ndarray | None, names: list[str]) -> tuple[str | None, str | None]:
    if means is None or (~np.isnan(means)).sum() < 2:
        return None, None
    return names[int(np.nanargmax(means))], names[int(np.nanargmin(means))]


def _hurts(ablation: LayerAblation | None, index: int, names: list[str]) -> tuple[str | None, float]:
    """The class whose loss rises most without a filter, and by how much."""
    if ablation is None:
        return None, np.nan
    means = {number: ablation.of_class(number, index).mean for number in sorted(ablation.by_class)}
    rising = {number: mean for number, mean in means.items() if mean > 0}
    if not rising:
        return None, np.nan
    worst = max(rising, key=rising.__getitem__)
    return names[worst], rising[worst]


def _knowledge(examination: Examination) -> str:
    images = f"{examination.images:,} image{'s' * (examination.images != 1)}"
    known = examination.knowledge
    closed = gate(known)
    if known is None or not known.images:
        return f"{images} seen. Use is withheld: {closed}."
    if known.outputs is not None:
        start = f"{images} seen, without labels: use goes by the net's own output, which tells them apart by "
        start += f"{known.nats()[0]:.3g} nats"
    else:
        start = (
            f"{images} seen. Loss {known.mean_loss:.3g}; that of guessing, always giving the shares of the classes, "
        )
        start += f"{known.guessing():.3g}"
    return f"{start}." if not closed else f"{start}. Use is withheld: {closed}."


def _notes(examination: Examination, complete: bool) -> tuple[str, ...]:
    notes = []
    if not complete:
        notes.append("It was stopped early; the figures are exact for the images seen. Go on with resume=.")
    if examination.unreadable:
        notes.append(f"{examination.unreadable} samples could not be read and are left out.")
    if examination.knowledge is not None and examination.knowledge.left_out:
        notes.append(f"{examination.knowledge.left_out} images gave a NaN or infinite loss and are left out of use.")
    if examination.refused:
        notes.append(f"{examination.refused}.")
    if examination.no_gradient and examination.knowledge is not None:
        notes.append(f"No Taylor estimate: {examination.no_gradient}.")
    spoilt = max((one.left_out for one in examination.statistics.values()), default=0)
    if spoilt:
        notes.append(
            f"Up to {spoilt} images gave NaN or infinite activations and are left out of that layer's figures."
        )
    return tuple(notes)

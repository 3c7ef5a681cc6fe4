"""From an examination's sums to verdicts; can be drawn at any moment, also of a part."""

from __future__ import annotations

from filterscope.nets.layer_choice import layer_title
from filterscope.scans.sampling import one_at_a_time_note
from filterscope.verdicts.ablation.losses import Knowledge
from filterscope.verdicts.ablation.scoring import ScoreKnowledge
from filterscope.verdicts.ablation.use import gate
from filterscope.verdicts.axes.layer import LayerEvidence
from filterscope.verdicts.examination import Examination
from filterscope.verdicts.result.diagnosis import Diagnosis
from filterscope.verdicts.result.layer_use import layer_use
from filterscope.verdicts.result.verdict import AXES, FilterVerdict

_MANY = 4000  # images: with fewer, few ablations tell less than 1,000 do


def conclude(examination: Examination, complete: bool, ablation: bool, fingerprint: str) -> Diagnosis:
    """Judges every filter by what was seen so far.

    Args:
        examination: The sums.
        complete: Whether all that was asked for was done.
        ablation: Whether ablation was asked for.
        fingerprint: Of the net's weights.
    """
    filters = [verdict for index in examination.layers for verdict in judge_layer(examination, index, ablation)]
    ablated = [rise.images for layer in examination.ablations.values() for rise in layer.rises]
    ablated += [rise.images for layer in examination.sampled.values() for rise in layer.rises]
    return Diagnosis(
        filters=tuple(filters),
        images=examination.images,
        ablated=max(ablated, default=0),
        complete=complete,
        knowledge=_knowledge(examination),
        notes=_notes(examination, complete),
        fingerprint=fingerprint,
        examination=examination,
        layer_uses={
            layer_title(evidence.layer): layer_use(evidence)
            for evidence in (LayerEvidence(examination, index, ablation) for index in examination.layers)
        },
    )


def judge_weights(examination: Examination, index: int) -> None:
    """Judges what a layer's weights alone say, which takes long and is kept for every conclusion that follows."""
    for axis in AXES:
        if axis.from_weights is not None:
            examination.from_weights(index, axis.from_weights)


def judge_layer(examination: Examination, index: int, ablation: bool) -> list[FilterVerdict]:
    """Judges each filter of a layer on each axis."""
    evidence = LayerEvidence(examination, index, ablation)
    answers = zip(*(axis.judge(evidence) for axis in AXES), strict=True)
    return [
        FilterVerdict(
            layer=layer_title(evidence.layer),
            filter=number,
            images=evidence.images,
            **{name: value for answer in of_filter for name, value in vars(answer).items()},
        )
        for number, of_filter in enumerate(answers)
    ]


def _knowledge(examination: Examination) -> str:
    images = f"{examination.images:,} image{'s' * (examination.images != 1)}"
    knowledge = examination.knowledge
    reason = gate(knowledge)
    if knowledge is None or not knowledge.images:
        return f"{images} seen. Use is withheld: {reason}."
    if isinstance(knowledge, ScoreKnowledge):
        start = f"{images} seen{'' if knowledge.labelled else ', without labels'}: {knowledge.in_words()}"
    elif not knowledge.labelled:
        tells_apart = f"use goes by the net's own output, which tells them apart by {knowledge.learned()[0]:.3g} nats"
        start = f"{images} seen, without labels: {tells_apart}"
    else:
        guessing = f"that of guessing, always giving the shares of the classes, {knowledge.guessing():.3g}"
        start = f"{images} seen. Loss {knowledge.mean_loss:.3g}; {guessing}"
    return f"{start}. Use is withheld: {reason}." if reason else f"{start}."


def _notes(examination: Examination, complete: bool) -> tuple[str, ...]:
    notes = []
    if not complete:
        cut = f"{examination.cut.rstrip('.')}." if examination.cut else ""
        notes.append(cut or "It was stopped early; the figures are exact for the images seen. Go on with resume=.")
    notes += _use_notes(examination)
    if examination.unreadable:
        cause = f" The first: {examination.unreadable_cause}." if examination.unreadable_cause else ""
        notes.append(f"{examination.unreadable} samples could not be read and are left out.{cause}")
    if examination.knowledge is not None and examination.knowledge.left_out:
        notes.append(f"{examination.knowledge.left_out} images gave a NaN or infinite loss and are left out of use.")
    if note := one_at_a_time_note(examination.runner):
        notes.append(note)
    if examination.refused:
        notes.append(f"{examination.refused}.")
    if examination.no_gradient and isinstance(examination.knowledge, Knowledge):
        notes.append(f"No Taylor estimate: {examination.no_gradient}.")
    not_finite = max((statistics.left_out for statistics in examination.statistics.values()), default=0)
    if not_finite:
        notes.append(
            f"Up to {not_finite} images gave NaN or infinite activations and are left out of that layer's figures."
        )
    return tuple(notes)


def _use_notes(examination: Examination) -> list[str]:
    """How use was measured, where each filter was ablated on a few images only."""
    if examination.ablations or not examination.sampled:
        return []
    images = max((rise.images for layer in examination.sampled.values() for rise in layer.rises), default=0)
    if not images:
        return []
    linearised = max(examination.linearised(layer).images for layer in examination.sampled)
    if not linearised:
        return [f"Use: each filter was removed on {images} images alone; ablation='all' takes all of them."]
    notes = [
        f"Use: each filter was removed on {images} images; what gradients say of {linearised:,} images and, less "
        f"exactly, of all {examination.images:,} tells the rest."
    ]
    if examination.images < _MANY:
        notes.append(
            "More labelled images would tell more: gradients take little time, and it is their number that decides."
        )
    return notes

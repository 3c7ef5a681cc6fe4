"""One filter's verdicts with their evidence: the table of the axes, and the columns that they fill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from filterscope.verdicts.axes.axis import Axis
from filterscope.verdicts.axes.drive import DRIVE
from filterscope.verdicts.axes.duplicate import DUPLICATE
from filterscope.verdicts.axes.pattern import PATTERN
from filterscope.verdicts.axes.start import START
from filterscope.verdicts.axes.state import STATE
from filterscope.verdicts.axes.structure import STRUCTURE
from filterscope.verdicts.axes.training import TRAINING
from filterscope.verdicts.axes.use import USE

AXES: tuple[Axis[Any], ...] = (STRUCTURE, STATE, DUPLICATE, TRAINING, START, USE, PATTERN, DRIVE)
"""Every question that a verdict answers, in the order in which a sentence, a summary and a table say them."""


@dataclass(frozen=True)
class FilterVerdict:
    """What is known of one filter. Structure and use are separate questions; neither follows from the other.

    Numbers that were not measured are NaN, indices and words None.

    Attributes:
        layer: The layer's name, with `(call 1)` where the net calls it again.
        filter: Its index in the layer.
        structure: `"structured"`, `"noise-like"` or `"can't tell"`, from the weights alone.
        p_structured: How often a random direction looks as structured.
        p_noise: How often a filter that has what the layer's filters share fits it as badly.
        noise_score: The higher, the more like noise.
        training: `"pulled"` or `"can't tell"`, from the layer's input on these images: whether training pulled on it.
            Labels drawn at random and learned by heart pull as well, so it promises no pattern of the world.
        p_training: How often a random filter over the same input looks as much along what varies in it.
        start: `"left its start"`, `"only scaled"`, `"never left its start"`, `"can't tell"`, or `"not given"` without
            `start=`.
        start_distance: Its distance from the start, over the start's length.
        start_share: Its distance over the root mean square of those of the layer's filters.
        state: `"live"`, `"dead"`, `"constant"` or `"can't tell"`.
        duplicate_of: The earlier filter of the layer whose map carries the same information; None where there is none.
        mirror_of: The filter with these weights and the opposite sign; None where there is none.
        use: `"used"`, `"harmful"`, `"no measurable use"` or `"withheld"`.
        taylor: Mean over images of |Σ activation · ∂loss/∂activation|: an estimate that ranks.
        estimate: Root mean square over images of Σ (mean − activation) · ∂loss/∂activation: to first order what
            replacing its map by its mean does to an image's loss, in nats. It ranks better than `taylor`, which stands
            for a map of zeros.
        estimated_rise: Mean rise of the loss where its map is replaced by its mean, in nats, estimated from gradients
            alone: the rise on linearised logits. NaN where the net has not learned.
        rank: Its place in the layer by what the net loses without it, 1 the most: by `delta_loss` where all of the
            layer were ablated, else by `estimate`; None where the net has not learned.
        delta_loss: Mean rise of the loss where the filter's map is replaced by its mean, in nats an image; without
            labels, the divergence of the net's output.
        ci_low: Lower end of its 95 % interval.
        ci_high: Upper end.
        share: The rise as a share of what the net knows.
        template: Family of the best template.
        name: What it looks for, in plain words, or `"no simple pattern"`.
        match: Share of the common spatial pattern's energy that the template explains.
        p_match: Share of random kernels that match this family as well.
        p_template: Share of random kernels that match any family as unexpectedly well.
        one_pattern: Share of the filter's energy in one spatial pattern for all its channels.
        runner_up: The other family that explains most.
        times_likelier: How many times likelier `template` is than the runner-up; below 3 there is no plain name.
        fires: Share of images in which it is above 0 somewhere.
        drives_most: The class on whose images its mean activation is highest.
        drives_least: The class on whose images its mean activation is lowest.
        hurts_most: The class whose loss rises most without the filter.
        class_rise: By how much that class's loss rises, in nats.
        correlation: Correlation of its map with that of `duplicate_of`.
        merge_cost: Mean rise of the loss where its map is computed from that of `duplicate_of`.
        images: Images seen.
        ablated: Images on which it was ablated.
        structure_reason: Why structure cannot be told.
        training_reason: Why it cannot be told from the input whether training pulled on it.
        start_reason: Why it cannot be told how far it went from its start.
        state_reason: What was seen of a filter that is not live, or why its state cannot be told.
        use_reason: Why use is withheld.
        name_reason: Why it has no template or no plain name.
        labelled: Whether `use` goes by the labels; else it goes by the net's own output.
        score: The score that `use` goes by, where that is not the loss of classes; then `delta_loss` and its interval
            are by how much it falls.

    Example:
        >>> from filterscope import demo, diagnose
        >>> net, data = demo.fashion_net(), demo.fashion_test_data()
        >>> diagnosis = diagnose(net, data, images=100, ablation=False, progress=False)
        >>> verdict = diagnosis.of_layer("conv2")[11]
        >>> verdict.structure, verdict.state
        ('noise-like', 'dead')
    """

    layer: str
    filter: int
    structure: str
    p_structured: float
    p_noise: float
    noise_score: float
    training: str
    p_training: float
    start: str
    start_distance: float
    start_share: float
    state: str
    duplicate_of: int | None
    mirror_of: int | None
    use: str
    taylor: float
    estimate: float
    estimated_rise: float
    rank: int | None
    delta_loss: float
    ci_low: float
    ci_high: float
    share: float
    template: str | None
    name: str | None
    match: float
    p_match: float
    p_template: float
    one_pattern: float
    runner_up: str | None
    times_likelier: float
    fires: float
    drives_most: str | None
    drives_least: str | None
    hurts_most: str | None
    class_rise: float
    correlation: float
    merge_cost: float
    images: int
    ablated: int
    structure_reason: str
    training_reason: str
    start_reason: str
    state_reason: str
    use_reason: str
    name_reason: str
    labelled: bool
    score: str = ""

    def row(self) -> dict[str, Any]:
        """All attributes by name, and `sentence`, as a dictionary."""
        return {field.name: getattr(self, field.name) for field in fields(self)} | {"sentence": self.sentence}

    @property
    def sentence(self) -> str:
        """The verdicts in plain words."""
        return " ".join(filter(None, (axis.sentence(axis.of(self)) for axis in AXES)))


COLUMNS = tuple(field.name for field in fields(FilterVerdict))
COUNTS = tuple(field.name for field in fields(FilterVerdict) if field.type == "int | None")
"""Columns of whole numbers in which some are missing."""
BADGE = tuple(name for axis in AXES for name in axis.badge)
"""Columns that the grid shows and is sorted by."""


def summaries(filters: Sequence[FilterVerdict]) -> list[str]:
    """What stands out of a layer, axis by axis, each as a few words."""
    return [words for axis in AXES for words in axis.summary([axis.of(verdict) for verdict in filters])]

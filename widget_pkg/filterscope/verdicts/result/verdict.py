"""One filter's verdicts with their evidence, as a row of numbers and as a sentence."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from filterscope.verdicts.ablation.use import HARMFUL, NO_USE, USED, WITHHELD
from filterscope.verdicts.activations.state import LIVE
from filterscope.verdicts.chance import per_100
from filterscope.verdicts.weights.naming import NO_PATTERN
from filterscope.verdicts.weights.structure import CANT_TELL, STRUCTURED


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
        state: `"live"`, `"dead"`, `"constant"` or `"can't tell"`.
        duplicate_of: The earlier filter of the layer whose map carries the same information; None where there is none.
        mirror_of: The filter with these weights and the opposite sign; None where there is none.
        use: `"used"`, `"harmful"`, `"no measurable use"` or `"withheld"`.
        taylor: Mean over images of |Σ activation · ∂loss/∂activation|: an estimate that ranks.
        estimate: Root mean square over images of Σ (mean − activation) · ∂loss/∂activation: to first order what
            replacing its map by its mean does to an image's loss, in nats. It ranks better than `taylor`, which stands
            for a map of zeros.
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
        state_reason: What was seen of a filter that is not live, or why its state cannot be told.
        use_reason: Why use is withheld.
        name_reason: Why it has no template or no plain name.
        labelled: Whether `use` goes by the labels; else it goes by the net's own output.

    Example:
        >>> from filterscope import demo, diagnose
        >>> found = diagnose(demo.fashion_net(), demo.fashion_test_data(), images=100, ablation=False, progress=False)
        >>> verdict = found.of_layer("conv2")[11]
        >>> verdict.structure, verdict.state
        ('noise-like', 'dead')
    """

    layer: str
    filter: int
    structure: str
    p_structured: float
    p_noise: float
    noise_score: float
    state: str
    duplicate_of: int | None
    mirror_of: int | None
    use: str
    taylor: float
    estimate: float
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
    state_reason: str
    use_reason: str
    name_reason: str
    labelled: bool

    def row(self) -> dict[str, Any]:
        """All attributes by name, and `sentence`, as a dictionary."""
        return {field.name: getattr(self, field.name) for field in fields(self)} | {"sentence": self.sentence}

    @property
    def sentence(self) -> str:
        """The verdicts in plain words."""
        parts = [self._structure(), self._state(), self._use(), self._looks()]
        return " ".join(part for part in parts if part)

    def _structure(self) -> str:
        if self.structure == STRUCTURED:
            return f"Structured: {per_100(self.p_structured)} in 100 random filters look so."
        if self.structure == CANT_TELL:
            return f"Structured or noise: can't tell; {self.structure_reason}."
        return (
            f"Noise-like: it differs from what the layer's filters share ({per_100(self.p_noise)} in 100 of such would "
            f"differ as much), and {per_100(self.p_structured)} in 100 random filters look as structured."
        )

    def _state(self) -> str:
        said = f"{self.state.capitalize()}: {self.state_reason}." if self.state != LIVE else ""
        if self.duplicate_of is not None:
            said += f" Says the same as filter {self.duplicate_of} (correlation {self.correlation:.3f}"
            cost = "" if np.isnan(self.merge_cost) else f"; one for both changes the loss by {signed(self.merge_cost)}"
            said += f"{cost})."
        if self.mirror_of is not None:
            said += f" Its weights are those of filter {self.mirror_of} turned negative."
        return said.strip()

    def _use(self) -> str:
        if self.use == WITHHELD:
            place = f" By the estimate it has place {self.rank} in its layer." if self.rank is not None else ""
            return f"Use withheld: {self.use_reason}.{place}"
        span = f"95 %: {signed(self.ci_low)} to {signed(self.ci_high)}, {self.ablated:,} images"
        what = "the loss changes by" if self.labelled else "no labels: the net's output moves by"
        measured = f"without it {what} {signed(self.delta_loss)} nats ({span})"
        if self.use == NO_USE:
            return f"No measurable use: {measured}."
        said = f"{self.use.capitalize()}: {measured}, {abs(self.share):.1%} of what the net knows"
        if self.use in (USED, HARMFUL) and self.hurts_most is not None:
            said += f"; most for {self.hurts_most} ({signed(self.class_rise)})"
        return f"{said}."

    def _looks(self) -> str:
        said = ""
        if self.name == NO_PATTERN:
            said = f"No simple pattern; nearest: {self.template}, {self.match:.0%}, and {per_100(self.p_match)} in 100 "
            said += f"random kernels match it as well; {self.name_reason}."
        elif self.name is not None:
            said = (
                f"Looks for: {self.name} ({self.match:.0%}; {per_100(self.p_match)} in 100 random kernels match it as "
            )
            said += "well)."
        if self.state == LIVE and not np.isnan(self.fires):
            said += f" Fires in {self.fires:.0%} of the images"
            if self.drives_most is not None:
                said += f", most for {self.drives_most}, least for {self.drives_least}"
            said += "."
        return said.strip()


def signed(value: float, digits: int = 3) -> str:
    """`+0.0123`, `−0.5`, `0`."""
    return f"{value:+.{digits}g}".replace("-", "−") if value else "0"

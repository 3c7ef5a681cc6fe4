"""Without some filters: what the net says when their maps are replaced, for one image and over many; and in words."""

from __future__ import annotations

from dataclasses import dataclass

from filterscope.verdicts.ablation.ablation import Replacement
from filterscope.verdicts.ablation.effect_table import Effect, Estimate


@dataclass(frozen=True, eq=False)
class Without:
    """The net with the maps of some filters replaced; the net itself is never changed.

    Attributes:
        layer: The layer's name.
        filters: Which filters are left out.
        replaced_by: `"mean"` or `"zero"`: what every value of their maps is replaced by.
        values: The number that replaced each filter's map.
        mean_images: Over how many images the means were taken; 0 for zero.
        image: The image of the prediction.
        before: The net's classes with their probabilities, best first; empty where it gives no score a class.
        after: The classes with their probabilities without the filters, best first.
        effect: What the net loses over many images; None where it was not asked for.
        tells: What the net's output is: `"classes"`; `"boxes"`, of which `before` and `after` have each object's class
            and score; `"masks"`, of which they have each class's share of the pixels; or `"embedding"`.
        notes: What was left out of the means, sentences: samples that cannot be read, images that the net refuses.

    Example:
        >>> from filterscope import Explorer, demo
        >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
        >>> without = explorer.without([3, 5], layer="conv1", replaced_by="zero")
        >>> without.layer, without.filters, without.values, without.before[0][0]
        ('conv1', (3, 5), (0.0, 0.0), 'Ankle boot')
    """

    layer: str
    filters: tuple[int, ...]
    replaced_by: Replacement
    values: tuple[float, ...]
    mean_images: int
    image: int
    before: list[tuple[str | int, float]]
    after: list[tuple[str | int, float]]
    effect: Effect | None = None
    notes: tuple[str, ...] = ()
    tells: str = "classes"

    def __str__(self) -> str:
        filters = ", ".join(map(str, self.filters))
        by = "zero" if self.replaced_by == "zero" else f"their means over {self.mean_images:,} images"
        lines = [f"{self.layer} without filter{'s' * (len(self.filters) > 1)} {filters}, replaced by {by}"]
        if self.tells == "boxes" or (self.tells == "masks" and self.before):
            lines.append(f"image {self.image}: {self._several(self.before)} → {self._several(self.after)}")
        elif self.before and self.after:
            lines.append(f"image {self.image}: {_best(self.before)} → {_best(self.after)}")
        else:
            lines.append(f"image {self.image}: the net's output is not one score a class")
        if self.notes:
            lines.append(f"means: {' '.join(self.notes)}")
        if self.effect is not None:
            lines += _effect_lines(self.effect)
        return "\n".join(lines)

    def _several(self, prediction: list[tuple[str | int, float]]) -> str:
        most = ", ".join(f"{name} {share:.1%}" for name, share in prediction[:3])
        if self.tells == "masks":
            return most
        count = f"{len(prediction)} object{'s' * (len(prediction) != 1)}" if prediction else "no object"
        return f"{count} ({most})" if most else count

    __repr__ = __str__


def _best(prediction: list[tuple[str | int, float]]) -> str:
    return f"{prediction[0][0]} {prediction[0][1]:.1%}"


def _effect_lines(effect: Effect) -> list[str]:
    right = "right" if effect.labelled else "as the intact net says"
    change = effect.accuracy_change
    lines = [
        f"{effect.images:,} images: {effect.accuracy_before:.1%} → {effect.accuracy_after:.1%} {right}, "
        f"{_points(change)}",
        _loss_line(effect),
    ]
    lines += effect.notes
    worst_first = sorted(effect.classes, key=lambda each: each.accuracy_change.value)
    return lines + [f"  {each.name}: {_points(each.accuracy_change)}, {each.images:,} images" for each in worst_first]


def _loss_line(effect: Effect) -> str:
    if not effect.score:
        return f"loss {effect.loss_before:.4g} → {effect.loss_after:.4g}, {effect.loss_change}"
    fall = effect.loss_change
    change = Estimate(-fall.value, -fall.high, -fall.low)
    return f"{effect.score} {-effect.loss_before:.4g} → {-effect.loss_after:.4g}, {change}"


def _points(change: Estimate) -> str:
    points = f"{100 * change.value:+.1f} points (95 %: {100 * change.low:+.1f} … {100 * change.high:+.1f})"
    return points.replace("-", "−")

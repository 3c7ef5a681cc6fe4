"""A plan: which filters go, why, what that saves and what it costs; and the net without them."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape

from torch import nn

from filterscope.surgery.cutting import BORDERS, Border
from filterscope.surgery.size import Size
from filterscope.surgery.smaller import SmallerNet
from filterscope.verdicts.ablation.effect_table import Effect, Estimate


@dataclass(frozen=True)
class PlannedGroup:
    """Filters that go together or not at all.

    Attributes:
        filters: Each as the layer's name and its index.
        why: `"dead"`, `"constant"`, `"duplicate of 7"`, `"harmful"`, `"no measurable use"`, `"least used"` or
            `"asked for"`.

    Example:
        >>> str(PlannedGroup((("conv1", 3), ("conv2", 3)), "dead"))
        'conv1 3 + conv2 3 (dead)'
    """

    filters: tuple[tuple[str, int], ...]
    why: str

    def __str__(self) -> str:
        return " + ".join(f"{layer} {index}" for layer, index in self.filters) + f" ({self.why})"


@dataclass(frozen=True, eq=False)
class Plan:
    """Which filters of a net go, why, what that saves, and what it costs on images that were not used to choose.

    Attributes:
        groups: The filters that go, those together that can only go together.
        left: For each layer how many filters it keeps and had.
        before: Size of the net.
        after: Size of the net that `apply()` gives.
        cost: What it costs: accuracy and loss of the net that `apply()` gives beside those of the net, on images that
            were not used to choose. None where the net's output is not one score a class.
        accuracy: Its accuracy with a 95 % interval (Wilson's), or None.
        difference: By how much its output differs from that of the ablated net, as a share of the output's range.
        notes: What else there is to know, sentences.
        fingerprint: Stands for the weights of the net that it is for.

    Example:
        >>> from filterscope import demo, diagnose
        >>> net, data = demo.fashion_net(), demo.fashion_test_data()
        >>> found = diagnose(net, data, images=200, ablation=False, progress=False)
        >>> plan = found.plan(remove={"conv2": [3, 11]})
        >>> plan.apply().conv2
        Conv2d(10, 18, kernel_size=(3, 3), stride=(1, 1))
    """

    groups: tuple[PlannedGroup, ...]
    left: Mapping[str, tuple[int, int]]
    before: Size
    after: Size
    cost: Effect | None
    accuracy: Estimate | None
    difference: float
    notes: tuple[str, ...]
    fingerprint: str
    _make: Callable[[Border], SmallerNet] = field(repr=False)
    _reinitialise: Callable[[int], nn.Module] = field(repr=False)

    @property
    def filters(self) -> dict[str, tuple[int, ...]]:
        """Indices of the filters that go, by layer."""
        gone: dict[str, list[int]] = {}
        for group in self.groups:
            for layer, index in group.filters:
                gone.setdefault(layer, []).append(index)
        return {layer: tuple(sorted(indices)) for layer, indices in gone.items()}

    def apply(self, border: Border = "bias") -> nn.Module:
        """The smaller net: of the same class, with smaller layers, in eval mode. The net itself stays as it is.

        What a removed map's mean adds to the layers behind it is folded into their biases or batch norms. That is exact
        but where one of them pads with zeros, which the mean does not reach: `notes` say where, and by how much the
        output differs there.

        Args:
            border: `"bias"`: at such a place the mean over positions goes into the bias. `"map"`: the layer gains a
                buffer with a bias for each position, which is exact, for images of this size alone.

        Raises:
            ValueError: If `border` is none of these, or the net's weights are others than the diagnosis saw.
            NetError: If the net cannot be cut there, or the smaller net would compute something else.
        """
        if border not in BORDERS:
            raise ValueError(f"border is {border!r}; choose 'bias' or 'map'")
        return copy.deepcopy(self._make(border).net)

    def reinitialise(self, seed: int = 0) -> nn.Module:
        """The net with these filters begun anew, for further training, in place of removing them.

        Their weights are drawn as when a module is made, and what follows takes nothing of them at first, so the net
        computes what the smaller one does (Sokar et al. 2023, ReDo). On small nets it did not help:
        `tests/benchmarks/reinitialise.py`.

        Args:
            seed: Of the random numbers; those of the caller stay as they are.

        Raises:
            ValueError: If the net's weights are others than the diagnosis saw.
        """
        return self._reinitialise(seed)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(layer)}</td><td style='text-align:right'>{kept} of {had}</td>"
            f"<td style='text-align:left'>{escape(self._which(layer))}</td></tr>"
            for layer, (kept, had) in self.left.items()
            if kept < had
        )
        head = "<tr><th>layer</th><th>filters kept</th><th style='text-align:left'>which go</th></tr>"
        lines = "".join(f"<p>{escape(line)}</p>" for line in self._lines(layers=False))
        return f"<div>{lines}<table>{head}{rows}</table></div>"

    def _which(self, layer: str) -> str:
        return ", ".join(map(str, self.filters.get(layer, ())))

    def _lines(self, layers: bool = True) -> list[str]:
        count = sum(len(group.filters) for group in self.groups)
        together = sum(len(group.filters) > 1 for group in self.groups)
        why = Counter(group.why.partition(" of ")[0] for group in self.groups)
        reasons = ", ".join(f"{number} {word}" for word, number in why.most_common())
        lines = [
            f"{count:,} {'filter goes' if count == 1 else 'filters go'} ({reasons})"
            + (f", in {len(self.groups):,} groups; {together:,} of them have to go together" if together else "")
        ]
        if layers:
            lines += [
                f"  {layer}: {kept} of {had} filters stay; without {self._which(layer)}"
                for layer, (kept, had) in self.left.items()
                if kept < had
            ]
        lines += [
            f"parameters {self.before.parameters:,} → {self.after.parameters:,} "
            f"({self.after.parameters / self.before.parameters:.1%})",
            f"multiply-adds {self.before.multiply_adds:,} → {self.after.multiply_adds:,} "
            f"({self.after.multiply_adds / max(self.before.multiply_adds, 1):.1%})",
            f"time on this machine {1000 * self.before.seconds:.3g} → {1000 * self.after.seconds:.3g} ms an image",
        ]
        if self.cost is not None and self.accuracy is not None:
            cost, change = self.cost, self.cost.accuracy_change
            right = "right" if cost.labelled else "as the net says"
            points = f"{100 * change.value:+.1f} points (95 %: {100 * change.low:+.1f} … {100 * change.high:+.1f})"
            lines += [
                f"{cost.images:,} images that were not used to choose: {cost.accuracy_before:.1%} → "
                f"{self.accuracy.value:.1%} (95 %: {self.accuracy.low:.1%} … {self.accuracy.high:.1%}) {right}, "
                + points.replace("-", "−"),
                f"loss {cost.loss_before:.4g} → {cost.loss_after:.4g}, {cost.loss_change}",
            ]
        return [*lines, *self.notes]

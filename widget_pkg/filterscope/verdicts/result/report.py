"""A diagnosis on one page in words: what is well, what is not, what to try, each with its evidence and error rate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from filterscope.verdicts.result.verdict import FilterVerdict

Holds = Callable[[FilterVerdict], bool]


@dataclass(frozen=True)
class Fault:
    """Something that may be wrong with a filter.

    Attributes:
        name: What it is, in the plural: "dead filters".
        holds: Whether a filter has it.
        evidence: What says so.
        error: How often that was wrong on nets that nothing was tuned on (`tests/benchmarks/verdict_report.md`).
        advice: What to try.
    """

    name: str
    holds: Holds
    evidence: str
    error: str
    advice: str


FAULTS = {
    "dead": Fault(
        "dead filters",
        lambda verdict: verdict.state == "dead",
        "their activation is 0 everywhere, in all images seen",
        "126 of 126 planted ones were found; none was said of a filter that fires",
        "plan(remove='dead') drops them for nothing; plan(remove='dead').reinitialise() begins them anew before "
        "further training; a lower learning rate or another activation keeps more alive",
    ),
    "constant": Fault(
        "constant filters",
        lambda verdict: verdict.state == "constant",
        "their activation is the same in all images seen",
        "126 of 126 planted ones, dead ones among them, were found; no false one",
        "plan(remove='constant') folds them into the biases of what follows",
    ),
    "duplicate": Fault(
        "duplicates",
        lambda verdict: verdict.duplicate_of is not None,
        "weights and maps of each are nearly those of an earlier filter of its layer",
        "167 of 168 planted copies were found; 0 of 1,008 other filters were called one",
        "plan(remove='duplicates') computes them from their partners",
    ),
    "noise-like": Fault(
        "noise-like filters",
        lambda verdict: verdict.structure == "noise-like",
        "their weights fit what the layer's filters share no better than random ones (p below 0.05)",
        "1,133 of 1,200 planted ones were found; 4 of 192 trained filters were called so",
        "they never learned: train longer, make the layer narrower (widths() says how much), or begin them anew with "
        "plan(remove='noise-like').reinitialise()",
    ),
    "harmful": Fault(
        "harmful filters",
        lambda verdict: verdict.use == "harmful",
        "the loss falls when their maps are replaced by the means",
        "at most 5 % of them are false, over the layer (Benjamini and Hochberg)",
        "plan(remove='harmful') measures on other images what the net is without them",
    ),
    "no measurable use": Fault(
        "filters of no measurable use",
        lambda verdict: verdict.use == "no measurable use",
        "the loss without each of them alone does not rise measurably",
        "that one is not missed does not say that all are not: single effects do not add up, half of a layer costs 2 "
        "to 3 times their sum",
        "plan(loss=0.01) finds how many can go together, on images that were not used to choose",
    ),
}
"""What may be wrong with a filter, by the word for it."""


class Report(str):
    """A report in Markdown, which a notebook shows as a page."""

    def _repr_markdown_(self) -> str:
        return str(self)


def report_of(filters: Sequence[FilterVerdict], knowledge: str, notes: Iterable[str]) -> Report:
    """The report on some filters; see `Diagnosis.report`."""
    layers = list(dict.fromkeys(verdict.layer for verdict in filters))
    lines = [f"# {len(filters):,} filters in {len(layers)} layer{'s' * (len(layers) != 1)}", "", knowledge, *notes, ""]
    lines += ["## What is well", *_well(filters), "", "## What is not"]
    found = {word: [verdict for verdict in filters if fault.holds(verdict)] for word, fault in FAULTS.items()}
    for word, fault in FAULTS.items():
        if found[word]:
            lines.append(f"- **{fault.name}: {len(found[word])}** ({_places(found[word])}): {fault.evidence}. "
                         f"How sure: {fault.error}.")  # fmt: skip
    if not any(found.values()):
        lines.append("- Nothing that a verdict finds.")
    advice = [f"- For the {fault.name}: {fault.advice}." for word, fault in FAULTS.items() if found[word]]
    unknown = _unknown(filters)
    lines += ["", "## What to try", *(advice or ["- widths() says whether a layer is wider than it has to be."])]
    if unknown:
        lines += ["", "## What cannot be told", *unknown]
    return Report("\n".join(lines) + "\n")


def _well(filters: Sequence[FilterVerdict]) -> list[str]:
    live = sum(verdict.state == "live" for verdict in filters)
    lines = [f"- {live} of {len(filters)} are live: their activations vary over the images."]
    told = [verdict for verdict in filters if verdict.structure != "can't tell"]
    structured = sum(verdict.structure == "structured" for verdict in told)
    if structured:
        lines.append(
            f"- {structured} of the {len(told)} whose weights can be judged are structured: a random direction looks "
            "so in less than 1 of 100 (in untrained nets 5 of 1,488 were called so)."
        )
    used = sum(verdict.use == "used" for verdict in filters)
    if used:
        lines.append(
            f"- {used} are used: without each, the loss rises, at a false discovery rate of 5 % over the layer."
        )
    named = Counter(verdict.name for verdict in filters if verdict.name not in (None, "no simple pattern"))
    if named:
        words = ", ".join(f"{name} ({count})" for name, count in named.most_common(3))
        lines.append(
            f"- {sum(named.values())} look for a pattern that has a name, {words}; at most 1 of 100 random do."
        )
    return lines


def _unknown(filters: Sequence[FilterVerdict]) -> list[str]:
    lines = []
    for what, reasons in (
        ("structure", [v.structure_reason for v in filters if v.structure == "can't tell"]),
        ("use", [v.use_reason for v in filters if v.use == "withheld"]),
        ("state", [v.state_reason for v in filters if v.state == "can't tell"]),
    ):
        for reason, count in Counter(reasons).most_common(2):
            lines.append(f"- The {what} of {count} filters: {reason}.")
    return lines


def _places(verdicts: Sequence[FilterVerdict]) -> str:
    of_layer: dict[str, list[str]] = {}
    for verdict in verdicts:
        of_layer.setdefault(verdict.layer, []).append(str(verdict.filter))
    words = []
    for layer, indices in list(of_layer.items())[:4]:
        more = f" and {len(indices) - 5} more" if len(indices) > 5 else ""
        words.append(f"{layer}: {', '.join(indices[:5])}{more}")
    return "; ".join(words) + (f"; {len(of_layer) - 4} more layers" if len(of_layer) > 4 else "")

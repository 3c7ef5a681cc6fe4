"""The result of `filterscope.diagnose`: a verdict for every filter, a summary of every layer; tables and words."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np

from filterscope.indices import as_index
from filterscope.nets.layer_choice import layer_title
from filterscope.scans.result import Scan
from filterscope.text import well_formed
from filterscope.verdicts.ablation.together import joint_order
from filterscope.verdicts.axes.layer import LayerEvidence
from filterscope.verdicts.examination import Examination
from filterscope.verdicts.result.html import as_html
from filterscope.verdicts.result.layer_use import JointEstimate, LayerUse, joint_estimate
from filterscope.verdicts.result.verdict import COLUMNS, COUNTS, FilterVerdict, summaries


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """A verdict for every filter of a net, with its evidence.

    Attributes:
        filters: One for each filter of the layers looked at, in order.
        images: Images seen.
        ablated: Images on which filters were ablated.
        complete: Whether all images asked for were seen and, if asked for, ablated on; False where it was cancelled.
        knowledge: What the net knows about these images, one sentence.
        notes: What else there is to know, sentences.
        fingerprint: 16 hexadecimal digits that stand for the net's weights.
        scan: What `filterscope.scan` keeps of the same images, where `scan=True` asked for it; else None. Images that
            `resume=` saw without it are not in it. In the last digit a score may differ from that of `scan()`, in which
            other images went through the net together.
        layer_uses: How much of each layer is needed, by the layer's name.

    Example:
        >>> from filterscope import demo, diagnose
        >>> net, data = demo.fashion_net(), demo.fashion_test_data()
        >>> diagnosis = diagnose(net, data, images=200, ablation=False, progress=False)
        >>> diagnosis.filters[0].layer, len(diagnosis.filters), diagnosis.images
        ('conv1', 30, 200)
    """

    filters: tuple[FilterVerdict, ...]
    images: int
    ablated: int
    complete: bool
    knowledge: str
    notes: tuple[str, ...]
    fingerprint: str
    examination: Examination = field(repr=False)
    scan: Scan | None = field(default=None, repr=False)
    layer_uses: Mapping[str, LayerUse] = field(default_factory=dict, repr=False)

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers looked at, in order."""
        return tuple(dict.fromkeys(verdict.layer for verdict in self.filters))

    def of_layer(self, layer: str) -> tuple[FilterVerdict, ...]:
        """The verdicts of one layer.

        Raises:
            KeyError: If it was not looked at.
        """
        verdicts = tuple(verdict for verdict in self.filters if verdict.layer == layer)
        if not verdicts:
            raise KeyError(f"no layer {layer!r} in this diagnosis; choose one of {', '.join(self.layers)}")
        return verdicts

    def summary(self, layer: str) -> str:
        """A layer in a sentence: `conv2: 18 of 20 structured, 1 dead, 1 duplicate of #7`.

        Raises:
            KeyError: If it was not looked at.
        """
        filters = self.of_layer(layer)
        name = f"layer {layer}" if layer[:1].isdigit() else layer  # as ConvLayer.spoken
        use = str(self.layer_uses.get(layer, ""))
        return "; ".join(filter(None, [f"{name}: {', '.join(summaries(filters))}", use]))

    def cost_together(self, layer: str, filters: Iterable[int]) -> JointEstimate:
        """What a set of filters of a layer costs together: an estimate, there at once, for any set.

        It is the rise of the loss on linearised logits, whose changes add up over a set, which the rises of single
        filters do not.

        Args:
            layer: The layer's name.
            filters: Which filters.

        Raises:
            KeyError: If the layer was not looked at.
            ValueError: If a filter is none of the layer's, or nothing is known to estimate it from.

        Example:
            >>> from filterscope import demo, diagnose
            >>> net, data = demo.fashion_net(), demo.fashion_test_data()
            >>> diagnosis = diagnose(net, data, images=200, ablation=False, progress=False)
            >>> diagnosis.cost_together("conv2", [11]).rise.value  # a dead one
            0.0
        """
        count = len(self.of_layer(layer))
        chosen = tuple(sorted(set(filters)))
        if not chosen or any(as_index(each) is None or not 0 <= each < count for each in chosen):
            raise ValueError(
                f"filters is {list(chosen)!r}; give one or more of 0 … {count - 1}, the filters of {layer}"
            )
        return joint_estimate(self._evidence(layer), layer, chosen)

    def order(self, layer: str, by: Literal["single", "joint", "root mean square"] = "single") -> list[int]:
        """The filters of a layer, the most needed first. The three orders answer three questions.

        Args:
            layer: The layer's name.
            by: `"single"`: by what the net loses without each one alone, `delta_loss`. `"joint"`: the last is the one
                that can go first, the next the one that can go with it, and so on; by linearised logits.
                `"root mean square"`: by how much each one moves the loss of an image, up or down, `estimate`.

        Raises:
            KeyError: If the layer was not looked at.
            ValueError: If there is no such order, or what it needs is not known.

        Example:
            >>> from filterscope import demo, diagnose
            >>> net, data = demo.fashion_net(), demo.fashion_test_data()
            >>> diagnosis = diagnose(net, data, images=200, ablation=False, progress=False)
            >>> diagnosis.order("conv2", by="root mean square")[-1]  # a dead one
            11
        """
        filters = self.of_layer(layer)
        if by == "joint":
            linearised = self._evidence(layer).examination.linearised(self._evidence(layer).index)
            if not linearised.images:
                raise ValueError(f"the joint order of {layer} needs gradients, and there are none")
            return [int(index) for index in joint_order(linearised, linearised.images)[::-1]]
        columns = {"single": "delta_loss", "root mean square": "estimate"}
        if by not in columns:
            raise ValueError(f"by is {by!r}; choose 'single', 'joint' or 'root mean square'")
        values = np.array([getattr(verdict, columns[by]) for verdict in filters])
        if np.isnan(values).any():
            raise ValueError(f"{columns[by]} is not known of all filters of {layer}; {filters[0].use_reason or by}")
        return [int(index) for index in np.argsort(-values, kind="stable")]

    def _evidence(self, layer: str) -> LayerEvidence:
        examination = self.examination
        for index in examination.layers:
            if layer_title(examination.runner.layers[index]) == layer:
                return LayerEvidence(examination, index, True)
        raise KeyError(f"no layer {layer!r} in this diagnosis; choose one of {', '.join(self.layers)}")

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary a filter; the keys are `FilterVerdict`'s attributes, and `sentence`."""
        return [verdict.row() for verdict in self.filters]

    def to_dataframe(self) -> Any:
        """A `pandas.DataFrame`, one row a filter.

        Raises:
            ImportError: If pandas is not installed; `rows()` and `to_csv()` do without.
        """
        try:
            import pandas
        except ImportError as error:
            raise ImportError(
                "to_dataframe() needs pandas, which filterscope does not bring: pip install pandas. rows() gives the "
                "same as a list of dictionaries, to_csv() as text"
            ) from error
        frame = pandas.DataFrame(self.rows(), columns=[*COLUMNS, "sentence"])  # also while no filter is judged yet
        for name in COUNTS:
            frame[name] = frame[name].astype("Int64")  # whole numbers, also beside a missing one
        return frame

    def to_csv(self, path: str | PathLike[str] | None = None) -> str | None:
        """Comma-separated values, one row a filter; what was not measured is empty.

        Args:
            path: A file to write; None returns the text.
        """
        rows = self.rows()
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({name: "" if value is None or value != value else value for name, value in row.items()})
        if path is None:
            return text.getvalue()
        Path(path).write_text(well_formed(text.getvalue()), encoding="utf-8")
        return None

    def __str__(self) -> str:
        lines = [self.knowledge, *(self.summary(layer) for layer in self.layers), *self.notes]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        layers = {self.summary(layer): self.of_layer(layer) for layer in self.layers}
        return as_html([self.knowledge, *self.notes], layers, self.fingerprint)

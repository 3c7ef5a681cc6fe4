"""Which filters of a net can be removed, and which only together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from filterscope.errors import NetError
from filterscope.inputs import Inputs
from filterscope.nets.layers import ConvLayer
from filterscope.nets.runner import NetRunner
from filterscope.surgery.channel_rules import RULES, other_operation
from filterscope.surgery.channels import Channels, ChannelTrace, Consumer
from filterscope.surgery.labels import DATA

Filter = tuple[int, int]
"""A layer's index and a filter's index in it."""


@dataclass(frozen=True)
class FilterGroup:
    """Filters that can be removed together or not at all.

    Attributes:
        filters: The filters, in order.
        last: Those of them whose maps something outside of the group takes: what the net loses with the group is what
            it loses with these.
        labels: Labels of their channels.
        reason: Why they cannot be removed, one sentence without full stop; "" where they can.
    """

    filters: tuple[Filter, ...]
    last: tuple[Filter, ...]
    labels: frozenset[int]
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Structure:
    """The groups of a net's filters, and where their weights are.

    Attributes:
        layers: The net's layers.
        groups: Every filter is in one of them.
        channels: Where the weights of each channel are.
        unused: Names of parameters that the pass did not use.
    """

    layers: Sequence[ConvLayer]
    groups: tuple[FilterGroup, ...]
    channels: Channels
    unused: tuple[str, ...] = ()
    _first_label: dict[int, int] = field(default_factory=dict)
    _group: dict[Filter, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._group.update({each: index for index, group in enumerate(self.groups) for each in group.filters})

    def group_of(self, layer: int, index: int) -> int:
        """The index of a filter's group."""
        return self._group[layer, index]

    def label_of(self, layer: int, index: int) -> int:
        """The label of a filter's channel."""
        return self._first_label[layer] + index

    def removable(self, layers: Iterable[int] | None = None) -> list[int]:
        """The groups that can be removed; of those with a filter in certain layers."""
        chosen = None if layers is None else set(layers)
        return [
            index
            for index, group in enumerate(self.groups)
            if not group.reason and (chosen is None or any(layer in chosen for layer, _ in group.filters))
        ]

    def filters_of(self, groups: Iterable[int]) -> dict[int, list[int]]:
        """The filters of groups, by layer."""
        filters: dict[int, list[int]] = {}
        for layer, index in sorted(each for group in groups for each in self.groups[group].filters):
            filters.setdefault(layer, []).append(index)
        return filters

    def consumers_of(self, labels: Iterable[int]) -> list[Consumer]:
        """The operations that mix channels of these labels with others."""
        of = list(labels)
        return [consumer for consumer in self.channels.consumers if np.isin(consumer.inputs, of).any()]


def find_structure(runner: NetRunner, image: np.ndarray | Inputs) -> Structure:
    """Finds the groups of a net's filters in one pass.

    Args:
        runner: Runs the net, whose layers it knows.
        image: float32 `(C, H, W)`, or the inputs of a sample that has several.

    Raises:
        NetError: If the net refuses the image.
    """
    batch = runner.batch([image])
    with runner.ready() as module:
        trace = ChannelTrace(module, RULES, other_operation)
        trace.describe_image(batch)
        try:
            with trace:
                output = runner.call(module, batch)
        except Exception as error:
            raise runner.refusal(batch, error) from error
        for tensor in trace.tensors(_parts(output)):
            trace.refuse(trace.of(tensor), "is a part of the net's output")
        names = {id(parameter): name for name, parameter in module.named_parameters()}
        _refuse_scripted(trace.channels, module)
        unused = tuple(name for name, _ in module.named_parameters() if name not in trace.channels.seen)
    first = _first_labels(runner.layers, trace.channels, names)
    return Structure(runner.layers, _groups(runner.layers, trace.channels, first), trace.channels, unused, first)


def _parts(output: object) -> object:
    """An output's tensors in a structure that torch can look into."""
    if isinstance(output, torch.Tensor | list | tuple | dict):
        return output
    return list(vars(output).values()) if hasattr(output, "__dict__") else []


def _refuse_scripted(channels: Channels, module: nn.Module) -> None:
    scripted = [name for name, part in module.named_modules() if isinstance(part, torch.jit.ScriptModule)]
    for (name, _), labels in channels.cuts.items():
        if any(name.startswith(f"{part}." if part else "") for part in scripted):
            channels.labels.refuse(labels, "has weights in a scripted module, whose shapes are fixed")


def _first_labels(layers: Sequence[ConvLayer], channels: Channels, names: dict[int, str]) -> dict[int, int]:
    """The label of each layer's first filter, for layers that are one call of a module with weights of its own."""
    labels = {}
    for layer in layers:
        weight = None if layer.module is None else dict(layer.module._parameters.items()).get("weight")
        place = channels.filters.get(names.get(id(weight), f"{layer.name}.weight"))
        if layer.plain and place is not None and not layer.call:
            labels[layer.index] = place[0]
    return labels


def _groups(layers: Sequence[ConvLayer], channels: Channels, first: dict[int, int]) -> tuple[FilterGroup, ...]:
    owners: dict[int, list[Filter]] = {}
    refused: list[FilterGroup] = []
    for layer in layers:
        filters = [(layer.index, index) for index in range(layer.out_channels)]
        if layer.index in first:
            owners.update({first[layer.index] + index: [each] for index, each in enumerate(filters)})
            continue
        reason = "has weights that are computed and are no parameter of a module"
        if layer.call:
            reason = "has weights that the net uses several times in a pass"
        refused += [FilterGroup((each,), (each,), frozenset(), reason) for each in filters]
    groups = []
    for root, members in channels.labels.groups().items():
        filters = sorted(each for label in members for each in owners.get(label, ()))
        if not filters:
            continue
        labels = [*members, *([DATA] if channels.labels.root(root) == DATA else [])]
        reason = next((channels.labels.reasons[label] for label in labels if label in channels.labels.reasons), "")
        last = sorted(each for label in members if label in channels.escapes for each in owners.get(label, ()))
        groups.append(FilterGroup(tuple(filters), tuple(last or filters), frozenset(members), reason))
    return tuple(sorted([*groups, *refused], key=lambda group: group.filters))


def check_removable(structure: Structure, groups: Iterable[int]) -> None:
    """Whether groups can be removed, and leave each layer a filter.

    Raises:
        NetError: If one cannot, or a layer would be empty.
    """
    chosen = sorted(set(groups))
    for group in map(structure.groups.__getitem__, chosen):
        if group.reason:
            layer, index = group.filters[0]
            raise NetError(f"filter {index} of {structure.layers[layer].spoken} cannot be removed: it {group.reason}")
    for layer, filters in structure.filters_of(chosen).items():
        if len(filters) == structure.layers[layer].out_channels:
            raise NetError(
                f"nothing would be left of {structure.layers[layer].spoken}: all its {len(filters)} filters would go; "
                "keep at least one"
            )

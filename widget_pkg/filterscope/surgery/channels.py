"""Which channels of a net belong together, and where each one's weights are: found by one pass of the net.

The net runs once on an image. For each torch operation, labels are computed beside the values (`labels`): what only
moves values moves their labels by the same operation, so that flattening, concatenation, shuffling and slicing need no
rules of their own. What an operation of another kind does to channels stands in `channel_rules`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten
from torch.utils.weak import WeakTensorKeyDictionary

from filterscope.surgery.labels import CONSTANT, DATA, Labels


@dataclass(frozen=True)
class Slot:
    """A tensor that is a parameter or buffer of the net, or a view of one.

    Attributes:
        name: Its name in `named_parameters()` or `named_buffers()`.
        elements: For each value its place in the flattened parameter.
        shape: The parameter's.
    """

    name: str
    elements: torch.Tensor
    shape: tuple[int, ...]

    @property
    def whole(self) -> bool:
        """Whether it has all of the parameter's values in their order."""
        count = int(np.prod(self.shape))
        return self.elements.numel() == count and bool((self.elements.reshape(-1) == torch.arange(count)).all())


@dataclass
class Consumer:
    """A convolution or linear operation that mixes channels.

    Attributes:
        weight: Name of its weight.
        bias: Name of its bias, or None.
        axis: The weight's axis of input channels.
        outputs: The weight's axis of output channels.
        inputs: Label of each input channel.
        norm: Name of the running mean of the batch norm behind it, where nothing else takes its output; or None.
        uses: How many operations take its output.
    """

    weight: str
    bias: str | None
    axis: int
    outputs: int
    inputs: np.ndarray
    norm: str | None = None
    uses: int = 0


@dataclass
class Channels:
    """What one pass of a net showed of its channels.

    Attributes:
        labels: The labels, joined.
        cuts: By parameter's name and axis: the label of each index along that axis, 0 for one that always stays.
        consumers: The operations that mix channels, in order.
        filters: By the name of a convolution's weight: the label of its first output channel, and how many it has.
        escapes: Labels of output channels that something else than a grouped convolution takes.
        used: How many convolutions and linear operations use a weight, by its name.
        seen: Names of the parameters and buffers that the pass used.
    """

    labels: Labels = field(default_factory=Labels)
    cuts: dict[tuple[str, int], np.ndarray] = field(default_factory=dict)
    consumers: list[Consumer] = field(default_factory=list)
    filters: dict[str, tuple[int, int]] = field(default_factory=dict)
    escapes: set[int] = field(default_factory=set)
    used: Counter[str] = field(default_factory=Counter)
    seen: set[str] = field(default_factory=set)

    def cut(self, name: str, axis: int, size: int, indices: np.ndarray, labels: np.ndarray) -> None:
        """Notes that a parameter's values at these indices of an axis go with the channels of these labels."""
        known = self.cuts.setdefault((name, axis), np.zeros(size, np.int64))
        for index, label in zip(indices, labels, strict=True):
            if known[index] == CONSTANT:
                known[index] = label
            else:
                self.labels.join(int(known[index]), int(label))


Rule = Callable[["ChannelTrace", str, Sequence[Any], dict[str, Any], Any], None]
"""Describes an operation's outputs, given the trace, the operation's name, its arguments and what it returned."""


class ChannelTrace(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Follows the channels through the operations of a pass.

    Args:
        module: The module that runs, whose parameters and buffers are known by their names.
        rules: What operations do to channels, by name.
        otherwise: The rule of all others.
    """

    def __init__(self, module: nn.Module, rules: dict[str, Rule], otherwise: Rule) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.channels = Channels()
        self.labels = self.channels.labels
        self._rules, self._otherwise = rules, otherwise
        self._described: Any = WeakTensorKeyDictionary()
        self._slots: Any = WeakTensorKeyDictionary()
        self._consumer: Any = WeakTensorKeyDictionary()
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
            elements = torch.arange(tensor.numel()).reshape(tensor.shape)
            self._slots[tensor] = Slot(name, elements, tuple(tensor.shape))

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Runs an operation and describes what it returns."""
        kwargs = kwargs or {}
        name = func._schema.name.partition("::")[2]
        for tensor in self.tensors((args, kwargs)):
            if tensor in self._consumer:
                self._consumer[tensor].uses += 1
            if (slot := self._slots.get(tensor)) is not None:
                self.channels.seen.add(slot.name)
        before = [self.of(tensor) for tensor in self.tensors(args)]  # an operation in place changes what it was given
        result = func(*args, **kwargs)
        with torch.no_grad():
            rule = self._rules.get(name.rstrip("_") if name not in self._rules else name, None)
            if rule is None and torch.Tag.pointwise in func.tags:
                rule = self._rules["pointwise"]
            elif rule is None and (func.is_view or name in ("_unsafe_view", "alias", "detach")):
                rule = self._rules["move"]
            self.func, self.before = func, before
            (rule or self._otherwise)(self, name, args, kwargs, result)
        return result

    # What is known of tensors

    @staticmethod
    def tensors(values: Any) -> list[torch.Tensor]:
        """The tensors in a nested structure."""
        return [value for value in tree_flatten(values)[0] if isinstance(value, torch.Tensor)]

    def of(self, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor's labels; constants where nothing is known."""
        known = self._described.get(tensor)
        if known is None:
            return torch.zeros((), dtype=torch.int32).expand(tensor.shape)
        labels: torch.Tensor = known
        return labels

    def slot(self, tensor: Any) -> Slot | None:
        """The parameter that a tensor is, or is a view of."""
        slot: Slot | None = self._slots.get(tensor) if isinstance(tensor, torch.Tensor) else None
        return slot

    def is_known(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor was made in the pass, or is a parameter or buffer; else it is an attribute of a module."""
        return tensor in self._described or tensor in self._slots

    def describe(self, tensor: torch.Tensor, labels: torch.Tensor) -> None:
        """Says what a tensor's labels are; those of a view are written into what it is a view of."""
        before = self._described.get(tensor)
        labels = labels.expand(tensor.shape)
        if before is not None and before is not labels:
            spread = any(size > 1 and stride == 0 for size, stride in zip(before.shape, before.stride(), strict=True))
            if not spread:
                before.copy_(labels)
                return
            changed = (before != labels) & (labels != CONSTANT)
            if tensor._base is not None and bool(changed.any()):
                self.labels.refuse(labels, "is written into a part of another tensor")
        self._described[tensor] = labels

    def describe_slot(self, tensor: torch.Tensor, slot: Slot) -> None:
        """Says that a tensor is a view of a parameter."""
        self._slots[tensor] = slot

    def describe_image(self, images: Any) -> None:
        """Says that tensors are data."""
        for tensor in self.tensors(images):
            self._described[tensor] = torch.full((), DATA, dtype=torch.int32).expand(tensor.shape)

    def per_channel(self, tensor: torch.Tensor, channels: np.ndarray, axis: int = 1) -> None:
        """Says that a tensor has these labels along an axis."""
        shape = [1] * tensor.ndim
        shape[axis] = len(channels)
        self.describe(tensor, torch.from_numpy(channels.astype(np.int32)).reshape(shape).expand(tensor.shape))

    def mixes(self, output: torch.Tensor, consumer: Consumer) -> None:
        """Notes an operation that mixes channels."""
        self.channels.consumers.append(consumer)
        self._consumer[output] = consumer
        self.escape(consumer.inputs)

    def mixed_by(self, tensor: torch.Tensor) -> Consumer | None:
        """The operation that mixes channels and whose output a tensor is."""
        consumer: Consumer | None = self._consumer.get(tensor)
        return consumer

    def escape(self, labels: Any) -> None:
        """Notes that something else than a grouped convolution takes these labels' channels."""
        self.channels.escapes.update(int(label) for label in np.unique(np.asarray(labels)) if label > DATA)

    def refuse(self, labels: Any, reason: str) -> None:
        """Says why the channels of labels cannot be removed."""
        self.escape(labels)
        self.labels.refuse(labels, reason)

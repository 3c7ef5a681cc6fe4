"""What torch's operations do to channels: a table by the operation's name."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from filterscope.surgery.channels import ChannelTrace, Consumer, Rule, Slot
from filterscope.surgery.labels import CONSTANT, DATA, by_channel, combine, compact

RULES: dict[str, Rule] = {}
_RANK = re.compile(r"(\d)d")

# fmt: off
_MOVES = [
    "cat", "repeat", "stack", "roll", "flip", "index_select", "index", "constant_pad_nd", "copy", "gather",
    "native_channel_shuffle", "channel_shuffle", "pixel_shuffle", "pixel_unshuffle", "unfold", "as_strided",
    "_reshape_copy", "lift_fresh",
]
_SPATIAL = [
    "max_pool1d_with_indices", "max_pool2d_with_indices", "max_pool3d_with_indices", "avg_pool1d", "avg_pool2d",
    "avg_pool3d", "_adaptive_avg_pool2d", "_adaptive_avg_pool3d", "adaptive_avg_pool1d", "adaptive_max_pool1d",
    "adaptive_max_pool2d", "adaptive_max_pool3d", "fractional_max_pool2d", "reflection_pad1d", "reflection_pad2d",
    "reflection_pad3d", "replication_pad1d", "replication_pad2d", "replication_pad3d", "upsample_nearest1d",
    "upsample_nearest2d", "upsample_nearest3d", "upsample_bilinear2d", "_upsample_bilinear2d_aa", "upsample_bicubic2d",
    "upsample_linear1d", "upsample_trilinear3d",
]
_REDUCTIONS = [
    "mean", "sum", "amax", "amin", "max", "min", "var", "std", "var_mean", "logsumexp", "linalg_vector_norm",
]
_FACTORIES = [
    "zeros", "ones", "empty", "full", "arange", "rand", "randn", "zeros_like", "ones_like", "empty_like", "full_like",
    "new_zeros", "new_ones", "new_empty", "new_full", "scalar_tensor", "linspace", "eye", "fill", "zero",
]
# fmt: on


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Registers the rule of operations.

    Raises:
        ValueError: If one has a rule already.
    """

    def register(function: Rule) -> Rule:
        for name in names:
            if name in RULES:
                raise ValueError(f"there are two rules for {name}")
            RULES[name] = function
        return function

    return register


@rule("convolution", "_convolution", "cudnn_convolution", "mkldnn_convolution")
def _convolution(trace: ChannelTrace, name: str, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> None:
    data, weight, bias, _, _, _, transposed, _, groups = args[:9]
    channels, slot = trace.channels, trace.slot(weight)
    inputs = by_channel(trace.labels, trace.of(data), 1)
    filters = out.shape[1]
    first = trace.labels.new(filters)
    outputs = np.arange(first, first + filters)
    trace.per_channel(out, outputs)
    if slot is None or not slot.whole or (bias is not None and trace.slot(bias) is None):
        reason = "goes through a convolution whose weights are computed and are no parameter of a module"
        trace.refuse(inputs, reason)
        trace.refuse(outputs, "has weights that are computed and are no parameter of a module")
        return
    channels.used[slot.name] += 1
    if slot.name in channels.filters:
        both = np.concatenate([outputs, np.arange(*_range(channels.filters[slot.name]))])
        trace.refuse(both, "has weights that the net uses several times in a pass")
        trace.refuse(inputs, "goes through a convolution whose weights the net uses several times in a pass")
    channels.filters.setdefault(slot.name, (first, filters))
    bias_slot = trace.slot(bias)
    if bias_slot is not None:
        channels.cut(bias_slot.name, 0, filters, np.arange(filters), outputs)
    in_axis, out_axis = (0, 1) if transposed else (1, 0)
    if groups == 1:
        channels.cut(slot.name, in_axis, len(inputs), np.arange(len(inputs)), inputs)
        channels.cut(slot.name, out_axis, filters, np.arange(filters), outputs)
        bias_name = None if bias_slot is None else bias_slot.name
        trace.mixes(out, Consumer(slot.name, bias_name, in_axis, out_axis, np.where(inputs > DATA, inputs, 0)))
        return
    if transposed:
        channels.cut(slot.name, 0, len(inputs), np.arange(len(inputs)), inputs)
    else:
        channels.cut(slot.name, 0, filters, np.arange(filters), outputs)
    for members_in, members_out in zip(np.split(inputs, groups), np.split(outputs, groups), strict=True):
        trace.labels.join_all(np.concatenate([members_in, members_out]))
        if (members_in == CONSTANT).all():
            trace.refuse(members_out, "is computed by a grouped convolution from a constant")


def _range(first_and_count: tuple[int, int]) -> tuple[int, int]:
    return first_and_count[0], sum(first_and_count)


@rule("addmm", "mm", "linear")
def _linear(trace: ChannelTrace, name: str, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> None:
    bias, data, weight = {"addmm": args[:3], "mm": (None, *args[:2])}.get(name, (*args[2:3], *args[:2])[-3:])
    slot = trace.slot(weight)
    trace.per_channel(out, np.full(out.shape[-1], DATA), out.ndim - 1)
    elements = None if slot is None else slot.elements if name == "linear" else slot.elements.T
    inputs = by_channel(trace.labels, trace.of(data), data.ndim - 1)
    if slot is None or elements is None or not Slot(slot.name, elements, slot.shape).whole:
        trace.refuse(inputs, "goes through a matrix product whose factor is no linear layer's weight")
        return
    channels = trace.channels
    channels.used[slot.name] += 1
    if channels.used[slot.name] > 1:
        trace.refuse(inputs, "goes through a linear layer whose weights the net uses several times in a pass")
    channels.cut(slot.name, 1, len(inputs), np.arange(len(inputs)), inputs)
    bias_slot = trace.slot(bias)
    bias_name = None if bias_slot is None else bias_slot.name
    trace.mixes(out, Consumer(slot.name, bias_name, 1, 0, np.where(inputs > DATA, inputs, 0)))


@rule(
    "native_batch_norm", "_native_batch_norm_legit_no_training", "cudnn_batch_norm", "miopen_batch_norm", "batch_norm"
)
def _batch_norm(trace: ChannelTrace, name: str, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> None:
    data, vectors = args[0], args[1:5]
    result = out if isinstance(out, torch.Tensor) else out[0]
    inputs = by_channel(trace.labels, trace.of(data), 1)
    trace.per_channel(result, inputs)
    running = name == "_native_batch_norm_legit_no_training" or not args[5]
    if not running:
        trace.refuse(inputs, "goes through a batch norm without running statistics")
    for vector in vectors:
        slot = trace.slot(vector)
        if slot is not None and slot.whole:
            trace.channels.cut(slot.name, 0, len(inputs), np.arange(len(inputs)), inputs)
        elif vector is not None:
            trace.refuse(inputs, "goes through a batch norm whose numbers are no parameter and no buffer of a module")
    consumer, mean = trace.mixed_by(data), trace.slot(vectors[2])
    if consumer is not None and mean is not None and running:
        consumer.norm = mean.name


@rule("native_group_norm")
def _group_norm(trace: ChannelTrace, name: str, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> None:
    data, weight, bias, groups = args[0], args[1], args[2], args[6]
    inputs = by_channel(trace.labels, trace.of(data), 1)
    trace.per_channel(out[0], inputs)
    for vector in (weight, bias):
        slot = trace.slot(vector)
        if slot is not None:
            trace.channels.cut(slot.name, 0, len(inputs), np.arange(len(inputs)), inputs)
    for members in np.split(inputs, groups):
        trace.labels.join_all(members)


@rule("pointwise", "hardswish", "hardtanh", "leaky_relu", "_prelu_kernel")
def _pointwise(trace: ChannelTrace, name: str, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> None:
    result = trace.tensors(out)[0]
    operands = [*trace.tensors(args), *trace.tensors(kwargs)]
    before = [*trace.before, *map(trace.of, trace.tensors(kwargs))]
    labels = before[0]
    for other in before[1:]:
        labels, met = combine(trace.labels, labels, other)
        trace.escape(met)
    single = [operand for operand in operands if trace.slot(operand) is not None]
    if single and not bool((compact(labels) != CONSTANT).any()):
        if name == "clone" or (len(operands) == 1 and name == "to"):
            trace.describe_slot(result, trace.slot(single[0]))  # type: ignore[arg-type]
            return
    elif len(operands) > 1:
        for operand in operands:
            _pair_with_weights(trace, operand, labels.expand(result.shape), name)
    trace.describe(result, labels.expand(result.shape))


def _pair_with_weights(trace: ChannelTrace, operand: torch.Tensor, labels: torch.Tensor, name: str) -> None:
    """Notes which values of a parameter go with which channels, where it is combined with them value by value."""
    slot = trace.slot(operand)
    if operand.numel() < 2 or (slot is None and trace.is_known(operand)):
        return
    labels = compact(labels)
    axes = [axis for axis in range(1, operand.ndim + 1) if operand.shape[-axis] > 1 and labels.shape[-axis] > 1]
    if not axes:
        return
    if slot is None:
        trace.refuse(labels, f"is combined ({name.strip('_')}) with a tensor that is no parameter and no buffer")
        return
    elements, spread = torch.broadcast_tensors(slot.elements, labels)  # type: ignore[no-untyped-call]
    there = spread > CONSTANT
    channels, places = spread[there].numpy(), np.unravel_index(elements[there].numpy(), slot.shape)
    for axis, size in enumerate(slot.shape):
        pairs = np.unique(np.stack([places[axis], channels]), axis=1)
        if size > 1 and len(np.unique(pairs[0])) == pairs.shape[1] and len(np.unique(pairs[1])) > 1:
            trace.channels.cut(slot.name, axis, size, pairs[0], pairs[1])
            return
    trace.refuse(channels, f"is combined ({name.strip('_')}) with a parameter that has no axis of channels")


@rule("move", *_MOVES)
def _move(trace: ChannelTrace, name: str, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> None:
    first = trace.tensors(args)
    slot = trace.slot(first[0]) if len(first) == 1 else None
    if slot is not None:
        for result, elements in zip(trace.tensors(out), trace.tensors(_apply(trace, args, kwargs, True)), strict=True):
            trace.describe_slot(result, Slot(slot.name, elements, slot.shape))
        return
    if name == "constant_pad_nd":
        args = args[:2]  # what is padded with has no label
    for result, labels in zip(trace.tensors(out), trace.tensors(_apply(trace, args, kwargs, False)), strict=True):
        trace.describe(result, labels)
        _refuse_parts(trace, name, first, labels)


def _refuse_parts(trace: ChannelTrace, name: str, operands: list[torch.Tensor], labels: torch.Tensor) -> None:
    """Refuses channels that an operation tells apart by their place: with fewer of them it would take others."""
    labels = compact(labels)
    varying = [axis for axis in range(labels.ndim) if bool((labels != labels.narrow(axis, 0, 1)).any())]
    there = np.unique(labels.numpy())
    given = np.unique(np.concatenate([np.unique(compact(trace.of(operand)).numpy()) for operand in operands]))
    if (len(varying) > 1 and "view" in name) or name in ("native_channel_shuffle", "channel_shuffle"):
        trace.refuse(labels, f"is told apart from others by its place among the channels ({name.strip('_')})")
    elif not np.isin(given[given > DATA], there).all():
        trace.refuse(given, f"is told apart from others by its place among the channels ({name.strip('_')})")


def _apply(trace: ChannelTrace, args: Any, kwargs: Any, slots: bool) -> Any:
    """The operation on labels, or on the places of a parameter's values, in place of the tensors themselves."""

    def instead(value: Any, whole: bool) -> Any:
        if isinstance(value, torch.Tensor):
            if not slots and value.dtype in (torch.int64, torch.int32, torch.bool) and trace.func._schema.name in (
                "aten::index", "aten::index_select", "aten::gather"
            ):  # fmt: skip
                return value
            slot = trace.slot(value)
            labels = slot.elements if slots and slot is not None else trace.of(value)
            return labels.contiguous() if whole else labels
        if isinstance(value, list | tuple):
            return type(value)(instead(item, whole) for item in value)
        return value

    try:
        return trace.func(*instead(args, False), **kwargs)
    except RuntimeError:  # labels that are spread over memory that they share cannot be viewed in another shape
        return trace.func(*instead(args, True), **kwargs)


@rule(*_SPATIAL)
def _spatial(trace: ChannelTrace, name: str, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> None:
    result, rank = trace.tensors(out)[0], int(_RANK.search(name)[1])  # type: ignore[index]
    axis = result.ndim - rank - 1
    trace.per_channel(result, by_channel(trace.labels, trace.of(args[0]), axis), axis)


@rule(*_REDUCTIONS)
def _reduction(trace: ChannelTrace, name: str, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> None:
    labels, given = trace.of(args[0]), args[1] if len(args) > 1 else kwargs.get("dim")
    if trace.tensors(args[1:]):
        return _pointwise(trace, name, args, kwargs, out)  # the larger of two tensors
    axes = list(range(labels.ndim)) if given is None or given == [] else given if isinstance(given, list) else [given]
    high = compact(labels).amax(axes, keepdim=True)
    low = torch.where(compact(labels) == CONSTANT, high, compact(labels)).amin(axes, keepdim=True)
    mixed = high != low
    if bool(mixed.any()):
        rows = compact(labels)
        trace.refuse(rows[mixed.expand(rows.shape)], f"goes through {name}, which is taken over channels")
        high = torch.where(mixed, DATA, high)
    shape = [1 if axis % labels.ndim in [a % labels.ndim for a in axes] else n for axis, n in enumerate(labels.shape)]
    high = high.expand(shape)
    for result in trace.tensors(out):
        trace.describe(result, high if result.ndim == high.ndim else high.reshape(result.shape))


@rule(*_FACTORIES)
def _factory(trace: ChannelTrace, name: str, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> None:
    for result in trace.tensors(out):
        trace.describe(result, torch.zeros(result.shape, dtype=torch.int32))


def other_operation(trace: ChannelTrace, name: str, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> None:
    """The rule of operations without one: what they are given stays, and what they return depends on the image."""
    inputs = [labels for labels in map(trace.of, trace.tensors((args, kwargs))) if bool((compact(labels) > 0).any())]
    for labels in inputs:
        trace.refuse(compact(labels), f"goes through {name.strip('_')}, which is taken over channels")
    label = DATA if inputs else CONSTANT
    for result in trace.tensors(out):
        trace.describe(result, torch.full((), label, dtype=torch.int32).expand(result.shape))

"""Rules for operations that select, join and reorder a tensor's values: slices, concatenations, views."""

from __future__ import annotations

import numpy as np
import torch

from filterscope.receptive_field import index_maps
from filterscope.receptive_field.footprint import Footprint, Untraceable
from filterscope.receptive_field.footprint_joins import joined
from filterscope.receptive_field.rules.registry import Call, rule


@rule("slice")
def _slice(call: Call) -> Footprint:
    a, footprint = call.args, call.footprint
    dim = a["dim"] % len(call.shape)
    n_in, n_out = footprint.shape[dim], call.shape[dim]
    if n_in == n_out:
        return footprint
    start = range(n_in)[slice(a["start"], a["end"], a["step"])].start
    return footprint.along(dim, index_maps.sliced(n_in, n_out, start, a["step"]))


@rule("select")
def _select(call: Call) -> Footprint:
    footprint = call.footprint
    dim = call.args["dim"] % len(footprint.dims)
    index = call.args["index"] % footprint.shape[dim]
    return _without(footprint.along(dim, index_maps.sliced(footprint.shape[dim], 1, index, 1)), dim)


def _without(footprint: Footprint, dim: int) -> Footprint:
    """The footprint without an axis of length 1."""
    return footprint.viewed([n for k, n in enumerate(footprint.shape) if k != dim])


@rule("split", "split_with_sizes", "chunk", "unbind", "unsafe_split", "unsafe_chunk")
def _split(call: Call) -> list[Footprint]:
    footprint = call.footprint
    dim = call.args["dim"] % len(footprint.dims)
    removed = "unbind" in call.func._schema.name
    parts, start = [], 0
    for piece in call.result:
        length = 1 if removed else piece.shape[dim]
        part = footprint.along(dim, index_maps.sliced(footprint.shape[dim], length, start, 1))
        parts.append(_without(part, dim) if removed else part)
        start += length
    return parts


@rule("index_select")
def _index_select(call: Call) -> Footprint:
    footprint, chosen = call.footprint, call.args["index"].cpu().numpy()
    return footprint.along(call.args["dim"] % len(footprint.dims), index_maps.gathered(chosen))


@rule("index")
def _index(call: Call) -> Footprint:
    """The footprint after indexing with one list of indices along one axis; any other indexing is untraceable."""
    footprint = call.footprint
    lists = [(dim, index) for dim, index in enumerate(call.args["indices"]) if index is not None]
    if len(lists) != 1 or lists[0][1].ndim != 1:
        raise Untraceable
    dim, index = lists[0]
    chosen = index.nonzero().reshape(-1) if index.dtype == torch.bool else index % footprint.shape[dim]
    return footprint.along(dim, index_maps.gathered(chosen.cpu().numpy()))


@rule("flip")
def _flip(call: Call) -> Footprint:
    footprint = call.footprint
    for dim in call.args["dims"]:
        footprint = footprint.along(
            dim % len(footprint.dims), index_maps.gathered(np.arange(footprint.shape[dim])[::-1])
        )
    return footprint


@rule("roll")
def _roll(call: Call) -> Footprint:
    footprint = call.footprint
    if not call.args["dims"]:
        raise Untraceable
    for shift, dim in zip(call.args["shifts"], call.args["dims"], strict=True):
        dim %= len(footprint.dims)
        footprint = footprint.along(dim, index_maps.gathered(np.roll(np.arange(footprint.shape[dim]), shift)))
    return footprint


@rule("repeat")
def _repeat(call: Call) -> Footprint:
    footprint = call.footprint
    times = call.args["repeats"]
    footprint = footprint.viewed((1,) * (len(times) - len(footprint.dims)) + footprint.shape)
    for dim, count in enumerate(times):
        if count != 1:
            footprint = footprint.along(dim, index_maps.gathered(np.tile(np.arange(footprint.shape[dim]), count)))
    return footprint


@rule("cat")
def _cat(call: Call) -> Footprint:
    tensors = [t for t in call.args["tensors"] if t.shape != (0,)]
    return joined(
        [call.footprint_of(t) for t in tensors], [t.shape for t in tensors], call.args["dim"] % len(call.shape)
    )


@rule("stack")
def _stack(call: Call) -> Footprint:
    dim = call.args["dim"] % len(call.shape)
    shapes = [(*t.shape[:dim], 1, *t.shape[dim:]) for t in call.args["tensors"]]
    parts = [call.footprint_of(t) for t in call.args["tensors"]]
    viewed = [None if p is None else p.viewed(shape) for p, shape in zip(parts, shapes, strict=True)]
    return joined(viewed, shapes, dim)


@rule("view", "_unsafe_view", "reshape", "unsqueeze", "squeeze", "_reshape_alias", "flatten")
def _view(call: Call) -> Footprint:
    if call.func._overloadname == "dtype":
        raise Untraceable
    return call.footprint.viewed(call.shape)


@rule("permute")
def _permute(call: Call) -> Footprint:
    return call.footprint.permuted([dim % len(call.shape) for dim in call.args["dims"]])


@rule("transpose", "t", "swapaxes", "numpy_T")
def _transpose(call: Call) -> Footprint:
    order = list(range(len(call.shape)))
    first, second = (call.args["dim0"], call.args["dim1"]) if "dim0" in call.args else (0, -1)
    if order:
        order[first], order[second] = order[second], order[first]
    return call.footprint.permuted(order)


@rule("expand")
def _expand(call: Call) -> Footprint:
    return call.footprint.expanded(call.shape)


@rule("channel_shuffle")
def _channel_shuffle(call: Call) -> Footprint:
    footprint, groups = call.footprint, call.args["groups"]
    order = np.arange(footprint.shape[1]).reshape(groups, -1).T.ravel()
    return footprint.along(1, index_maps.gathered(order))


@rule("clone", "detach", "alias", "_to_copy", "contiguous", "lift_fresh", "native_dropout", "dropout", "as_strided_")
def _same(call: Call) -> Footprint:
    footprint = call.footprint
    if footprint.shape != call.shape:
        raise Untraceable
    return footprint

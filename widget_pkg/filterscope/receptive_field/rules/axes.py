"""Footprints through what chooses, joins and reorders a tensor's values: slices, concatenations, views."""

from __future__ import annotations

import numpy as np
import torch

from filterscope.receptive_field import index_maps
from filterscope.receptive_field.footprint import Footprint, Untraceable
from filterscope.receptive_field.footprint_joins import joined
from filterscope.receptive_field.rules.registry import Call, rule


@rule("slice")
def _slice(call: Call) -> Footprint:
    a, found = call.args, call.given
    dim = a["dim"] % len(call.shape)
    n_in, n_out = found.shape[dim], call.shape[dim]
    if n_in == n_out:
        return found
    start = range(n_in)[slice(a["start"], a["end"], a["step"])].start
    return found.along(dim, index_maps.sliced(n_in, n_out, start, a["step"]))


@rule("select")
def _select(call: Call) -> Footprint:
    found = call.given
    dim = call.args["dim"] % len(found.dims)
    index = call.args["index"] % found.shape[dim]
    return _without(found.along(dim, index_maps.sliced(found.shape[dim], 1, index, 1)), dim)


def _without(found: Footprint, dim: int) -> Footprint:
    """Without an axis of length 1."""
    return found.viewed([n for k, n in enumerate(found.shape) if k != dim])


@rule("split", "split_with_sizes", "chunk", "unbind", "unsafe_split", "unsafe_chunk")
def _split(call: Call) -> list[Footprint]:
    found = call.given
    dim = call.args["dim"] % len(found.dims)
    removed = "unbind" in call.func._schema.name
    parts, start = [], 0
    for piece in call.result:
        length = 1 if removed else piece.shape[dim]
        part = found.along(dim, index_maps.sliced(found.shape[dim], length, start, 1))
        parts.append(_without(part, dim) if removed else part)
        start += length
    return parts


@rule("index_select")
def _index_select(call: Call) -> Footprint:
    found, chosen = call.given, call.args["index"].cpu().numpy()
    return found.along(call.args["dim"] % len(found.dims), index_maps.gathered(chosen))


@rule("index")
def _index(call: Call) -> Footprint:
    """By one list of positions along one axis; anything else is lost."""
    found = call.given
    given = [(dim, index) for dim, index in enumerate(call.args["indices"]) if index is not None]
    if len(given) != 1 or given[0][1].ndim != 1:
        raise Untraceable
    dim, index = given[0]
    chosen = index.nonzero().reshape(-1) if index.dtype == torch.bool else index % found.shape[dim]
    return found.along(dim, index_maps.gathered(chosen.cpu().numpy()))


@rule("flip")
def _flip(call: Call) -> Footprint:
    found = call.given
    for dim in call.args["dims"]:
        found = found.along(dim % len(found.dims), index_maps.gathered(np.arange(found.shape[dim])[::-1]))
    return found


@rule("roll")
def _roll(call: Call) -> Footprint:
    found = call.given
    if not call.args["dims"]:
        raise Untraceable
    for shift, dim in zip(call.args["shifts"], call.args["dims"], strict=True):
        dim %= len(found.dims)
        found = found.along(dim, index_maps.gathered(np.roll(np.arange(found.shape[dim]), shift)))
    return found


@rule("repeat")
def _repeat(call: Call) -> Footprint:
    found = call.given
    times = call.args["repeats"]
    found = found.viewed((1,) * (len(times) - len(found.dims)) + found.shape)
    for dim, count in enumerate(times):
        if count != 1:
            found = found.along(dim, index_maps.gathered(np.tile(np.arange(found.shape[dim]), count)))
    return found


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
    return call.given.viewed(call.shape)


@rule("permute")
def _permute(call: Call) -> Footprint:
    return call.given.permuted([dim % len(call.shape) for dim in call.args["dims"]])


@rule("transpose", "t", "swapaxes", "numpy_T")
def _transpose(call: Call) -> Footprint:
    order = list(range(len(call.shape)))
    one, other = (call.args["dim0"], call.args["dim1"]) if "dim0" in call.args else (0, -1)
    if order:
        order[one], order[other] = order[other], order[one]
    return call.given.permuted(order)


@rule("expand")
def _expand(call: Call) -> Footprint:
    return call.given.expanded(call.shape)


@rule("channel_shuffle")
def _channel_shuffle(call: Call) -> Footprint:
    found, groups = call.given, call.args["groups"]
    order = np.arange(found.shape[1]).reshape(groups, -1).T.ravel()
    return found.along(1, index_maps.gathered(order))


@rule("clone", "detach", "alias", "_to_copy", "contiguous", "lift_fresh", "native_dropout", "dropout", "as_strided_")
def _same(call: Call) -> Footprint:
    found = call.given
    if found.shape != call.shape:
        raise Untraceable
    return found

"""Footprints through windows that move over the map: convolutions, pools, interpolations, padding."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from filterscope.receptive_field import index_maps
from filterscope.receptive_field.footprint import Footprint, Untraceable
from filterscope.receptive_field.rules.registry import Call, each, rule


@rule("convolution", "_convolution")
def _convolution(call: Call) -> Footprint:
    a = call.args
    rank = a["weight"].ndim - 2
    stride, padding, dilation = (each(a[name], rank, 0) for name in ("stride", "padding", "dilation"))
    step = index_maps.transposed if a["transposed"] else index_maps.sliding
    found, shape = call.given, call.shape
    if call.footprint_of(a["weight"]) is not None:  # kernels made from the image
        raise Untraceable
    for axis in range(rank):
        kernel = a["weight"].shape[2 + axis]
        sizes = found.shape[2 + axis], shape[2 + axis]
        found = found.along(2 + axis, step(*sizes, kernel, stride[axis], padding[axis], dilation[axis]))
    return found.grouped(a["groups"], shape[1])


@rule("avg_pool1d", "avg_pool2d", "avg_pool3d", "max_pool2d_with_indices", "max_pool3d_with_indices")
def _pool(call: Call) -> Footprint:
    a, found = call.args, call.given
    rank = int(call.func._schema.name.split("pool")[1][0])
    kernel = each(a["kernel_size"], rank, 1)
    stride = each(a["stride"], rank, 1) if a["stride"] else kernel
    padding, dilation = each(a["padding"], rank, 0), each(a.get("dilation"), rank, 1)
    for axis in range(rank):
        dim = len(call.shape) - rank + axis
        sizes = found.shape[dim], call.shape[dim]
        found = found.along(dim, index_maps.sliding(*sizes, kernel[axis], stride[axis], padding[axis], dilation[axis]))
    return found


@rule("_adaptive_avg_pool2d", "_adaptive_avg_pool3d", "adaptive_max_pool2d", "adaptive_max_pool3d")
def _adaptive(call: Call) -> Footprint:
    found = call.given
    rank = int(call.func._schema.name[-2])
    for dim in range(len(call.shape) - rank, len(call.shape)):
        whole_axis = call.shape[dim] == 1
        if whole_axis:
            found = found.over([dim], keep=True)
        else:
            found = found.along(dim, index_maps.adaptive(found.shape[dim], call.shape[dim]))
    return found


_INTERPOLATIONS: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {  # (centre, reach) of `interpolated`
    "upsample_nearest": ((0, 0), (1, 0)),
    "_upsample_nearest_exact": ((0.5, 0), (1, 0)),
    "upsample_linear": ((0.5, 0.5), (1, 1)),
    "upsample_bilinear": ((0.5, 0.5), (1, 1)),
    "upsample_trilinear": ((0.5, 0.5), (1, 1)),
    "_upsample_bilinear_aa": ((0.5, 0.5), (1, 1)),
    "upsample_bicubic": ((0.5, 0.5), (2, 2)),
    "_upsample_bicubic_aa": ((0.5, 0.5), (2, 2)),
}
_RANKS = ("1d", "2d", "3d")


def _interpolate(call: Call) -> Footprint:
    """The weights are read off the operation itself, a unit vector at a time: its rounding decides what is read."""
    a, found = call.args, call.given
    name = call.func._schema.name.removeprefix("aten::")
    rank = next(k for k, text in enumerate(_RANKS, 1) if text in name)
    centre, reach = _INTERPOLATIONS[name.replace(_RANKS[rank - 1], "")]
    scales = _scales(a, rank)
    corners = bool(a.get("align_corners", False))
    for axis in range(rank):
        dim = 2 + axis
        n_in, n_out = found.shape[dim], call.shape[dim]
        if n_in == n_out == 1:
            continue
        # Along the last axis, whichever it is: torch's smoothed ones go wrong where that is 1 long.
        dtype = torch.float64 if next(iter(a.values())).dtype == torch.float64 else torch.float32
        unit = torch.eye(n_in, dtype=dtype).reshape(n_in, 1, *[1] * (rank - 1), n_in)
        factors = [*[None] * (rank - 1), scales[axis]]
        switches = [corners] if "align_corners" in a else []
        operation = getattr(torch.ops.aten, name).default
        weights = operation(unit, [*[1] * (rank - 1), n_out], *switches, *factors).reshape(n_in, n_out).T.numpy()
        wide = max(1.0, n_in / n_out) if "_aa" in name else 1.0
        step = index_maps.interpolated(weights, corners, centre, (reach[0] * wide, reach[1] * wide))
        found = found.along(dim, step)
    return found


def _scales(a: dict[str, Any], rank: int) -> list[float | None]:
    if "scale_factors" in a:
        return list(a["scale_factors"] or [None] * rank)
    names = ("scales_d", "scales_h", "scales_w")[3 - rank :] if rank > 1 else ("scales",)
    return [a.get(name) for name in names]


for _kind in _INTERPOLATIONS:
    _base, _aa = _kind.removesuffix("_aa"), "_aa" * _kind.endswith("_aa")
    rule(*(f"{_base}{text}{_aa}" for text in _RANKS))(_interpolate)


@rule("pixel_shuffle")
def _pixel_shuffle(call: Call) -> Footprint:
    found, times = call.given, call.args["upscale_factor"]
    channel = len(call.shape) - 3
    for dim in (channel + 1, channel + 2):
        found = found.along(dim, index_maps.repeated(found.shape[dim], times))
    labels = found.labels
    if (labels != labels.take([0], axis=channel)).any():
        raise Untraceable  # a channel's pixels come from several channels
    return found.along(channel, index_maps.gathered(np.zeros(call.shape[channel])))


@rule("constant_pad_nd", "reflection_pad1d", "reflection_pad2d", "reflection_pad3d")
@rule("replication_pad1d", "replication_pad2d", "replication_pad3d")
def _pad(call: Call) -> Footprint:
    found, amounts = call.given, list(call.args.get("pad") or call.args["padding"])
    name = call.func._schema.name
    mode = "reflect" if "reflection" in name else "replicate" if "replication" in name else "constant"
    for k in range(len(amounts) // 2):
        before, after = amounts[2 * k : 2 * k + 2]
        if before or after:
            dim = len(call.shape) - 1 - k
            found = found.along(dim, index_maps.padded(found.shape[dim], before, after, mode))
    return found

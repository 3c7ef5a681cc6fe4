"""Rules for operations with windows that move over the map: convolutions, pools, interpolations, paddings."""

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
    footprint, shape = call.footprint, call.shape
    if call.footprint_of(a["weight"]) is not None:  # kernels made from the image
        raise Untraceable
    if any(axis >= 0 for _, axis in footprint.dims[1]):  # the image's pixels are the channels, which are summed
        if a["groups"] != 1:
            raise Untraceable
        footprint = footprint.over([1], keep=True)
    for axis in range(rank):
        kernel = a["weight"].shape[2 + axis]
        sizes = footprint.shape[2 + axis], shape[2 + axis]
        footprint = footprint.along(2 + axis, step(*sizes, kernel, stride[axis], padding[axis], dilation[axis]))
    return footprint.grouped(a["groups"], shape[1])


@rule("avg_pool1d", "avg_pool2d", "avg_pool3d", "max_pool2d_with_indices", "max_pool3d_with_indices")
def _pool(call: Call) -> Footprint:
    a, footprint = call.args, call.footprint
    rank = int(call.func._schema.name.split("pool")[1][0])
    kernel = each(a["kernel_size"], rank, 1)
    stride = each(a["stride"], rank, 1) if a["stride"] else kernel
    padding, dilation = each(a["padding"], rank, 0), each(a.get("dilation"), rank, 1)
    for axis in range(rank):
        dim = len(call.shape) - rank + axis
        sizes = footprint.shape[dim], call.shape[dim]
        footprint = footprint.along(
            dim, index_maps.sliding(*sizes, kernel[axis], stride[axis], padding[axis], dilation[axis])
        )
    return footprint


@rule("_adaptive_avg_pool2d", "_adaptive_avg_pool3d", "adaptive_max_pool2d", "adaptive_max_pool3d")
def _adaptive(call: Call) -> Footprint:
    footprint = call.footprint
    rank = int(call.func._schema.name[-2])
    for dim in range(len(call.shape) - rank, len(call.shape)):
        whole_axis = call.shape[dim] == 1
        if whole_axis:
            footprint = footprint.over([dim], keep=True)
        else:
            footprint = footprint.along(dim, index_maps.adaptive(footprint.shape[dim], call.shape[dim]))
    return footprint


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
    """The footprint after an interpolation.

    The operation itself computes its weights, from unit vectors: how it rounds decides which inputs are read.
    """
    a, footprint = call.args, call.footprint
    name = call.func._schema.name.removeprefix("aten::")
    rank = next(k for k, text in enumerate(_RANKS, 1) if text in name)
    centre, reach = _INTERPOLATIONS[name.replace(_RANKS[rank - 1], "")]
    scales = _scales(a, rank)
    corners = bool(a.get("align_corners", False))
    for axis in range(rank):
        dim = 2 + axis
        n_in, n_out = footprint.shape[dim], call.shape[dim]
        if n_in == n_out == 1:
            continue
        # Computed along the last axis, whichever axis it is: torch's antialiased ones are wrong if it has length 1.
        dtype = torch.float64 if next(iter(a.values())).dtype == torch.float64 else torch.float32
        unit = torch.eye(n_in, dtype=dtype).reshape(n_in, 1, *[1] * (rank - 1), n_in)
        factors = [*[None] * (rank - 1), scales[axis]]
        switches = [corners] if "align_corners" in a else []
        operation = getattr(torch.ops.aten, name).default
        weights = operation(unit, [*[1] * (rank - 1), n_out], *switches, *factors).reshape(n_in, n_out).T.numpy()
        wide = max(1.0, n_in / n_out) if "_aa" in name else 1.0
        step = index_maps.interpolated(weights, corners, centre, (reach[0] * wide, reach[1] * wide))
        footprint = footprint.along(dim, step)
    return footprint


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
    footprint, times = call.footprint, call.args["upscale_factor"]
    channel = len(call.shape) - 3
    for dim in (channel + 1, channel + 2):
        footprint = footprint.along(dim, index_maps.repeated(footprint.shape[dim], times))
    labels = footprint.labels
    if (labels != labels.take([0], axis=channel)).any():
        raise Untraceable  # a channel's pixels come from several channels
    return footprint.along(channel, index_maps.gathered(np.zeros(call.shape[channel])))


@rule("constant_pad_nd", "reflection_pad1d", "reflection_pad2d", "reflection_pad3d")
@rule("replication_pad1d", "replication_pad2d", "replication_pad3d")
def _pad(call: Call) -> Footprint:
    footprint, amounts = call.footprint, list(call.args.get("pad") or call.args["padding"])
    name = call.func._schema.name
    mode = "reflect" if "reflection" in name else "replicate" if "replication" in name else "constant"
    for k in range(len(amounts) // 2):
        before, after = amounts[2 * k : 2 * k + 2]
        if before or after:
            dim = len(call.shape) - 1 - k
            footprint = footprint.along(dim, index_maps.padded(footprint.shape[dim], before, after, mode))
    return footprint

"""Footprints through what computes with values: sums over axes, norms, matrix products, and position by position."""

from __future__ import annotations

from functools import reduce

import numpy as np
import torch

from filterscope.receptive_field import index_maps
from filterscope.receptive_field.footprint import Footprint, Untraceable
from filterscope.receptive_field.footprint_joins import together
from filterscope.receptive_field.rules.registry import Call, rule


@rule("mean", "sum", "amax", "amin", "max", "min", "prod", "std", "var", "var_mean", "std_mean", "logsumexp")
@rule("linalg_vector_norm", "norm", "median", "any", "all", "argmax", "argmin", "nansum", "aminmax")
def _reduce(call: Call) -> Footprint:
    found = call.given
    if isinstance(call.args.get("other"), torch.Tensor):  # max and min of two tensors
        return pointwise(call)
    dim = call.args.get("dim")
    dims = range(len(found.dims)) if dim is None or dim == [] else [dim] if isinstance(dim, int) else dim
    return found.over([k % len(found.dims) for k in dims], bool(call.args.get("keepdim", False)))


@rule("_softmax", "_log_softmax", "sort")
def _along_one_axis(call: Call) -> Footprint:
    found = call.given
    return found.mixed([call.args["dim"] % len(found.dims)])


@rule("native_layer_norm", "_fused_rms_norm", "rms_norm")
def _layer_norm(call: Call) -> Footprint:
    found = call.given
    return found.mixed(range(len(found.dims) - len(call.args["normalized_shape"]), len(found.dims)))


@rule("native_group_norm")
def _group_norm(call: Call) -> Footprint:
    found = call.given.mixed(range(2, len(call.shape)))
    return found.grouped(call.args["group"], call.shape[1])


@rule("native_batch_norm", "_native_batch_norm_legit", "cudnn_batch_norm", "miopen_batch_norm")
@rule("_native_batch_norm_legit_no_training", "_batch_norm_with_update", "_batch_norm_no_update")
def _batch_norm(call: Call) -> Footprint:
    training = call.args.get("training", call.args.get("train", False))
    if call.func._schema.name.endswith("no_training") or not training:
        return call.given
    return call.given.mixed([0, *range(2, len(call.shape))])


@rule("mm", "addmm", "bmm", "baddbmm")
def _product(call: Call) -> Footprint:
    """Of what the net computed with a matrix of weights, on either side; of two images' values it is lost."""
    operands = [call.args[name] for name in ("self", "mat1", "batch1", "mat2", "batch2") if name in call.args]
    added = operands.pop(0) if len(operands) == 3 else None
    left, right = operands if len(operands) == 2 else (operands[0], call.args["mat2"])
    seen = [call.footprint_of(left), call.footprint_of(right)]
    if seen.count(None) != 1:
        raise Untraceable
    side = 0 if seen[1] is None else 1
    found = seen[side] or call.given
    dim = len(found.dims) - 1 if side == 0 else len(found.dims) - 2
    new = call.shape[dim]
    found = found.over([dim], keep=True).along(dim, index_maps.gathered(np.zeros(new)))
    other = call.footprint_of(added) if isinstance(added, torch.Tensor) else None
    return found if other is None else together([found, other], call.shape)


def pointwise(call: Call) -> Footprint:
    """Of all tensors among the arguments, broadcast."""
    parts = [part for part in map(call.footprint_of, _tensors(call)) if part is not None]
    return together(parts, call.shape)


def _tensors(call: Call) -> list[torch.Tensor]:
    return [value for value in call.args.values() if isinstance(value, torch.Tensor)]


@rule("mul", "div")
def _product_by_position(call: Call) -> Footprint:
    factors = [part for part in map(call.footprint_of, _tensors(call)) if part is not None]
    return _multiplied(factors, call.shape)


@rule("addcmul")
def _sum_with_a_product(call: Call) -> Footprint:
    """`self + value · tensor1 · tensor2`: what is added is no factor."""
    factors = [call.footprint_of(call.args[name]) for name in ("tensor1", "tensor2")]
    depending = [part for part in factors if part is not None]
    added = call.footprint_of(call.args["self"])
    terms = [added] if added is not None else []
    if depending:
        terms.append(_multiplied(depending, call.shape))
    return together(terms, call.shape)


def _multiplied(factors: list[Footprint], shape: tuple[int, ...]) -> Footprint:
    """A factor that sees nothing may be a zero of the padding, and then nothing is seen through the other either."""
    product = together(factors, shape)
    if len(factors) < 2:
        return product
    if any((factor.labels < 0).any() for factor in factors):
        return product.doubtful()
    reaches = [reach for factor in factors for reach in factor.reaches]
    for axis in range(len(reaches[0].seen)):
        empty = reduce(np.logical_or, [reach.empty(axis) for reach in reaches])
        if empty.any():
            doubted = tuple(reach.doubted(axis, empty) for reach in product.reaches)
            product = Footprint(product.dims, product.labels, doubted)
    return product


# torch leaves out the tag of these.
rule("hardswish", "hardsigmoid", "hardtanh", "_prelu_kernel", "log_sigmoid_forward", "rrelu_with_noise")(pointwise)
rule("softplus", "softshrink", "hardshrink", "threshold", "celu", "elu", "leaky_relu", "mish", "gelu")(pointwise)
rule("masked_fill", "where", "lerp", "addcdiv", "nan_to_num", "clamp", "relu6", "cudnn_relu")(pointwise)


@rule("glu")
def _glu(call: Call) -> Footprint:
    found = call.given
    dim = call.args["dim"] % len(found.dims)
    n_in, n_out = found.shape[dim], call.shape[dim]
    halves = [found.along(dim, index_maps.sliced(n_in, n_out, start, 1)) for start in (0, n_out)]
    return together(halves, call.shape)

"""Rules for operations that compute with values: sums over axes, norms, matrix products, and pointwise ones."""

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
    footprint = call.footprint
    if isinstance(call.args.get("other"), torch.Tensor):  # max and min of two tensors
        return pointwise(call)
    dim = call.args.get("dim")
    dims = range(len(footprint.dims)) if dim is None or dim == [] else [dim] if isinstance(dim, int) else dim
    return footprint.over([k % len(footprint.dims) for k in dims], bool(call.args.get("keepdim", False)))


@rule("_softmax", "_log_softmax", "sort")
def _along_one_axis(call: Call) -> Footprint:
    footprint = call.footprint
    return footprint.mixed([call.args["dim"] % len(footprint.dims)])


@rule("native_layer_norm", "_fused_rms_norm", "rms_norm")
def _layer_norm(call: Call) -> Footprint:
    footprint = call.footprint
    return footprint.mixed(range(len(footprint.dims) - len(call.args["normalized_shape"]), len(footprint.dims)))


@rule("native_group_norm")
def _group_norm(call: Call) -> Footprint:
    footprint = call.footprint.mixed(range(2, len(call.shape)))
    return footprint.grouped(call.args["group"], call.shape[1])


@rule("native_batch_norm", "_native_batch_norm_legit", "cudnn_batch_norm", "miopen_batch_norm")
@rule("_native_batch_norm_legit_no_training", "_batch_norm_with_update", "_batch_norm_no_update")
def _batch_norm(call: Call) -> Footprint:
    training = call.args.get("training", call.args.get("train", False))
    if call.func._schema.name.endswith("no_training") or not training:
        return call.footprint
    return call.footprint.mixed([0, *range(2, len(call.shape))])


@rule("mm", "addmm", "bmm", "baddbmm")
def _product(call: Call) -> Footprint:
    """The product of a tensor that depends on the image with one that does not, on either side; else untraceable."""
    operands = [call.args[name] for name in ("self", "mat1", "batch1", "mat2", "batch2") if name in call.args]
    added = operands.pop(0) if len(operands) == 3 else None
    left, right = operands if len(operands) == 2 else (operands[0], call.args["mat2"])
    seen = [call.footprint_of(left), call.footprint_of(right)]
    if seen.count(None) != 1:
        raise Untraceable
    side = 0 if seen[1] is None else 1
    footprint = seen[side] or call.footprint
    dim = len(footprint.dims) - 1 if side == 0 else len(footprint.dims) - 2
    length = call.shape[dim]
    footprint = footprint.over([dim], keep=True).along(dim, index_maps.gathered(np.zeros(length)))
    added_footprint = call.footprint_of(added) if isinstance(added, torch.Tensor) else None
    return footprint if added_footprint is None else together([footprint, added_footprint], call.shape)


def pointwise(call: Call) -> Footprint:
    """The footprint after an operation on equal positions of all tensors among the arguments, broadcast."""
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
    """The footprint of a product, as an upper bound where a factor sees nothing.

    Such a factor may be a zero of a padding, and then nothing is seen through the other factor either.
    """
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


# Pointwise operations that torch does not tag as such.
rule("hardswish", "hardsigmoid", "hardtanh", "_prelu_kernel", "log_sigmoid_forward", "rrelu_with_noise")(pointwise)
rule("softplus", "softshrink", "hardshrink", "threshold", "celu", "elu", "leaky_relu", "mish", "gelu")(pointwise)
rule("masked_fill", "where", "lerp", "addcdiv", "nan_to_num", "clamp", "relu6", "cudnn_relu")(pointwise)


@rule("glu")
def _glu(call: Call) -> Footprint:
    footprint = call.footprint
    dim = call.args["dim"] % len(footprint.dims)
    n_in, n_out = footprint.shape[dim], call.shape[dim]
    halves = [footprint.along(dim, index_maps.sliced(n_in, n_out, start, 1)) for start in (0, n_out)]
    return together(halves, call.shape)

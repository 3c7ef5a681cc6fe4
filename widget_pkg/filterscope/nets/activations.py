"""From a convolution's output to its activation.

The *activation* of a layer is its output after the normalisation and the nonlinearity that the net applies to it, as
modules or as functions. The walk stops before anything that takes a second tensor, has several consumers or moves the
channel axis; a pool is passed only where a nonlinearity follows it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from torch.nn.modules.conv import _ConvNd

from filterscope.nets.conv_call import ConvCall
from filterscope.nets.tracing import Operation, Trace

# fmt: off
NONLINEARITIES = frozenset([
    "celu", "clamp", "clamp_max", "clamp_min", "elu", "gelu", "hardshrink", "hardsigmoid", "hardswish",
    "hardtanh", "leaky_relu", "log_sigmoid", "logsigmoid", "mish", "module nonlinearity", "prelu", "relu", "relu6",
    "rrelu", "selu", "sigmoid", "silu", "softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold",
])
NORMALISATIONS = frozenset([
    "batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "module norm",
    "native_batch_norm", "native_batch_norm_legit_no_training", "native_group_norm", "native_layer_norm", "rms_norm",
])
POOLS = frozenset([
    "adaptive_avg_pool", "adaptive_max_pool", "avg_pool", "fractional_max_pool", "lp_pool", "max_pool",
])
# In eval mode these hand on what they were given, some in another dtype.
TRANSPARENT = frozenset([
    "alpha_dropout", "bfloat16", "clone", "contiguous", "detach", "double", "dropout", "feature_alpha_dropout",
    "feature_dropout", "float", "half", "to",
])
# fmt: on


_RANK = re.compile(r"[123]d(_with_indices)?$")


@dataclass(frozen=True)
class Activation:
    """Where a layer's activation is found: so many operations after the convolution, and what they are called.

    Attributes:
        path: For each operation on the way from the convolution's output to the activation, how many others take the
            same tensor before it; empty where the two are the same tensor.
        name: `conv2 → relu`, `layer1.0.conv2 → bn2 (before add)`.
        normed: Whether a normalisation stands on that way.
    """

    path: tuple[int, ...]
    name: str
    normed: bool = False


def find_activation(trace: Trace, call: ConvCall, layer_name: str) -> Activation:
    """Walks from a convolution to the tensor that is its activation.

    Args:
        trace: The complete pass.
        call: The convolution's call in it.
        layer_name: The layer's name in `named_modules()`.
    """
    operation = trace.operations[call.operation]
    path: list[int] = []  # operations walked
    kept = 0  # of these, up to the last one that belongs to the activation
    names: list[str] = []
    pending: list[str] = []  # a pool and what follows it, until a nonlinearity says that it is passed
    ending = ""
    normed = waiting = False  # on the way kept, and behind a pool that is not yet passed
    while True:
        following = trace.following(operation.outputs[0])
        if len(following) != 1:
            ending = "several consumers" if following else ""
            break
        operation, previous = trace.operations[following[0]], operation
        kind = kind_of(operation)
        # One image as the only input and the channel axis where it was; a second tensor ends the walk.
        if len(operation.inputs) != 1 or operation.shape[:2] != previous.shape[:2]:
            ending = f"before {label(operation, layer_name)}"
            break
        path.append(trace.consumers[previous.outputs[0]].index(following[0]))
        if kind in TRANSPARENT:
            continue
        if kind in NONLINEARITIES:
            names += [*pending, label(operation, layer_name)]
            return Activation(tuple(path), " → ".join([layer_name, *names]), normed or waiting)
        if kind in POOLS:
            pending.append(label(operation, layer_name))
        elif kind in NORMALISATIONS:
            if pending:
                pending.append(label(operation, layer_name))
                waiting = True
            else:
                names.append(label(operation, layer_name))
                kept, normed = len(path), True
        else:
            ending = f"before {label(operation, layer_name)}"
            break
    name = " → ".join([layer_name, *names])
    return Activation(tuple(path[:kept]), f"{name} ({ending})" if ending else name, normed)


def kind_of(operation: Operation) -> str:
    """An operation's name without its rank and the underscore of an in-place one: `max_pool`, `relu`."""
    return _RANK.sub("", operation.name.strip("_"))


def label(operation: Operation, layer_name: str) -> str:
    """A module's name beside the layer, else the function's: `bn2`, `relu`; a bare number becomes the class's name."""
    frame = operation.frame
    is_leaf = frame.name != "" and next(frame.module.children(), None) is None
    if not is_leaf or isinstance(frame.module, _ConvNd):
        return operation.name.strip("_")
    parent = layer_name.rpartition(".")[0]
    inside = f"{parent}." if parent else ""
    relative = frame.name[len(inside) :] if frame.name.startswith(inside) else frame.name
    return type(frame.module).__name__ if relative.rpartition(".")[2].isdigit() else relative

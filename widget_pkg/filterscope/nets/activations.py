"""Finds the tensor that is a convolution's activation.

The *activation* of a layer is its output after the normalisation and the nonlinearity that the net applies to it, as
modules or as functions. The walk from the convolution stops before an operation that takes a second tensor or moves the
channel axis, and at a tensor with several consumers. It passes a pool only where a nonlinearity follows.
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
# In eval mode these return their input, some of them in another dtype.
TRANSPARENT = frozenset([
    "alpha_dropout", "bfloat16", "clone", "contiguous", "detach", "double", "dropout", "feature_alpha_dropout",
    "feature_dropout", "float", "half", "to",
])
# fmt: on


_RANK = re.compile(r"[123]d(_with_indices)?$")


@dataclass(frozen=True)
class Activation:
    """The operations from a convolution's output to the layer's activation, and their names.

    Attributes:
        path: One number for each operation from the convolution's output to the activation: how many other operations
            take the same input tensor before it. Empty where the convolution's output is the activation.
        name: The layer and the operations, `conv2 → relu` or `layer1.0.conv2 → bn2 (before add)`.
        normed: Whether a normalisation is among the operations.
    """

    path: tuple[int, ...]
    name: str
    normed: bool = False


def find_activation(trace: Trace, call: ConvCall, layer_name: str) -> Activation:
    """Walks from a convolution to the tensor that is its activation.

    Args:
        trace: The whole pass.
        call: The convolution's call in that pass.
        layer_name: The layer's name in `named_modules()`.

    Returns:
        The operations from the convolution to its activation.
    """
    operation = trace.operations[call.operation]
    path: list[int] = []  # operations walked
    kept = 0  # how many of them belong to the activation
    names: list[str] = []
    pending: list[str] = []  # a pool and the norms after it: they count only if a nonlinearity follows
    ending = ""
    normed = waiting = False  # a norm among the operations that count, and one among the pending operations
    while True:
        following = trace.following(operation.outputs[0])
        if len(following) != 1:
            ending = "several consumers" if following else ""
            break
        operation, previous = trace.operations[following[0]], operation
        kind = kind_of(operation)
        # The walk goes on through operations with one input that leave batch and channel axis in place.
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
    """An operation's name without its rank and without an in-place underscore: `max_pool`, `relu`."""
    return _RANK.sub("", operation.name.strip("_"))


def label(operation: Operation, layer_name: str) -> str:
    """An operation's name for people: `bn2`, `relu`.

    The module's name, without the prefix that it shares with the layer, or its class's name where that is a bare number
    (in `nn.Sequential`). The function's name where no leaf module ran it.
    """
    running = operation.running
    is_leaf = running.name != "" and next(running.module.children(), None) is None
    if not is_leaf or isinstance(running.module, _ConvNd):
        return operation.name.strip("_")
    parent = layer_name.rpartition(".")[0]
    inside = f"{parent}." if parent else ""
    relative = running.name[len(inside) :] if running.name.startswith(inside) else running.name
    return type(running.module).__name__ if relative.rpartition(".")[2].isdigit() else relative

"""Lists the convolutions of a net in the order in which a forward pass reaches them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.parameter import is_lazy

from filterscope.errors import NetError
from filterscope.nets.activations import Activation, find_activation
from filterscope.nets.conv_call import ConvCall
from filterscope.nets.supported import QUANTISED, unseen_parts
from filterscope.nets.tracing import Trace
from filterscope.text import well_formed

ReadWeights = Callable[[int], tuple[np.ndarray, np.ndarray | None]]
"""Returns a layer's live kernels and bias, by the layer's index."""


@dataclass(frozen=True, eq=False)
class ConvLayer:
    """One call of a convolution in a forward pass; the words are `torch.nn.Conv2d`'s.

    The tuples have one entry for each spatial axis, 1 for Conv1d, 2 for Conv2d, 3 for Conv3d: `k` stands for them.

    Attributes:
        index: Number of the layer in execution order, from 0.
        name: Its module's name in `named_modules()`; for a convolution called as a function, the name of the module
            that calls it.
        call: 0 for the first call of that name in the pass, 1 for the second, ...
        module: The module in the user's own net, or None for a convolution called as a function.
        in_channels: `C_in`.
        out_channels: `F`, the number of filters.
        kernel_size: `(kH, kW)`.
        stride: `(row, column)`.
        padding: `(row, column)`, or `"same"` or `"valid"` as the module has it.
        padding_mode: `"zeros"`, `"reflect"`, `"replicate"` or `"circular"`.
        dilation: `(row, column)`.
        groups: Number of groups.
        transposed: Whether it is a transposed convolution.
        output_padding: `(row, column)`, added at the end of a transposed one's output.
        out_shape: `(F, H', W')` for the image the explorer was made with.
        activation: The operations that lead to the layer's activation.
        items: Items in its input for that image, of which the first is shown. 1, unless the net makes a batch of the
            one image: the boxes of a detection net, the pictures of a clip.
        plain: Whether the weight is the module's own parameter and not computed in the forward pass.
        dynamic: Whether the kernels are computed from the image, so that each image has its own, as in dynamic and
            conditional convolutions, hypernetworks and the trackers that search one image for another.
        dynamic_bias: Whether the bias is.

    Example:
        >>> from filterscope import Explorer, demo
        >>> layer = Explorer(demo.fashion_net(), demo.fashion_test_data()).layers[1]
        >>> layer.name, layer.kernel_size, layer.stride, layer.out_shape
        ('conv2', (3, 3), (1, 1), (20, 11, 11))
        >>> layer.kernels.shape
        (20, 10, 3, 3)
    """

    index: int
    name: str
    call: int
    module: nn.Module | None
    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...] | str
    padding_mode: str
    dilation: tuple[int, ...]
    groups: int
    transposed: bool
    output_padding: tuple[int, ...]
    out_shape: tuple[int, ...]
    activation: Activation = field(repr=False)
    items: int = field(repr=False)
    plain: bool = field(repr=False)
    dynamic: bool = field(repr=False)
    dynamic_bias: bool = field(repr=False)
    _read: ReadWeights = field(repr=False)

    @property
    def kernels(self) -> np.ndarray:
        """A copy of the live weights, float32 `(F, C_in/groups, *k)`, also for a transposed convolution.

        Of a `dynamic` layer they are those of one image: of the explorer's selected image, or else of the one that the
        layers were found with.
        """
        return self._read(self.index)[0]

    @property
    def bias(self) -> np.ndarray | None:
        """A copy of the live bias, float32 `(F,)`, of the image whose `kernels` these are; None where there is none."""
        return self._read(self.index)[1]

    @property
    def channels(self) -> int:
        """Number of kernels in each filter, `C_in/groups`."""
        return self.in_channels // self.groups

    @property
    def rank(self) -> int:
        """Number of spatial axes: 1, 2 or 3."""
        return len(self.kernel_size)

    @property
    def pads(self) -> tuple[tuple[int, int], ...]:
        """Padding in pixels, `((top, bottom), (left, right))`; `"same"` puts an odd pixel at the end, as torch does."""
        if self.padding == "valid":
            return ((0, 0),) * self.rank
        if isinstance(self.padding, str):
            totals = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
            return tuple((total // 2, total - total // 2) for total in totals)
        return tuple((pad, pad) for pad in self.padding)

    @property
    def spoken(self) -> str:
        """The name as a sentence has it: `conv2`; `layer 0` where the name is a number, as in `nn.Sequential`."""
        return f"layer {self.name}" if self.name[:1].isdigit() else self.name

    @property
    def title(self) -> str:
        """The layer in one line, `conv2 · Conv2d(10→20, 3×3) · 20×11×11`, with all options that are not the default."""
        options = [f"{self.in_channels}→{self.out_channels}", "×".join(map(str, self.kernel_size))]
        if set(self.stride) != {1}:
            options.append(f"stride {_short(self.stride)}")
        if self.padding != "valid" and set(self.padding) != {0}:
            mode = "" if self.padding_mode == "zeros" else f" {self.padding_mode}"
            options.append(f"padding {_short(self.padding)}{mode}")
        if set(self.dilation) != {1}:
            options.append(f"dilation {_short(self.dilation)}")
        if self.groups != 1:
            options.append(f"groups {self.groups}")
        function = f"conv{'_transpose' * self.transposed}{self.rank}d"
        kind = function if self.module is None else type(self.module).__name__
        again = f" (call {self.call})" if self.call else ""
        size = "×".join(map(str, self.out_shape))
        return well_formed(f"{self.name}{again} · {kind}({', '.join(options)}) · {size}")


def _short(value: tuple[int, ...] | str) -> str:
    if isinstance(value, str):
        return value
    return str(value[0]) if len(set(value)) == 1 else "×".join(map(str, value))


def layers_of(
    net: nn.Module, calls: Sequence[ConvCall], trace: Trace, read_weights: ReadWeights
) -> tuple[ConvLayer, ...]:
    """The layers that a forward pass reached, in execution order.

    Args:
        net: The user's net.
        calls: The convolution calls of the pass.
        trace: The operations of the pass.
        read_weights: Returns a layer's live kernels and bias, by the layer's index.

    Raises:
        NetError: If the pass reached no convolution that can be shown.
    """
    if not calls:
        raise NetError(_no_convolution(net, trace.left_out))
    modules = dict(net.named_modules())
    counted: Counter[str] = Counter()
    layers = []
    for index, call in enumerate(calls):
        layers.append(_layer(index, call, modules, counted[call.name], trace, read_weights))
        counted[call.name] += 1
    return tuple(layers)


def _layer(
    index: int, call: ConvCall, modules: dict[str, nn.Module], number: int, trace: Trace, read_weights: ReadWeights
) -> ConvLayer:
    weight = call.kernels
    module = modules.get(call.name)
    own_weights = call.dynamic or call.dynamic_bias
    plain = module is not None and not own_weights and _is_plain(call, module)
    return ConvLayer(
        index=index,
        name=call.name,
        call=number,
        module=module if plain or isinstance(module, _ConvNd | torch.jit.ScriptModule) else None,
        plain=plain,
        dynamic=call.dynamic,
        dynamic_bias=call.dynamic_bias,
        in_channels=weight.shape[1] * call.groups,
        out_channels=weight.shape[0],
        kernel_size=tuple(weight.shape[2:]),
        stride=call.stride,
        padding=call.padding,
        padding_mode=call.padding_mode,
        dilation=call.dilation,
        groups=call.groups,
        transposed=call.transposed,
        output_padding=call.output_padding,
        out_shape=tuple(call.output.shape[-1 - call.rank :]),
        activation=find_activation(trace, call, call.name),
        items=call.items,
        _read=read_weights,
    )


def _is_plain(call: ConvCall, module: nn.Module) -> bool:
    """Whether weight and bias are the module's own parameters; this computes no parametrised weight."""
    parameters = dict(module._parameters.items())  # the dictionary of a scripted module has no `get`
    return parameters.get("weight") is call.weight and parameters.get("bias") is call.bias


def net_inputs(net: object) -> tuple[tuple[int, int | None], ...]:
    """The kinds of images that the net may take, the likeliest first.

    Before a pass nobody knows which convolution runs first: a class may define them in any order. A convolution whose
    number of input channels is another one's number of output channels is probably not the first, so it is left out,
    unless that leaves none. Other parameters of a kernel's shape may be meant for `F.conv2d`; they come last.

    Args:
        net: The user's net.

    Returns:
        Pairs (spatial axes, input channels), at least one; axes are 1, 2 or 3, channels None where they are not known.
    """
    modules = list(net.modules()) if isinstance(net, nn.Module) else []
    convolutions = [module for module in modules if isinstance(module, _ConvNd)]
    from_modules = [(len(conv.kernel_size), conv.in_channels or None, conv.out_channels) for conv in convolutions]
    parameters = chain(*(dict(m._parameters.items()).values() for m in modules if not isinstance(m, _ConvNd)))
    shapes = [tuple(p.shape) for p in parameters if p is not None and not is_lazy(p)]
    functional = [(len(s) - 2, s[1], s[0]) for s in shapes if 3 <= len(s) <= 5 and max(s[2:]) > 1]
    return tuple(dict.fromkeys(_first_inputs(from_modules) + _first_inputs(functional))) or ((2, None),)


def vector_length(net: object) -> int | None:
    """Length of the vectors that a net takes in place of images, as a generator does; None where none is known.

    It is known where the net's first module with weights is a linear one, or a transposed convolution.

    Args:
        net: The user's net.
    """
    for module in net.modules() if isinstance(net, nn.Module) else ():
        weight = dict(module._parameters.items()).get("weight")
        if weight is None or is_lazy(weight) or weight.ndim < 2:
            continue
        if isinstance(module, _ConvTransposeNd):
            return int(weight.shape[0])
        return int(weight.shape[1]) if weight.ndim == 2 and not isinstance(module, nn.Embedding) else None
    return None


def _first_inputs(convolutions: Sequence[tuple[int, int | None, int]]) -> list[tuple[int, int | None]]:
    """The (rank, in_channels) of convolutions (rank, in_channels, out_channels) that are no other's output; or all."""
    produced = {outputs for _, inputs, outputs in convolutions if inputs != outputs}
    first = [(rank, inputs) for rank, inputs, _ in convolutions if inputs not in produced]
    return first or [(rank, inputs) for rank, inputs, _ in convolutions]


def left_out_in_words(left_out: dict[str, str]) -> str:
    """Convolutions that cannot be shown and why, `a (complex), b (deformable)`; the first five."""
    words = [f"{name} ({reason})" for name, reason in left_out.items()]
    return ", ".join(words[:5]) + (f" and {len(words) - 5} more" if len(words) > 5 else "")


def _no_convolution(net: nn.Module, left_out: dict[str, str]) -> str:
    """The error message for a net in whose forward pass no convolution was found that can be shown."""
    quantised = [name for name, reason in unseen_parts(net).items() if reason == QUANTISED]
    if quantised:
        return (
            f"no convolution found in a forward pass of the net but quantised ones ({', '.join(quantised[:5])}), which "
            "compute in int8 with packed weights. Give the float net that it was made from."
        )
    if left_out:
        return (
            f"no convolution of the net can be shown: {left_out_in_words(left_out)}. Explorer shows convolutions with "
            "real weights whose numbers can be read, such as nn.Conv2d."
        )
    unreached = [
        f"{name} ({type(module).__name__})"
        for name, module in net.named_modules()
        if isinstance(module, _ConvNd) and name
    ]
    reason = f"{type(net).__name__} has none"
    if unreached:
        reason = f"it has {', '.join(unreached[:5])}, none of them reached from the image"
    return (
        f"no convolution found in a forward pass of the net: {reason}. Explorer shows nets with nn.Conv2d and the like."
    )

"""The arithmetic of one position: patch × kernel, summed, plus bias, then through normalisation and nonlinearity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from filterscope.filters.rounding import Computed
from filterscope.filters.steps import Step
from filterscope.nets.layers import ConvLayer

_SHOWN_CHANNELS = 3
_SHOWN_CELLS = 25
_LISTED_CHANNELS = 8


@dataclass(frozen=True, eq=False, repr=False)
class Arithmetic:
    """The computation of one value of a layer's map.

    Cell by cell, `products = patch * kernel`. The sum of each channel's products is its entry of `channel_sums`; the
    sum of these and the bias is the pre-activation. The patch of a transposed convolution is in the order of its
    kernel: each cell has the input pixel that the cell stamps on this position.

    Attributes:
        layer: The layer's name.
        filter: Index of the filter.
        position: The value's position in the map, `(row, column)`.
        patch: The part of the input under the kernels: float32 `(C_in/groups, *k)`, with the padding's values.
        kernel: The filter's kernels: float32 `(C_in/groups, *k)`.
        products: float32 `(C_in/groups, *k)`.
        channel_sums: float32 `(C_in/groups,)`; each sum is taken in float64.
        bias: float32 `()`; 0 where the layer has none.
        pre_activation: The net's own value, float32 `()`: `explorer.pre_activation` at this position.
        activation: float32 `()`, after the steps; NaN where the position is in no window of a pool.
        recomputed: The products and the bias summed in float64, float64 `()`.
        difference: `|recomputed − pre_activation|`, float64 `()`.
        rounding: The largest difference that rounding explains, in the dtypes in which the net computes: float64 `()`;
            see `filterscope.filters.rounding`.
        channels: The channels of the layer's input in the patch, `(first, end)`.
        sources: For each spatial axis, int64 `(k,)`: the index in the layer's input of each cell's value (a padding
            mode may take it from inside); −1 where the value is a 0 that is not in the input.
        padding: bool `(*k)`, True for cells outside of the layer's input.
        between: bool `(*k)`, True for cells of a transposed convolution that meet no input pixel, because the stride
            keeps the pixels apart.
        padding_mode: `"zeros"`, `"reflect"`, `"replicate"` or `"circular"`.
        steps: The steps from the pre-activation to the activation, with their values.
        activation_name: Name of the activation, `conv2 → relu`.

    Example:
        >>> from filterscope import Explorer, demo
        >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data(), layer_index=1)
        >>> value = explorer.arithmetic(4, 5)
        >>> value.products.shape, value.agrees, bool(value.pre_activation == explorer.pre_activation[4, 5])
        ((10, 3, 3), True, True)
    """

    layer: str
    filter: int
    position: tuple[int, ...]
    patch: np.ndarray
    kernel: np.ndarray
    products: np.ndarray
    channel_sums: np.ndarray
    bias: np.float32
    pre_activation: np.float32
    activation: np.float32
    recomputed: np.float64
    difference: np.float64
    rounding: np.float64
    channels: tuple[int, int]
    sources: tuple[np.ndarray, ...]
    padding: np.ndarray
    between: np.ndarray
    padding_mode: str
    steps: tuple[Step, ...]
    activation_name: str

    @property
    def agrees(self) -> bool:
        """Whether `recomputed` and `pre_activation` differ by no more than rounding."""
        return bool(self.difference <= self.rounding)

    @property
    def order(self) -> np.ndarray:
        """The channels sorted by how much they contribute, the largest first: int64 `(C_in/groups,)`."""
        return np.argsort(-np.abs(self.channel_sums), kind="stable")

    def __repr__(self) -> str:
        return "\n".join(_lines(self))


def compute(
    layer: ConvLayer,
    layer_input: np.ndarray,
    kernel: np.ndarray,
    bias: float | None,
    pre_activation: np.float32,
    steps: tuple[Step, ...],
    filter_index: int,
    position: tuple[int, ...],
    computed: Computed,
) -> Arithmetic:
    """The arithmetic of one position.

    Args:
        layer: The layer.
        layer_input: The layer's input, float32 `(C_in, H, W)`.
        kernel: The filter's kernels, float32 `(C_in/groups, kH, kW)`.
        bias: The filter's bias, None where the layer has none.
        pre_activation: The net's own value at the position.
        steps: The steps from there to the activation.
        filter_index: Index of the filter.
        position: `(row, column)` in the layer's map.
        computed: In which dtypes the net computes it, and where.
    """
    first = filter_index // (layer.out_channels // layer.groups) * layer.channels
    axis_taps = [_taps(layer, axis, index, layer_input.shape[1 + axis]) for axis, index in enumerate(position)]
    sources = tuple(source for source, _, _ in axis_taps)
    padding, between = (_any_axis([taps[kind] for taps in axis_taps]) for kind in (1, 2))
    padding &= ~between
    patch = layer_input[first : first + layer.channels]
    for axis, source in enumerate(sources):
        patch = patch.take(source.clip(0), axis=1 + axis)
    patch = np.where(_any_axis([source < 0 for source in sources]), np.float32(0), patch)
    products = patch * kernel
    sums = products.reshape(len(products), -1).sum(axis=1, dtype=np.float64)
    recomputed = products.sum(dtype=np.float64) + (0.0 if bias is None else float(bias))
    size = np.abs(products).sum(dtype=np.float64) + abs(bias or 0.0)
    return Arithmetic(
        layer=layer.name,
        filter=filter_index,
        position=position,
        patch=patch,
        kernel=kernel,
        products=products,
        channel_sums=sums.astype(np.float32),
        bias=np.float32(0 if bias is None else bias),
        pre_activation=pre_activation,
        activation=steps[-1].value if steps else pre_activation,
        recomputed=recomputed,
        difference=np.abs(recomputed - pre_activation),
        rounding=np.float64(computed.share(layer, bias is not None) * size + computed.least(layer)),
        channels=(first, first + layer.channels),
        sources=sources,
        padding=padding,
        between=between,
        padding_mode=layer.padding_mode,
        steps=steps,
        activation_name=layer.activation.name,
    )


def _taps(layer: ConvLayer, axis: int, index: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the kernel's cells lie in the layer's input along one axis.

    Args:
        layer: The layer.
        axis: Spatial axis, from 0.
        index: The position's index along that axis.
        size: Length of the layer's input along that axis.

    Returns:
        For each cell: its index in the input, int64 `(k,)`, −1 for none; whether it is in the padding, bool `(k,)`;
        whether it is between the pixels, bool `(k,)`.
    """
    reached = np.arange(layer.kernel_size[axis]) * layer.dilation[axis]
    stride, before = layer.stride[axis], layer.pads[axis][0]
    between = np.zeros(len(reached), bool)
    if layer.transposed:
        reached = index + before - reached
        between = reached % stride != 0
        place = reached // stride
    else:
        place = index * stride - before + reached
    outside = (place < 0) | (place >= size)
    if layer.padding_mode == "reflect":
        place = np.abs(place)
        place = np.where(place >= size, 2 * (size - 1) - place, place)
    elif layer.padding_mode == "replicate":
        place = place.clip(0, size - 1)
    elif layer.padding_mode == "circular":
        place = place % size
    sources = np.where((place < 0) | (place >= size) | between, -1, place)
    return sources, outside, between


def _any_axis(flags: list[np.ndarray]) -> np.ndarray:
    """The cells where the flag of any axis is True: bool `(*k)`, from bool `(k,)` for each axis."""
    cells = flags[0]
    for more in flags[1:]:
        cells = cells[..., None] | more
    return cells


# As text


def _lines(a: Arithmetic) -> list[str]:
    count, *size = a.kernel.shape
    place = ", ".join(map(str, a.position))
    lines = [f"{a.layer}, filter {a.filter}, position ({place}): kernel {'×'.join(map(str, size))}, {_of(count)}"]
    order = a.order
    shown = order[:_SHOWN_CHANNELS] if a.kernel[0].size <= _SHOWN_CELLS and len(size) < 3 else order[:0]
    for channel in shown:
        lines += ["", f"channel {channel}: patch × kernel = products, sum {_number(a.channel_sums[channel])}"]
        lines += _cells(a, channel)
    if shown.size and a.padding.any():
        lines.append(f"  ( ) in the padding ({a.padding_mode})")
    if shown.size and a.between.any():
        lines.append("  · between the input's pixels")
    rest = order[len(shown) :]
    listed = rest[:_LISTED_CHANNELS]
    lines.append("")
    lines += [f"{'channel ' + str(channel):<24}{_number(a.channel_sums[channel]):>12}" for channel in listed]
    if len(rest) > len(listed):
        others = a.channel_sums[rest[len(listed) :]].sum(dtype=np.float64)
        lines.append(f"{f'{len(rest) - len(listed)} more channels':<24}{_number(others):>12}")
    total = a.channel_sums.sum(dtype=np.float64)
    lines.append(f"{'sum over the channels':<24}{_number(total):>12}")
    lines.append(f"{'+ bias':<24}{_number(a.bias):>12}")
    lines.append(f"{'= recomputed':<24}{_number(a.recomputed):>12}")
    verdict = "rounding" if a.agrees else f"more than rounding, {a.rounding:.1e}"
    lines.append(f"{'pre-activation':<24}{_number(a.pre_activation):>12}   differs by {a.difference:.1e}: {verdict}")
    for step in a.steps:
        note = f"   {step.note}" if step.note else ""
        lines.append(f"{'→ ' + step.name:<24}{_number(step.value):>12}{note}")
    lines.append(f"{'activation':<24}{_number(a.activation):>12}   {a.activation_name}")
    return lines


def _of(channels: int) -> str:
    return f"{channels} channel{'s' * (channels != 1)}"


def _cells(a: Arithmetic, channel: int) -> list[str]:
    rows = a.kernel.shape[1] if a.kernel.ndim > 2 else 1
    flat = [part[channel].reshape(rows, -1) for part in (a.patch, a.kernel, a.products)]
    padding, between = a.padding.reshape(rows, -1), a.between.reshape(rows, -1)
    lines = []
    for row in range(rows):
        patch = [
            "·" if gap else f"({_number(value)})" if outside else f"{_number(value)} "
            for value, outside, gap in zip(flat[0][row], padding[row], between[row], strict=True)
        ]
        parts = [patch, *([_number(value) for value in part[row]] for part in flat[1:])]
        middle = row == rows // 2
        text = [" ".join(f"{cell:>10}" for cell in part) for part in parts]
        lines.append(f"{text[0]}  {'×' if middle else ' '} {text[1]}  {'=' if middle else ' '} {text[2]}")
    return lines


def _number(value: float | np.floating) -> str:
    """Four significant digits, with a true minus sign."""
    return f"{float(value) + 0.0:.4g}".replace("-", "−")  # + 0: no minus before a zero

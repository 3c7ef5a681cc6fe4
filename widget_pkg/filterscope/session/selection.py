"""What is selected, and what a selection may be: the same sentences for Python's traits and for a page's requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from filterscope.engine.engine import Engine
from filterscope.filters.response import SOURCES, Source
from filterscope.nets.layers import ConvLayer

Scale = Literal["layer", "map"]
SCALES: tuple[Scale, Scale] = ("layer", "map")
TRAITS = ("image_index", "layer_index", "filter_index", "channel", "source")
"""Of an explorer, in the order of a `Selection`."""


@dataclass(frozen=True)
class Selection:
    """What is shown: the five traits, and what only a page chooses.

    Args:
        image: Index of the image.
        layer: Index of the layer.
        filter: Index of the filter.
        channel: Which of the filter's kernels; None for all.
        source: What filter2D runs over.
        scale: Whether the maps of a layer share one scale.
        plane: Which channel of an image is drawn where they cannot be drawn together; None for the one that the kernel
            looks at.
        slice: Which slice of the layer's maps is drawn where they are volumes; None for the middle one.
        kernel_slice: Which slice of a kernel is drawn where kernels are volumes; None for the middle one.
    """

    image: int
    layer: int
    filter: int
    channel: int | None
    source: Source
    scale: Scale = "layer"
    plane: int | None = None
    slice: int | None = None
    kernel_slice: int | None = None


def check_image(engine: Engine, value: Any, name: str = "image_index") -> int:
    """The index of an image; ValueError names the range."""
    if isinstance(value, int) and value >= len(engine.source):
        engine.source.reach(value)  # a stream is read as far as somebody asks
    return _index(value, len(engine.source), name, "this data set has images")


def check_layer(engine: Engine, value: Any, name: str = "layer_index") -> int:
    """The index of a layer; ValueError names the range."""
    return _index(value, len(engine.layers), name, "this net has convolutions")


def check_filter(layer: ConvLayer, value: Any, name: str = "filter_index") -> int:
    """The index of a filter; ValueError names the range."""
    return _index(value, layer.out_channels, name, f"{layer.spoken} has filters")


def check_channel(layer: ConvLayer, value: Any, name: str = "channel") -> int | None:
    """The index of a filter's kernel, or None for all; ValueError names the range."""
    return (
        None
        if value is None
        else _index(value, layer.channels, name, f"a filter of {layer.spoken} has kernels", "; None means all")
    )


def check_slice(layer: ConvLayer, value: Any, depth: int, name: str, what: str) -> int | None:
    """The index of a slice, or None for the middle one; ValueError names the range."""
    if value is None:
        return None
    if layer.rank != 3:
        raise ValueError(f"{name} is {value!r}; {layer.spoken} has no volumes to slice: leave it out")
    return _index(value, depth, name, f"the {what} of {layer.spoken} have slices", "; None means the middle one")


def selection_from(engine: Engine, args: dict[str, Any]) -> Selection:
    """A selection from a page's request, every part checked.

    Raises:
        ValueError: If something is missing or out of range; the sentence names what is possible.
    """
    missing = [key for key in ("image", "layer", "filter", "source") if key not in args]
    if missing:
        raise ValueError(f"the request lacks {', '.join(missing)}")
    layer_index = check_layer(engine, args["layer"], "layer")
    layer = engine.layers[layer_index]
    return Selection(
        image=check_image(engine, args["image"], "image"),
        layer=layer_index,
        filter=check_filter(layer, args["filter"], "filter"),
        channel=check_channel(layer, args.get("channel")),
        source=choice(args["source"], SOURCES, "source"),
        scale=choice(args.get("scale", "layer"), SCALES, "scale"),
        plane=_plane(args.get("plane")),
        slice=check_slice(layer, args.get("slice"), layer.out_shape[1], "slice", "maps"),
        kernel_slice=check_slice(layer, args.get("kernel_slice"), layer.kernel_size[0], "kernel_slice", "kernels"),
    )


def layer_number(layers: Sequence[ConvLayer], layer: Any) -> Any:
    """A layer's index, from its index, its name (its first call), its module or itself; ValueError names the layers."""
    if isinstance(layer, ConvLayer):
        return layer.index
    if not isinstance(layer, str | nn.Module):
        return layer
    found = [one.index for one in layers if (one.name == layer if isinstance(layer, str) else one.module is layer)]
    if not found and isinstance(layer, str):  # torch.compile and DataParallel put a name of theirs before
        found = [one.index for one in layers if _unwrapped(one.name) == layer]
    if not found:
        what = f"{layer!r}" if isinstance(layer, str) else f"the module {layer}"
        names = ", ".join(dict.fromkeys(one.name for one in layers))
        raise ValueError(f"no layer is {what}; this net's convolutions are {names}")
    return found[0]


def _unwrapped(name: str) -> str:
    """A layer's name without the parts that wrappers add to it."""
    return ".".join(part for part in name.split(".") if part not in ("_orig_mod", "module"))


def fitted(layers: Sequence[ConvLayer], layer_index: Any, filter_index: int, channel: int | None) -> dict[str, Any]:
    """Traits for a layer, with the filter and channel that are selected, or the nearest that the layer has."""
    wanted: dict[str, Any] = {"layer_index": layer_index}
    if isinstance(layer_index, int) and 0 <= layer_index < len(layers):
        layer = layers[layer_index]
        wanted["filter_index"] = min(filter_index, layer.out_channels - 1)
        if channel is not None and channel >= layer.channels:
            wanted["channel"] = None
    return wanted


def in_order(layer: ConvLayer, wanted: dict[str, Any]) -> dict[str, Any]:
    """The same traits in the order in which observers may hear of them one by one, from the layer that is selected.

    Another explorer may be linked trait by trait. What the layer it is in still has goes before the layer, or else the
    layer would clamp it there, and the link bring that back over the value that was meant; the rest after.
    """
    limits = {"filter_index": layer.out_channels, "channel": layer.channels}

    def place(name: str) -> int:
        value = wanted[name]
        before = name in limits and (value is None or (isinstance(value, int) and value < limits[name]))
        return 0 if before else 1 if name == "layer_index" else 2

    return {name: wanted[name] for name in sorted(wanted, key=place)}


def filters_from(layer: ConvLayer, args: dict[str, Any]) -> list[int]:
    """The filters of a request for some of a layer's; ValueError names what is possible."""
    given = args.get("filters")
    if not isinstance(given, list) or not given:
        raise ValueError(f"filters is {given!r}; expected a list of indices")
    return [check_filter(layer, one, "filters") for one in given]


def _index(value: Any, count: int, name: str, what: str, more: str = "") -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < count:
        raise ValueError(f"{name} is {value!r}; {what} 0 … {count - 1}{more}")
    return value


def _plane(value: Any) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise ValueError(f"plane is {value!r}; expected an int from 0 on, or None")
    return value


def choice(value: Any, choices: tuple[Any, ...], name: str) -> Any:
    """One of the choices; ValueError names them."""
    if value not in choices:
        raise ValueError(f"{name} is {value!r}; choose {', '.join(map(repr, choices[:-1]))} or {choices[-1]!r}")
    return value

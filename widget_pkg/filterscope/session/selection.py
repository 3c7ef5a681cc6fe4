"""What is selected, and what a selection may be: the same sentences for Python's traits and for a page's requests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from filterscope.engine.engine import Engine
from filterscope.filters.response import SOURCES, Source
from filterscope.host.timing import STREAM_REQUEST_SECONDS
from filterscope.indices import as_index, check_index
from filterscope.nets.layers import ConvLayer

Scale = Literal["layer", "map", "checkpoints"]
SCALES: tuple[Scale, ...] = ("layer", "map", "checkpoints")
TRAITS = ("image_index", "layer_index", "filter_index", "channel", "source", "checkpoint_index")
"""Of an explorer, which make its `Selection`."""


@dataclass(frozen=True)
class Selection:
    """What is shown: the six traits, and what only a page chooses. By default what an explorer shows first.

    Args:
        image: Index of the image.
        layer: Index of the layer.
        filter: Index of the filter.
        channel: Which of the filter's kernels; None for all.
        source: What filter2D runs over.
        scale: Whether the maps of a layer share one scale, or even those of all checkpoints.
        plane: Which channel of an image is drawn where they cannot be drawn together; None for the one that the kernel
            looks at.
        slice: Which slice of the layer's maps is drawn where they are volumes; None for the middle one.
        kernel_slice: Which slice of a kernel is drawn where kernels are volumes; None for the middle one.
        checkpoint: Index of the checkpoint; None for the net itself.
    """

    image: int = 0
    layer: int = 0
    filter: int = 0
    channel: int | None = None
    source: Source = "input"
    scale: Scale = "layer"
    plane: int | None = None
    slice: int | None = None
    kernel_slice: int | None = None
    checkpoint: int | None = None


def check_image(engine: Engine, value: Any, name: str = "image_index", seconds: float | None = None) -> int:
    """The index of an image; ValueError names the range.

    Args:
        engine: The net and the data set.
        value: What is to be an index.
        name: How whoever gave it calls it.
        seconds: For how long a stream is read on at most; None until it is known whether it has that image.
    """
    index = as_index(value)
    if index is not None and index >= len(engine.source):
        reached = engine.samples.has(index, seconds)  # a stream is read as far as somebody asks
        if not reached and not engine.source.ended:
            raise ValueError(
                f"{name} is {value}; {len(engine.source)} images of this stream have been read, and it goes on. Ask "
                "again to read on"
            )
    return check_index(value, len(engine.source), name, "this data set has images")


def asked_image(engine: Engine, args: dict[str, Any]) -> int:
    """The index of the image in a page's request; a stream is read on a little. ValueError names the range."""
    return check_image(engine, args.get("image"), "image", STREAM_REQUEST_SECONDS)


def check_layer(engine: Engine, value: Any, name: str = "layer_index") -> int:
    """The index of a layer; ValueError names the range."""
    return check_index(value, len(engine.layers), name, "this net has convolutions")


def check_filter(layer: ConvLayer, value: Any, name: str = "filter_index") -> int:
    """The index of a filter; ValueError names the range."""
    return check_index(value, layer.out_channels, name, f"{layer.spoken} has filters")


def check_channel(layer: ConvLayer, value: Any, name: str = "channel") -> int | None:
    """The index of a filter's kernel, or None for all; ValueError names the range."""
    return (
        None
        if value is None
        else check_index(value, layer.channels, name, f"a filter of {layer.spoken} has kernels", "; None means all")
    )


def check_checkpoint(engine: Engine, value: Any, name: str = "checkpoint_index") -> int | None:
    """The index of a checkpoint, or None for the net itself; ValueError names the range."""
    if value is None:
        return None
    if not engine.checkpoints:
        raise ValueError(
            f"{name} is {value!r}, and there are no checkpoints; give some by "
            "Explorer(net, data, checkpoints='runs/*.pt'), or record them by explorer.record()"
        )
    return check_index(value, len(engine.checkpoints), name, "there are checkpoints", "; None means the net itself")


def check_slice(layer: ConvLayer, value: Any, depth: int, name: str, what: str) -> int | None:
    """The index of a slice, or None for the middle one; ValueError names the range."""
    if value is None:
        return None
    if layer.rank != 3:
        raise ValueError(f"{name} is {value!r}; {layer.spoken} has no volumes to slice: leave it out")
    return check_index(value, depth, name, f"the {what} of {layer.spoken} have slices", "; None means the middle one")


def check_trait(engine: Engine, layer_index: int, name: str, value: Any) -> int | None:
    """The value of an explorer's trait, while that layer is selected; ValueError names the range."""
    if name == "image_index":
        return check_image(engine, value)
    if name == "layer_index":
        return check_layer(engine, value)
    if name == "checkpoint_index":
        return check_checkpoint(engine, value)
    layer = engine.layers[min(layer_index, len(engine.layers) - 1)]
    return check_filter(layer, value) if name == "filter_index" else check_channel(layer, value)


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
        image=asked_image(engine, args),
        layer=layer_index,
        filter=check_filter(layer, args["filter"], "filter"),
        channel=check_channel(layer, args.get("channel")),
        source=choice(args["source"], SOURCES, "source"),
        checkpoint=check_checkpoint(engine, args.get("checkpoint"), "checkpoint"),
        scale=choice(args.get("scale", "layer"), SCALES, "scale"),
        plane=_plane(args.get("plane")),
        slice=check_slice(layer, args.get("slice"), layer.out_shape[1], "slice", "maps"),
        kernel_slice=check_slice(layer, args.get("kernel_slice"), layer.kernel_size[0], "kernel_slice", "kernels"),
    )


def fitted(layers: Sequence[ConvLayer], layer_index: Any, filter_index: int, channel: int | None) -> dict[str, Any]:
    """Traits for a layer, with the filter and channel that are selected, or the nearest that the layer has."""
    traits: dict[str, Any] = {"layer_index": layer_index}
    index = as_index(layer_index)
    if index is not None and 0 <= index < len(layers):
        layer = layers[index]
        traits["filter_index"] = min(filter_index, layer.out_channels - 1)
        if channel is not None and channel >= layer.channels:
            traits["channel"] = None
    return traits


def in_order(layer: ConvLayer, traits: dict[str, Any]) -> dict[str, Any]:
    """Traits in the order in which observers may hear of them one by one, from the layer that is selected.

    Another explorer may be linked trait by trait. What the layer it is in still has goes before the layer, or else the
    layer would clamp it there, and the link bring that back over the value that was meant; the rest after.
    """
    limits = {"filter_index": layer.out_channels, "channel": layer.channels}

    def place(name: str) -> int:
        value = traits[name]
        before = name in limits and (value is None or (isinstance(value, int) and value < limits[name]))
        return 0 if before else 1 if name == "layer_index" else 2

    return {name: traits[name] for name in sorted(traits, key=place)}


def check_filters(layer: ConvLayer, filters: Any) -> list[int]:
    """The indices of one filter or several, in the order in which they were given.

    Raises:
        ValueError: If there is none, one is out of range, or there are more than the layer has filters.
    """
    if isinstance(filters, str) or not isinstance(filters, Iterable) or as_index(filters) is not None:
        filters = [filters]
    indices: list[int] = []
    for index in filters:
        if len(indices) == layer.out_channels:
            raise ValueError(
                f"filters has more entries than {layer.spoken} has filters, {layer.out_channels}; give each once"
            )
        indices.append(check_filter(layer, index, "filters"))
    if not indices:
        raise ValueError(f"filters is empty; {layer.spoken} has filters 0 … {layer.out_channels - 1}")
    return indices


def _plane(value: Any) -> int | None:
    index = as_index(value)
    if value is not None and (index is None or index < 0):
        raise ValueError(f"plane is {value!r}; expected an int from 0 on, or None")
    return index


def choice(value: Any, choices: tuple[Any, ...], name: str) -> Any:
    """One of the choices; ValueError names them."""
    if value not in choices:
        raise ValueError(f"{name} is {value!r}; choose {', '.join(map(repr, choices[:-1]))} or {choices[-1]!r}")
    return value

"""What a saved page is to hold, from what the user asked for: every part checked, with the valid choices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from filterscope.engine.engine import Engine
from filterscope.filters.response import SOURCES
from filterscope.indices import as_index, check_index
from filterscope.nets.layer_choice import layer_indices
from filterscope.saved_page.parts import PRECISIONS, Contents
from filterscope.session.selection import check_image, choice

IMAGES = 32
"""How many are saved where nobody says which."""


def chosen_contents(
    engine: Engine,
    images: Any,
    layers: Any,
    channels: Any,
    sources: Any,
    precision: Any,
    exemplars: Any = True,
) -> Contents:
    """What is to be saved.

    Args:
        engine: The net and the data set.
        images: A slice, indices or one; None for the first.
        layers: By index, name or module, one or several; None for all.
        channels: Indices, one, `"all"` or None.
        sources: `"input"`, `"image"` or both.
        precision: Bits a value.
        exemplars: Whether those of the newest scan are saved.

    Raises:
        ValueError: If something of it is not there, or nothing is asked for.
    """
    if isinstance(sources, str):
        sources = [sources]
    return Contents(
        images=_some(_images(engine, images), "images", "the indices of one image or more"),
        layers=layer_indices(engine.layers, layers),
        channels=_channels(engine, channels),
        sources=_some(
            [choice(source, SOURCES, "sources") for source in sources], "sources", "'input', 'image' or both"
        ),
        precision=choice(as_index(precision) or precision, PRECISIONS, "precision"),
        exemplars=choice(exemplars, (True, False), "exemplars"),
    )


def check_limit(limit_mb: Any) -> float:
    """Bytes from megabytes."""
    if isinstance(limit_mb, bool) or not isinstance(limit_mb, int | float) or not limit_mb > 0:
        raise ValueError(f"limit_mb is {limit_mb!r}; give how many megabytes the page may have, more than 0")
    return limit_mb * 1e6


def _images(engine: Engine, images: Any) -> list[int]:
    if images is None:
        images = slice(IMAGES)
    if isinstance(images, slice):
        if images.stop is not None and images.stop > 0:
            engine.samples.has(images.stop - 1)  # a stream is read as far as somebody asks
        images = range(*images.indices(len(engine.source)))
    if as_index(images) is not None or not isinstance(images, Iterable):
        images = [images]
    return [check_image(engine, index, "images") for index in images]


def _channels(engine: Engine, channels: Any) -> list[int]:
    most = max(layer.channels for layer in engine.layers)
    if channels is None:
        return []
    if isinstance(channels, str) and channels == "all":
        return list(range(most))
    if isinstance(channels, str) or as_index(channels) is not None or not isinstance(channels, Iterable):
        channels = [channels]
    holds, more = "this net's filters have kernels", "; 'all' saves each"
    return sorted({check_index(channel, most, "channels", holds, more) for channel in channels})


def _some(chosen: list[Any], name: str, what: str) -> list[Any]:
    if not chosen:
        raise ValueError(f"{name} has nothing in it; give {what}")
    return list(dict.fromkeys(chosen))

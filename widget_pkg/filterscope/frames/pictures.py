"""The table of the maps that are drawn of every filter: the frame, the figures and the saved page go through its rows.

A new one is a row here (and its key in `LayerMaps`), and in the page its name in `js/src/wire/frame.ts` and its row in
`js/src/view/pictures.ts`. One that the net computes itself is a `net_map`; the saved page then holds it too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from filterscope.engine.moment import Moment
from filterscope.filters.response import shown_channels
from filterscope.filters.slices import planes
from filterscope.frames.layer_picture import PictureBody
from filterscope.frames.notes import activation_note, response_note
from filterscope.nets.layers import ConvLayer
from filterscope.session.selection import Selection


@dataclass(frozen=True)
class Picture:
    """One map a filter. All functions are given the moment of the selection's image and layer.

    Attributes:
        name: What it is called, on the wire and in the page.
        blocks: The maps of all filters, float32 `(n, …)`, in blocks of filters that follow one another; shared.
        of_filter: One filter's map, float32.
        note: What it is, in words; given also which slice is drawn of a volume, in words.
        caption: What a small figure says of it in less room; given the selection and the note.
        net_note: Its note where it is the net's own and needs no image, whatever filter2D runs over; else None.
    """

    name: str
    blocks: Callable[[Moment, Selection], Iterable[np.ndarray]]
    of_filter: Callable[[Moment, Selection, int], np.ndarray]
    note: Callable[[Moment, Selection, str], str]
    caption: Callable[[Selection, str], str]
    net_note: Callable[[ConvLayer, str], str] | None = None

    @property
    def plural(self) -> str:
        """What the maps of all filters are called on the wire."""
        return f"{self.name}s"


def net_map(
    name: str,
    maps: Callable[[Moment], np.ndarray],
    of_filter: Callable[[Moment, int], np.ndarray],
    note: Callable[[ConvLayer, str], str],
) -> Picture:
    """The row of a map that the net computes itself.

    Args:
        name: What it is called.
        maps: Those of all filters, float32 `(F, …)`.
        of_filter: One filter's, float32.
        note: Which tensor of the net it is, in words; given also which slice is drawn, in words.
    """
    return Picture(
        name,
        blocks=lambda moment, selection: [maps(moment)],
        of_filter=lambda moment, selection, index: of_filter(moment, index),
        note=lambda moment, selection, which_slice: note(moment.layer, which_slice),
        caption=lambda selection, note: note,
        net_note=note,
    )


def _response_note(moment: Moment, selection: Selection, which_slice: str) -> str:
    channels = shown_channels(moment.sample.image, moment.layer, selection.channel, selection.source)
    return response_note(moment, selection, channels) + which_slice


RESPONSE = Picture(
    "response",
    blocks=lambda moment, selection: moment.responses.in_blocks(selection.channel, selection.source),
    of_filter=lambda moment, selection, k: moment.responses.of_filter(k, selection.channel, selection.source),
    note=_response_note,
    caption=lambda selection, note: f"filter2D over {'its own input' if selection.source == 'input' else 'the image'}",
)
PICTURES = (
    RESPONSE,
    net_map("activation", lambda moment: moment.activations, Moment.activation, activation_note),
)
NET_MAPS = tuple(picture for picture in PICTURES if picture.net_note is not None)
"""Rows that do not depend on what filter2D runs over, nor on the channel."""


class LayerMaps(TypedDict):
    """By its plural each row of the table, for all filters of a layer."""

    responses: PictureBody
    activations: PictureBody


def drawn(maps: np.ndarray, leading: int, layer: ConvLayer, selection: Selection) -> tuple[np.ndarray, str]:
    """A layer's maps as the planes that are drawn, and which slice that is, in words; see `planes`."""
    return planes(maps, leading, selection.slice, layer.out_shape[1] if layer.rank == 3 else 1)

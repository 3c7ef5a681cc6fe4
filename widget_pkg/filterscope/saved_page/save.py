"""Saves a session as one page: what was asked for is checked, and the page opens at what is selected."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from filterscope.filters.response import SOURCES
from filterscope.saved_page.contents import check_limit, chosen_contents
from filterscope.saved_page.lab import lab_layer
from filterscope.saved_page.output_file import OutputFile
from filterscope.saved_page.page import save_page
from filterscope.saved_page.parts import Contents
from filterscope.saved_page.timeline import timeline_layer
from filterscope.session.selection import Selection, choice
from filterscope.session.session import Session


def save_html(
    session: Session,
    path: str | os.PathLike[str],
    images: Any = None,
    layers: Any = None,
    channels: Any = None,
    sources: Any = SOURCES,
    precision: int = 8,
    limit_mb: float = 50,
    title: str | None = None,
    progress: bool = True,
    exemplars: bool = True,
    lab: bool = False,
    timeline: bool = False,
) -> Path:
    """Saves one page that shows a session without Python; see `Explorer.save_html` for the arguments.

    Returns:
        The path.

    Raises:
        ValueError: If an option does not fit, with the valid choices; `PageError` if the page would be too large.
        RuntimeError: If the net's weights changed meanwhile.
        OSError: If the file cannot be written.
    """
    contents = chosen_contents(session.engine, images, layers, channels, sources, precision, exemplars)
    contents = replace(
        contents,
        lab=lab_layer(session, choice(lab, (True, False), "lab"), contents.layers),
        timeline=timeline_layer(session, choice(timeline, (True, False), "timeline"), contents.layers),
    )
    limit = check_limit(limit_mb)
    name = _name(session) if title is None else str(title)
    output = OutputFile(Path(path))
    save_page(output, session, contents, selected_in(contents, session.selected()), name, limit, progress)
    return output.path


def _name(session: Session) -> str:
    """The net's class, and the checkpoint that is shown, where there is one."""
    engine = session.engine
    return " · ".join(
        [engine.live.name, *(engine.checkpoints[at].title for at in [engine.showing.checkpoint] if at is not None)]
    )


def selected_in(contents: Contents, selection: Selection) -> dict[str, Any]:
    """Traits of the page that opens: what is selected, or where that was not saved the first, in its own indices."""
    place = contents.layers.index(selection.layer) if selection.layer in contents.layers else 0
    same_layer = contents.layers[place] == selection.layer
    same_channel = same_layer and selection.channel in contents.channels
    return {
        "image_index": contents.images.index(selection.image) if selection.image in contents.images else 0,
        "layer_index": place,
        "filter_index": selection.filter if same_layer else 0,
        "channel": selection.channel if same_channel else None,
        "source": selection.source if selection.source in contents.sources else contents.sources[0],
        "checkpoint_index": None,  # the page's pictures are of one net, unless it has a timeline
    }

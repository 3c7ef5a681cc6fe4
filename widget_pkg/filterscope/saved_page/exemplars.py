"""The exemplars in a saved page: what the newest scan knows of each filter, with the crops."""

from __future__ import annotations

from collections.abc import Iterator

from filterscope import wire
from filterscope.errors import NetError, SampleError
from filterscope.frames.exemplars import (
    BinPlace,
    Kind,
    build_distribution,
    build_exemplars,
    build_scans,
    exemplar_groups,
    fits,
)
from filterscope.saved_page.answers import Part
from filterscope.saved_page.parts import Contents
from filterscope.session.session import Session

_KINDS: tuple[Kind, ...] = ("top", "bottom", "typical", "class")
_NO_BIN: BinPlace = {"bin": 0, "label": None}


class SavedExemplars:
    """Parts of a page, by what it asks. Layers have the page's own indices there, images those of the data set.

    Args:
        session: The net, the data set, and its newest scan.
        contents: What is saved.

    Attributes:
        scans: For each layer `answer-scans-…`, what `build_scans` says. Empty where no layer was scanned.
        filters: The place of the layer and the filter, for each whose exemplars are saved.
    """

    def __init__(self, session: Session, contents: Contents) -> None:
        self._engine, self._layers = session.engine, list(contents.layers)
        self.scans: list[Part] = []
        self.filters: list[tuple[int, int]] = []
        running = session.scans.newest if contents.exemplars else None
        if running is None or not running.images:
            return
        self._scan = running.so_far()  # one that still runs ends here, for this page
        records = [self._engine.layers[layer] for layer in self._layers]
        self.filters = [
            (place, k)
            for place, record in enumerate(records)
            if fits(self._scan, record)
            for k in range(record.out_channels)
        ]
        if not self.filters:
            return
        source, earlier = self._engine.source, session.scans.out_of_date()
        for place, record in enumerate(records):
            body = build_scans(record, len(source), source.is_stream, running, earlier)
            status = "cancelled" if body["status"] == "running" else body["status"]
            here = {"layer": place, "number": 1, "status": status, "images": self._scan.images, "progress": None}
            self.scans.append((f"answer-scans-{place}", {**body, **here}))

    def part(self, place: int, filter_index: int) -> Part:
        """Of one filter `exemplars-layer-filter`: what each kind of exemplars answers, and the distribution.

        Where their images cannot be read any more it has an `error` instead.
        """
        name, layer = f"exemplars-{place}-{filter_index}", self._layers[place]
        asked = {"layer": place, "filter": filter_index, "number": 1, "status": "done"}
        kinds: dict[str, wire.Body] = {}
        try:
            for kind in _KINDS:
                groups = exemplar_groups(self._scan, layer, filter_index, kind, _NO_BIN)
                kinds[kind] = {**asked, "kind": kind, **_NO_BIN, **build_exemplars(groups, self._engine.classes)}
        except (SampleError, NetError) as error:
            return name, {"error": str(error)}
        distribution = {**asked, **build_distribution(self._scan, layer, filter_index)}
        return name, {"kinds": kinds, "distribution": distribution}

    def first_of_each_layer(self) -> Iterator[tuple[Part, int]]:
        """Of each layer the part of its first filter, which tells how large the others are, and how many they are."""
        for place in dict.fromkeys(place for place, _ in self.filters):
            yield self.part(place, 0), sum(layer == place for layer, _ in self.filters)

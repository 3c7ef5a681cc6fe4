"""What the checkpoint slider of a saved page shows: a layer at each checkpoint, of as many images as there is room for.

Its twin in the page is `js/src/saved/timeline_kernel.ts`.
"""

from __future__ import annotations

from filterscope import wire
from filterscope.errors import CheckpointError, NetError, SampleError
from filterscope.frames.overlay import overlay_of
from filterscope.frames.prediction import best_of
from filterscope.saved_page.answers import Part
from filterscope.saved_page.parts import Contents, kernels_part, maps_part
from filterscope.session.session import Session


class CheckpointMaps:
    """Parts of a page, for one layer: of each checkpoint `layer-at-…`, and with each image `maps-at-…`.

    The checkpoint that the page is of is not among them: the page has its maps anyway. One that cannot be shown has no
    parts.

    Args:
        session: The net, its checkpoints and the data set.
        contents: What is saved; `contents.timeline` is the layer, or None.

    Attributes:
        parts: The kernels at each checkpoint.
        images: The places of the images whose maps are saved, in their order; empty where there was no room for one.
    """

    def __init__(self, session: Session, contents: Contents) -> None:
        self._engine, self._contents, self._layer = session.engine, contents, contents.timeline
        self._checkpoints = [
            at for at in range(len(session.engine.checkpoints)) if at != session.engine.showing.checkpoint
        ]
        selected = session.selected().image
        self._first = contents.images.index(selected) if selected in contents.images else 0
        self._room = 0.0
        self._of_first: list[Part] | None = None
        self.parts: list[Part] = []
        self.images: list[int] = []

    def take(self, room: float) -> float:
        """Chooses the images, the selected one first, as many as there is room for if all are like that one.

        Args:
            room: Bytes that the parts may take.

        Returns:
            About how many they will take.
        """
        if self._layer is None:
            return 0
        self._room = room
        parts: list[Part] = []
        for at in self._checkpoints:
            parts += self._kernels(at, self._layer)
            if _size(parts) > room:
                return 0
        of_first = self._maps(self._first, self._layer, room - _size(parts))
        if of_first is None:
            return 0
        kernels, each = _size(parts), max(1, _size(of_first))
        self.parts, self._room, self._of_first = parts, room - kernels, of_first
        places = [self._first, *(place for place in range(len(self._contents.images)) if place != self._first)]
        self.images = sorted(places[: int(self._room // each)])
        return kernels + each * len(self.images)

    def image(self, place: int) -> list[Part]:
        """The maps of an image at each checkpoint; where there is no room left it is taken out of `images`."""
        if self._layer is None or place not in self.images:
            return []
        of_first = self._of_first
        if place == self._first and of_first is not None:
            parts: list[Part] | None = of_first
            self._of_first = None
        else:
            parts = self._maps(place, self._layer, self._room - (_size(of_first) if of_first else 0))
        if parts is None:
            self.images.remove(place)
            return []
        self._room -= _size(parts)
        return parts

    def _kernels(self, at: int, layer: int) -> list[Part]:
        engine = self._engine
        record = engine.layers[layer]
        try:
            with engine.showing.only(at), engine.lock:
                kernels, bias = engine.weights(layer, engine.first_image)
        except (CheckpointError, NetError):
            return []  # the timeline says why
        body = kernels_part(record, kernels, bias, record.dynamic, self._contents.precision)
        return [(f"layer-at-{at}", wire.packed(body))]

    def _maps(self, place: int, layer: int, room: float) -> list[Part] | None:
        """An image's parts; None where they would take more than there is room for, or the image cannot be read."""
        engine, image = self._engine, self._contents.images[place]
        parts: list[Part] = []
        for at in self._checkpoints:
            try:
                with engine.showing.only(at), engine.lock:
                    body = {
                        **maps_part(engine.moment(image, layer), self._contents),
                        "prediction": best_of(engine.prediction(image)),
                        "overlay": overlay_of(engine.live.tells, engine.answer(image), engine.sample(image)),
                    }
            except SampleError:
                return None
            except (CheckpointError, NetError):
                continue
            parts.append((f"maps-at-{place}-{at}", wire.packed(body)))
            if _size(parts) > room:
                return None
        return parts


def _size(parts: list[Part]) -> int:
    return sum(len(body) for _, body in parts)

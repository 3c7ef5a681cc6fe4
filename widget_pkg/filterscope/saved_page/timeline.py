"""A layer over the checkpoints in a saved page: kernels and maps at each of them, verdicts, and what changed when.

Its twin in the page is `js/src/saved/timeline_kernel.ts`, which pages have that were saved with the timeline.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from filterscope import wire
from filterscope.errors import CheckpointError, NetError
from filterscope.filters.slices import planes
from filterscope.frames.pictures import drawn
from filterscope.frames.timeline import build_steps, build_timeline, small_kernel, small_map
from filterscope.nets.layer_choice import layer_title
from filterscope.saved_page.answers import Part, predicted_class
from filterscope.saved_page.parts import Contents, saved_maps
from filterscope.session.session import Session
from filterscope.timeline.checkpoints import Checkpoint
from filterscope.timeline.paths import Paths


class SavedTimeline:
    """Parts of a page, for one layer: `timeline`, and of each image `timeline-…`.

    Args:
        session: The net, its checkpoints, what is known of them, and the data set.
        contents: What is saved; `contents.timeline` is the layer, or None.

    Attributes:
        parts: `timeline`, where a layer has one.
        of: The layer in words, with how many checkpoints; "" where none has one.
    """

    def __init__(self, session: Session, contents: Contents) -> None:
        self._session, self._engine, self._layer = session, session.engine, contents.timeline
        self._precision = contents.precision
        self._checkpoints: tuple[Checkpoint, ...] = tuple(session.engine.checkpoints)
        self.parts: list[Part] = []
        self.of = ""
        self._contents, self._shown = contents, self._engine.showing.checkpoint
        self._predicted: list[list[str | int | None]] = [[None] * len(contents.images) for _ in self._checkpoints]
        if contents.timeline is not None:
            place = contents.layers.index(contents.timeline)
            self.of = f"{self._engine.layers[contents.timeline].spoken} over {len(self._checkpoints):,} checkpoints"
            self.parts = [("timeline", {**self._part(contents.timeline), "layer": place})]

    def outline(self, images: Sequence[int]) -> dict[str, object] | None:
        """What the page is told at once; None where no layer has a timeline.

        Args:
            images: The places of those that the checkpoint slider has, see `CheckpointMaps`.

        Returns:
            The layer's place, the checkpoints' titles and which of them the page's pictures are of, None for the net
            itself; the images, each image's class at each checkpoint, and all of it in words.
        """
        if self._contents.timeline is None:
            return None
        titles = [each.title for each in self._checkpoints]
        of = "the net itself" if self._shown is None else titles[self._shown]
        whole = len(self._contents.layers) == 1 and len(images) == len(self._contents.images)
        else_of = [] if whole else [f"All else is of {of}"]
        return {
            "layer": self._contents.layers.index(self._contents.timeline),
            "titles": titles,
            "shown": self._shown,
            "images": list(images),
            "predicted": self._predicted,
            "words": ". ".join([f"With {self.of}", *self.left_out(images), *else_of]) + ".",
        }

    def left_out(self, images: Sequence[int]) -> list[str]:
        """A sentence without its full stop where the checkpoint slider has these images alone, not all."""
        count = len(self._contents.images)
        if self._layer is None or len(images) == count:
            return []
        fewer = ["sources="] * (len(self._contents.sources) > 1) + ["channels="] * bool(self._contents.channels)
        ways = ["a larger limit_mb=", *(f"fewer {name}" for name in fewer), *["precision=8"] * (self._precision > 8)]
        more = f"{' or '.join(ways)} saves more"
        if images:
            return [f"The checkpoint slider has {len(images):,} of the {count:,} images; {more}"]
        why = "one image would take more than half of the room that the rest leaves"
        return [f"The checkpoint slider is not there: {why}; {more}"]

    def _part(self, layer: int) -> wire.Body:
        record, count = self._engine.layers[layer], len(self._checkpoints)
        title, slice_at = layer_title(record), self._session.selected().kernel_slice
        paths, end = Paths(count), dict[str, np.ndarray]()
        small: list[np.ndarray | None] = []
        errors: list[str | None] = []
        for at in [count - 1, *range(count)]:  # the end first: distances to it are told at once
            try:
                kernels = self._kernels(at, layer)
            except (CheckpointError, NetError) as error:
                if end:
                    small.append(None)
                    errors.append(str(error))
                end = end or {"": np.zeros(0)}
                continue
            if not end:
                end = {title: kernels}
                continue
            paths.add(at, {title: kernels}, end)
            own = planes(kernels, 2, slice_at, record.kernel_size[0])[0]
            small.append(np.stack([small_kernel(each) for each in own]))
            errors.append(None)
        timeline = self._session.timeline
        known = timeline.diagnosis, timeline.diagnosis_is_of_these
        body = build_timeline(record, 0, count, paths.layers, count, *known)
        return {
            # What still runs ends here, for this page.
            "body": {**body, "status": "cancelled" if body["status"] == "running" else body["status"]},
            "steps": [build_steps(record, k, timeline.diagnosis)[0] for k in range(record.out_channels)],
            "kernels": _joined(small, record.out_channels),
            "errors": errors,
        }

    def _kernels(self, at: int, layer: int) -> np.ndarray:
        with self._engine.showing.only(at), self._engine.lock:
            return self._engine.kernels(layer, self._engine.first_image)

    def image(self, image: int, place: int) -> list[Part]:
        """The layer's activations for an image at each checkpoint, and why there are none where there are none.

        Raises:
            SampleError: If the sample cannot be read.
            RuntimeError: If the checkpoints are others than at the start.
        """
        if self._layer is None:
            return []
        engine, layer = self._engine, self._engine.layers[self._layer]
        if tuple(engine.checkpoints)[: len(self._checkpoints)] != self._checkpoints:
            raise RuntimeError("the checkpoints changed while the page was made; save it once they stand still")
        maps: list[np.ndarray | None] = []
        errors: list[str | None] = []
        for at in range(len(self._checkpoints)):
            try:
                with engine.showing.only(at), engine.lock:
                    shown = drawn(engine.moment(image, self._layer).activations, 1, layer, self._session.selected())[0]
                    self._predicted[at][place] = predicted_class(engine, image)
                maps.append(small_map(shown))
                errors.append(None)
            except (CheckpointError, NetError) as error:
                maps.append(None)
                errors.append(str(error))
        joined = _joined(maps, layer.out_channels)
        flat = joined.reshape(-1, *joined.shape[2:])
        return [(f"timeline-{place}", {"maps": saved_maps(flat, self._precision), "errors": errors})]


def _joined(of_checkpoints: Sequence[np.ndarray | None], filters: int) -> np.ndarray:
    """Float32 `(T, F, …)`; NaN where a checkpoint has none."""
    shape = next((each.shape for each in of_checkpoints if each is not None), (filters, 1, 1))
    return np.stack([np.full(shape, np.nan, np.float32) if each is None else each for each in of_checkpoints])


def timeline_layer(session: Session, timeline: bool, layers: Sequence[int]) -> int | None:
    """The layer of which the timeline is saved: the selected one.

    Raises:
        ValueError: If it is not among the layers that are saved, or there are no checkpoints.
    """
    if not timeline:
        return None
    if not session.engine.checkpoints:
        raise ValueError(
            "timeline=True saves the selected layer over the checkpoints, and there are none; give some by "
            "Explorer(net, data, checkpoints=…), or leave out timeline=True"
        )
    selected = session.selected().layer
    if selected not in layers:
        raise ValueError(
            f"timeline=True saves the timeline of the selected layer, {session.engine.layers[selected].spoken}, which "
            "is not among layers=; select one of those, or save that layer too"
        )
    return selected

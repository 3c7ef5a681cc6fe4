"""What a saved page answers beside its maps: the verdicts that were found, and what each position sees."""

from __future__ import annotations

from collections.abc import Iterator

from filterscope import wire
from filterscope.engine.engine import Engine
from filterscope.errors import NetError, SampleError
from filterscope.frames.positions import build_fields
from filterscope.frames.prediction import best_of
from filterscope.frames.verdicts import build_each_verdict, build_verdicts
from filterscope.saved_page.parts import Contents
from filterscope.session.examiner import Examiner
from filterscope.session.session import Session

Part = tuple[str, "wire.Body | str"]
"""A part's name and what it holds, or the text that `wire.packed` made of that."""


def predicted_class(engine: Engine, image: int) -> str | int | None:
    """The class that the net says of an image; None where that is nothing to compare with the image's label."""
    sample, best = engine.sample(image), best_of(engine.prediction(image))
    comparable = sample.label is None or sample.label in engine.classes
    return best[0][0] if best and comparable else None


class Answers:
    """Parts of a page, by what it asks. Layers have the page's own indices there.

    Args:
        session: The net, the data set, and what is known of them.
        contents: What is saved.

    Attributes:
        verdicts: For each layer `answer-verdicts-…`, what `build_verdicts` says, and, where its filters were judged,
            `answer-verdict-…`, in `filters` what `build_verdict` says of each. Empty where none of them was.
        shapes: For each image that `fields` was asked about, in turn, the number of its shape; None for one that cannot
            be read.
    """

    def __init__(self, session: Session, contents: Contents) -> None:
        self._engine, self._contents, self._positions = session.engine, contents, session.positions
        self._numbers: dict[tuple[int, ...], int] = {}
        self.shapes: list[int | None] = []
        self.verdicts: list[Part] = []
        if session.examiner.diagnosis is not None:
            self.verdicts = list(self._verdicts(session.examiner))
            if len(self.verdicts) == len(contents.layers):
                self.verdicts = []

    def _verdicts(self, examiner: Examiner) -> Iterator[Part]:
        for place, layer in enumerate(self._contents.layers):
            record, diagnosis = self._engine.layers[layer], examiner.diagnosis
            earlier = examiner.of_earlier_weights()
            body = build_verdicts(record, len(self._engine.source), diagnosis, earlier, None)
            here = {"layer": place, "number": 1}  # one number for all, since no more will be known
            # What still runs ends here, for this page.
            status = "cancelled" if body["status"] == "running" else body["status"]
            yield f"answer-verdicts-{place}", {**body, **here, "status": status}
            if body["filters"]:
                every = build_each_verdict(record, diagnosis, range(len(body["filters"])))
                yield f"answer-verdict-{place}", {"filters": [{**verdict, **here} for verdict in every]}

    def fields(self, image: int) -> Iterator[Part]:
        """Of an image of a new shape, for each layer the fields `fields-shape-layer`.

        They are the same for most filters, so `bodies` has each once, and `of` says for each filter which one is its.
        """
        try:
            shape = tuple(self._engine.sample(image).image.shape)
            self._positions.geometry(image)
        except (SampleError, NetError):
            self.shapes.append(None)  # the page says so instead of a picture
            return
        new = shape not in self._numbers
        number = self._numbers.setdefault(shape, len(self._numbers))
        self.shapes.append(number)
        if new:
            for place, layer in enumerate(self._contents.layers):
                yield f"fields-{number}-{place}", self._fields_of(image, layer)

    def _fields_of(self, image: int, layer: int) -> wire.Body:
        places: dict[str, int] = {}
        bodies: list[wire.Body] = []
        of = []
        for k in range(self._engine.layers[layer].out_channels):
            body = build_fields(self._positions, image, layer, k)
            text = wire.packed(body)
            if text not in places:
                places[text] = len(bodies)
                bodies.append({"revision": 0, **body})
            of.append(places[text])
        return {"bodies": bodies, "of": of}

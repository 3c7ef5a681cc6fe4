"""One self-contained page of an explorer: the view, and instead of a kernel the answers, saved."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import html
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from filterscope import wire
from filterscope._version import __version__
from filterscope.assets import asset_text
from filterscope.data.thumbnails import no_thumbnail, thumbnail_of
from filterscope.engine.engine import Engine
from filterscope.errors import NetError, SampleError
from filterscope.frames.outline import outline
from filterscope.frames.overlay import overlay_of
from filterscope.saved_page.answers import Answers, predicted_class
from filterscope.saved_page.checkpoint_maps import CheckpointMaps
from filterscope.saved_page.exemplars import SavedExemplars
from filterscope.saved_page.lab import SavedLab
from filterscope.saved_page.output_file import OutputFile
from filterscope.saved_page.parts import (
    Contents,
    StripRow,
    image_part_of,
    layer_part,
    maps_part,
    outline_part,
)
from filterscope.saved_page.timeline import SavedTimeline
from filterscope.session.session import Session
from filterscope.text import well_formed

_MB = 10**6
Place = TypeVar("Place")

# Nothing is loaded from anywhere, and no script runs but those whose hashes stand here.
_POLICY = (
    "default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="filterscope">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main id="filterscope"><h1>{title}</h1><noscript>This page needs JavaScript, which is switched off.</noscript></main>
"""
_SCRIPT = """<script type="module">{script}</script>
"""
_END = """</body>
</html>
"""


class PageError(ValueError):
    """The page would be larger than it may be.

    Args:
        what: How large it would be, and may be.
        ways: What makes it smaller, or lets it be larger: keywords of `save_html`, the last of them `limit_mb`.
    """

    def __init__(self, what: str, ways: Sequence[str]) -> None:
        self._what, self._ways = what, ways
        super().__init__(self.advising(_WAYS))

    def advising(self, words: Mapping[str, str]) -> str:
        """The sentence, with these words for each way."""
        *less, larger = (words[way] for way in self._ways)
        return f"{self._what}; give {', or '.join(filter(None, [', '.join(less), larger]))}"


_WAYS = {
    "images": "fewer images=",
    "layers": "fewer layers=",
    "channels": "no channels=",
    "sources": 'sources="input" or "image"',
    "precision": "precision=8",
    "exemplars": "exemplars=False",
    "lab": "lab=False",
    "timeline": "timeline=False",
    "limit_mb": "a larger limit_mb=",
}


def save_page(
    output: OutputFile,
    session: Session,
    contents: Contents,
    selection: dict[str, Any],
    title: str,
    limit: float,
    progress: bool,
) -> None:
    """Writes the page, or leaves what was there.

    Args:
        output: The file.
        session: The net, the data set, and what is known of them.
        contents: What is saved.
        selection: What is selected when the page opens, in the page's own indices.
        title: The page's title, any text.
        limit: Bytes that the page may have.
        progress: Whether its size is said first, and a bar shown (with tqdm, where it is installed).

    Raises:
        PageError: If it would be larger than `limit`; the sentence says what makes it smaller.
        RuntimeError: If the net changed meanwhile.
        OSError: If the file cannot be written.
    """
    engine = session.engine
    engine.check()
    revision = engine.revision
    scripts = page_scripts(contents.lab is not None, contents.timeline is not None)
    policy = _POLICY.format(scripts=" ".join(f"'sha256-{_hash(script)}'" for script in scripts))
    frame = _PAGE.format(policy=policy, title=html.escape(well_formed(title)), style=asset_text("page.css"))
    end = "".join(_SCRIPT.format(script=script) for script in scripts) + _END
    lab, timeline = SavedLab(session, contents), SavedTimeline(session, contents)
    layers = [_data(f"layer-{place}", _layer(engine, layer, contents)) for place, layer in enumerate(contents.layers)]
    answers = Answers(session, contents)
    exemplars = SavedExemplars(session, contents)
    layers += [_data(*part) for part in (*answers.verdicts, *exemplars.scans, *lab.parts, *timeline.parts)]
    fixed = sum(len(part.encode()) for part in (frame, end, *layers))
    more = [f"the lab of {lab.of}"] * bool(lab.of) + [f"the timeline of {timeline.of}"] * bool(timeline.of)
    budget = _Budget(contents, limit, fixed, len(exemplars.filters), *more)
    for first_part, count in exemplars.first_of_each_layer():
        budget.foresee_exemplars(_data(*first_part), count)
    of_images = (lab, timeline)
    first, first_row = _first_image(engine, contents, of_images, budget)
    over_time = CheckpointMaps(session, contents)
    budget.foresee_over_time(over_time)
    if progress:
        said = ". ".join([f"{budget.counted}, about {_size(budget.about)}", *timeline.left_out(over_time.images)])
        print(f"{well_formed(str(output.path))}: {said}", file=sys.stderr)
    rows: list[StripRow] = []
    with output.open() as write:
        for part in (frame, *layers):
            write(part)
        for name, body in over_time.parts:
            budget.spend(part := _data(name, body), 0)
            write(part)
        for place, k in _bar(exemplars.filters, progress, "filter"):
            budget.spend_exemplars(part := _data(*exemplars.part(place, k)))
            write(part)
        for place in _bar(range(len(contents.images)), progress, "image"):
            for part in first if place == 0 else _image(engine, contents, of_images, place):
                budget.spend(part, place)
                write(part)
            for name, body in (*over_time.image(place), *answers.fields(contents.images[place])):
                budget.spend(part := _data(name, body), place)
                write(part)
            rows.append(first_row if place == 0 else _strip_row(engine, contents.images[place]))
        # Last, since it takes a pass for each image; the page finds its parts wherever they stand.
        known = bool(answers.verdicts), bool(exemplars.filters), answers.shapes, timeline.outline(over_time.images)
        head = _data("outline", _outline(engine, contents, rows, selection, *known))
        budget.spend(head, len(rows) - 1)
        for part in (head, end):
            write(part)
        if engine.check() or engine.revision != revision:
            raise RuntimeError("the net's weights changed while the page was made; save it once they stand still")


def page_scripts(lab: bool, timeline: bool = False) -> list[str]:
    """The page's scripts, as they stand in it; those of the lab and the timeline are read first, and it finds them."""
    names = ["page_lab.js"] * lab + ["page_timeline.js"] * timeline + ["page.js"]
    return ["\n" + asset_text(name) for name in names]


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _data(name: str, body: wire.Body | str) -> str:
    """A part of the page. What it holds are letters and digits: no name in it can become a tag."""
    packed = body if isinstance(body, str) else wire.packed(body)
    return f'<script type="application/octet-stream" id="fs-{name}">{packed}</script>\n'


def _layer(engine: Engine, layer: int, contents: Contents) -> wire.Body:
    """A layer's part; where each image has kernels of its own, it has those of the first image."""
    kernels, bias = engine.weights(layer, engine.first_image)
    return layer_part(engine.layers[layer], kernels, bias, engine.layers[layer].dynamic, contents.precision)


def _outline(engine: Engine, contents: Contents, rows: list[StripRow], *more: Any) -> dict[str, Any]:
    shape = engine.sample(engine.first_image).image.shape
    description = outline(__version__, engine.revision, len(engine.source), shape, engine.layers)
    return outline_part(description, engine.layers, engine.source.classes, contents, rows, *more)


def _strip_row(engine: Engine, image: int) -> StripRow:
    """An image's thumbnail and classes; where it cannot be shown, the reason."""
    try:
        return StripRow(thumbnail_of(engine.sample(image)), predicted_class(engine, image))
    except (SampleError, NetError) as error:
        return StripRow(no_thumbnail(str(error)), None)


OfImages = Sequence[SavedLab | SavedTimeline]
"""What has a part of its own for each image."""


def _image(engine: Engine, contents: Contents, of_images: OfImages, place: int) -> Iterator[str]:
    """An image's parts, one after the other; of one that cannot be shown, why."""
    image = contents.images[place]
    number = "" if image == place else f"Image {image} of the data set."
    try:
        sample = engine.sample(image)
        overlay = overlay_of(engine.live.tells, engine.answer(image), sample)
        yield _data(f"image-{place}", image_part_of(sample, engine.prediction(image), overlay, number, engine.note))
        for k, layer in enumerate(contents.layers):
            yield _data(f"maps-{place}-{k}", maps_part(engine.moment(image, layer), contents))
        for parts in of_images:
            for part in parts.image(image, place):
                yield _data(*part)
    except (SampleError, NetError) as error:
        yield _data(f"error-{place}", {"type": type(error).__name__, "message": str(error)})


class _Budget:
    """How large the page is, may be, and would be.

    Attributes:
        about: Bytes of the page if all images, and all filters of a layer, are like the first.
        counted: What is saved, in words.
    """

    def __init__(self, contents: Contents, limit: float, fixed: int, filters: int, *more: str) -> None:
        self._contents, self._exemplars = contents, filters > 0
        self._limit = limit
        self._written = fixed
        self.about = float(fixed)
        exemplars = f"the exemplars of {_some(filters, 'filter')}" if filters else ""
        said = [words for words in (exemplars, *more) if words]
        self.counted = _counted(contents) + (f", with {' and '.join(said)}" if said else "")

    def foresee_exemplars(self, part: str, count: int) -> None:
        """One filter's exemplars, and there are so many like them."""
        self.about += len(part) * count
        if self.about > self._limit:
            raise self._error(self.about, "more than ")

    def spend_exemplars(self, part: str) -> None:
        """A filter's exemplars are written."""
        self._written += len(part)
        if self._written > self._limit:
            raise self._error(max(self.about, self._written), "more than ")

    def foresee(self, part: str, more: bool) -> None:
        """A part that each image has; `more`: others follow."""
        self.about += len(part) * len(self._contents.images)
        if self.about > self._limit:
            raise self._error(self.about, "more than " if more else "about ")

    def foresee_over_time(self, maps: CheckpointMaps) -> None:
        """The maps over the checkpoints have half of what all else leaves: that may be more than is foreseen."""
        self.about += maps.take((self._limit - self.about) / 2)

    def spend(self, part: str, place: int) -> None:
        """A part of the image at that place is written."""
        self._written += len(part)
        if self._written > self._limit:
            raise self._error(self._written * len(self._contents.images) / (place + 1), "about ")

    def _error(self, size: float, how: str) -> PageError:
        contents = self._contents
        smaller = {
            "images": len(contents.images) > 1,
            "layers": len(contents.layers) > 1,
            "channels": bool(contents.channels),
            "sources": len(contents.sources) > 1,
            "precision": contents.precision > 8,
            "exemplars": self._exemplars,
            "lab": contents.lab is not None,
            "timeline": contents.timeline is not None,
            "limit_mb": True,
        }
        would = f"the page would have {how}{_size(size)} for {self.counted}, and may have {_size(self._limit)}"
        return PageError(would, [way for way, there in smaller.items() if there])


def _first_image(
    engine: Engine, contents: Contents, of_images: OfImages, budget: _Budget
) -> tuple[list[str], StripRow]:
    """The first image's parts; a large one is not made to its end."""
    parts: list[str] = []
    count = 1 + len(contents.layers) + sum(bool(parts.of) for parts in of_images)
    for part in _image(engine, contents, of_images, 0):
        parts.append(part)
        budget.foresee(part, more=len(parts) < count)
    row = _strip_row(engine, contents.images[0])
    budget.foresee(wire.packed({"thumb": row.thumbnail.box}), more=False)
    return parts, row


def _counted(contents: Contents) -> str:
    return f"{_some(len(contents.images), 'image')} and {_some(len(contents.layers), 'layer')}"


def _some(n: int, what: str) -> str:
    return f"{n:,} {what}{'s' * (n != 1)}"


def _size(count: float) -> str:
    return f"{count / _MB:.3g} MB" if count >= _MB / 10 else f"{count / 1000:.0f} kB"


def _bar(places: Sequence[Place], visible: bool, unit: str) -> Iterable[Place]:
    if visible and places:
        with contextlib.suppress(ImportError):
            from tqdm.auto import tqdm

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # where ipywidgets' bar cannot be had it draws another
                bar: Iterable[Place] = tqdm(places, desc="saving", unit=unit, file=sys.stderr)
                return bar
    return places

"""What an explorer answers to its pages in the lab; each handler raises what its page is then told."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from filterscope.filters.response import shown_channels
from filterscope.frames.lab import build_changes, build_effect, build_filter, build_history, build_step
from filterscope.frames.lab_pictures import (
    build_crop,
    build_geometry,
    build_occlusion,
    build_spectrum,
    build_stage,
)
from filterscope.host.timing import CROPS_SECONDS, GIVE_WAY_SECONDS
from filterscope.indices import as_index, check_index
from filterscope.lab.quiz import Quiz
from filterscope.session.selection import Selection, asked_image, check_filter, check_layer, choice, selection_from
from filterscope.session.session import Session
from filterscope.verdicts.run.task import Task
from filterscope.widget.requests import Request, Urgency
from filterscope.wire import Body

_IMAGES = ("painted", "picture", "own")
_MOST_SIDE = 4096
_STEPS = ("undo", "redo", "reset", "own")
_MOST_NUMBERS = 2**16  # of a filter that a page sends
_LONGEST_GESTURE = 40


class LabRequests:
    """Answers the requests of pages that are in the lab.

    Args:
        session: What is shown.
        someone_waits: Whether a person waits for a picture.

    Attributes:
        rows: Of the table of requests.
    """

    def __init__(self, session: Session, someone_waits: Callable[[], bool]) -> None:
        self._session, self._engine, self._lab = session, session.engine, session.lab
        self._someone_waits = someone_waits
        self._quiz: Quiz | None = None
        self._working: dict[str, tuple[Hashable, Task]] = {}
        self._known: dict[str, tuple[Hashable, Body]] = {}
        self.rows = (
            Request("lab", Urgency.DETAIL, self._filter),
            Request("edit_kernel", Urgency.PICTURE, self._edit),
            Request("lab_history", Urgency.DETAIL, self._history),
            Request("lab_changes", Urgency.DETAIL, self._changes),
            Request("lab_stages", Urgency.DETAIL, self._stages),
            Request("lab_spectrum", Urgency.DETAIL, self._spectrum),
            Request("lab_geometry", Urgency.DETAIL, self._geometry),
            Request("lab_quiz", Urgency.DETAIL, self._quiz_round),
            Request("lab_image", Urgency.PICTURE, self._image),
            Request("lab_occlusion", Urgency.VERDICT, self._occlusion),
            Request("lab_effect", Urgency.VERDICT, self._effect),
        )

    def close(self) -> None:
        """Ends what runs."""
        for _, task in list(self._working.values()):
            task.close()

    def _asked(self, args: dict[str, Any]) -> tuple[int, int, int]:
        layer = check_layer(self._engine, args.get("layer"), "layer")
        filter_index = check_filter(self._engine.layers[layer], args.get("filter"), "filter")
        return asked_image(self._engine, args), layer, filter_index

    def _filter(self, args: dict[str, Any]) -> Body:
        with self._engine.lock:
            self._engine.check()
            at = selection_from(self._engine, args)
            self._engine.sample(at.image)
            return build_filter(self._lab, at)

    def _edit(self, args: dict[str, Any]) -> Body:
        layer = check_layer(self._engine, args.get("layer"), "layer")
        record = self._engine.layers[layer]
        filter_index = check_filter(record, args.get("filter"), "filter")
        numbers, gesture = args.get("kernel"), args.get("gesture", "")
        shape = (record.channels, *record.kernel_size)
        if not isinstance(numbers, list) or len(numbers) > _MOST_NUMBERS or len(numbers) != int(np.prod(shape)):
            count = len(numbers) if isinstance(numbers, list) else 0
            raise ValueError(f"kernel has {count} numbers; the filters of {record.spoken} have {int(np.prod(shape))}")
        if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in numbers):
            raise ValueError("kernel has entries that are no numbers; type a number into each cell")
        kernel = np.array(numbers, np.float64).reshape(shape)
        word = gesture[:_LONGEST_GESTURE] if isinstance(gesture, str) else ""
        self._lab.edit(kernel, layer, filter_index, None, word)
        return build_history(self._lab, self._engine.revision)

    def _history(self, args: dict[str, Any]) -> Body:
        step = choice(args.get("step"), _STEPS, "step")
        image, layer, filter_index = self._asked(args)
        if step == "own":
            self._lab.edit(None, layer, filter_index)
        else:
            getattr(self._lab, step)()
        with self._engine.lock:
            return build_step(self._lab, image, layer, filter_index)

    def _changes(self, args: dict[str, Any]) -> Body:
        with self._engine.lock:
            changes = self._lab.changes(asked_image(self._engine, args))
            return build_changes(changes, self._engine.revision)

    def _stages(self, args: dict[str, Any]) -> Body:
        with self._engine.lock:
            image, layer, filter_index = self._asked(args)
            channel = self._channel(args, layer)
            stages = self._lab.stages_of(image, layer, filter_index, channel)
            asked = {"revision": self._engine.revision, "image": image, "layer": layer, "filter": filter_index}
            return {**asked, "stages": [build_stage(stage) for stage in stages]}

    def _channel(self, args: dict[str, Any], layer: int) -> int:
        record = self._engine.layers[layer]
        holds = f"the filters of {record.spoken} have kernels"
        return check_index(args.get("channel") or 0, record.channels, "channel", holds)

    def _spectrum(self, args: dict[str, Any]) -> Body:
        engine = self._engine
        with engine.lock:
            at = selection_from(engine, args)
            record = engine.layers[at.layer]
            kernel_index = self._channel(args, at.layer)
            kernels = {
                "the kernel": engine.kernels(at.layer, at.image)[at.filter, kernel_index],
                "the net's own": self._lab.own_kernels(at.layer)[at.filter, kernel_index],
            }
            template = next(
                (
                    kernel
                    for name, kernel in self._lab.presets(at.layer, at.filter).items()
                    if kernel.ndim > record.rank and name.startswith("the verdict")
                ),
                None,
            )
            if template is not None:
                kernels["the verdict's template"] = template[kernel_index]
            if np.array_equal(kernels["the kernel"], kernels["the net's own"]):
                del kernels["the net's own"]
            if record.rank == 3:
                kernels = {name: kernel[kernel.shape[0] // 2] for name, kernel in kernels.items()}
            response = engine.response(at.image, at.layer, at.filter, kernel_index, at.source)
            over = self._over(at, kernel_index)
            body = build_spectrum(kernels, _plane(over, record.rank), _plane(response, record.rank), args.get("rate"))
            return {
                "revision": engine.revision,
                "layer": at.layer,
                "filter": at.filter,
                "channel": kernel_index,
                **body,
            }

    def _over(self, at: Selection, channel: int) -> np.ndarray:
        record, image = self._engine.layers[at.layer], self._engine.sample(at.image).image
        if at.source == "image":
            return np.asarray(image[min(shown_channels(image, record, channel, "image")[0], len(image) - 1)])
        first = at.filter // (record.out_channels // record.groups) * record.channels
        values: np.ndarray = self._engine.maps(at.image, at.layer).input[first + channel].float().cpu().numpy()
        return values

    def _geometry(self, args: dict[str, Any]) -> Body:
        with self._engine.lock:
            image, layer, filter_index = self._asked(args)
            geometry = [args.get(name) for name in ("stride", "padding", "padding_mode", "dilation")]
            trial = self._lab.geometry_of(image, layer, filter_index, *geometry)
            built = build_geometry(trial, self._engine.layers[layer])
            return {"revision": self._engine.revision, "layer": layer, "filter": filter_index, **built}

    def _image(self, args: dict[str, Any]) -> Body:
        """Another image in place of one of the data set's: painted pixels, a picture, or the data set's own again."""
        image = asked_image(self._engine, args)
        kind = choice(args.get("kind"), _IMAGES, "kind")
        if kind == "own":
            self._lab.try_image(None, image)
        else:
            pixels = _pixels_in(args)
            if kind == "painted":
                self._lab.try_pixels(pixels, args.get("plane"), image)
            else:
                self._lab.try_image(pixels, image)
        return {"revision": self._engine.revision, "tried": self._lab.tried_image}

    def _quiz_round(self, args: dict[str, Any]) -> Body:
        """One question of the quiz; with `seed` a new quiz is begun, with `side` the question is answered."""
        seed, number = args.get("seed"), args.get("round", 0)
        if seed is not None or self._quiz is None:
            self._quiz = self._session.quiz(seed=0 if seed is None else seed)
        quiz = self._quiz
        index = check_index(number, len(quiz.rounds), "round", "this quiz has rounds")
        question, side = quiz.rounds[index], args.get("side")
        right = None if side is None else quiz.answer(index, side)
        return {
            "round": index,
            "layer": question.layer,
            "filter": question.filter,
            "pictures": [build_crop(each.crop().pixels) for each in question.pictures],
            "right": right,
            "drives": None if side is None else question.drives,
            "values": None if side is None else np.array([each.value for each in question.pictures], np.float32),
            "grade": quiz.grade(),
        }

    # What takes time

    def _occlusion(self, args: dict[str, Any]) -> Body:
        if args.get("cancel"):
            return self._cancelled("lab_occlusion")
        image, layer, filter_index = self._asked(args)
        box = args.get("box")
        if box is not None and as_index(box) is None:
            raise ValueError(f"box is {box!r}; type how many pixels the box is wide")
        at = Selection(image, layer, filter_index)

        def work(task: Task) -> Body:
            found = self._lab.occlusion(box, task.note, task.check, at)
            classes = self._engine.classes
            predicted = None if found.predicted is None else classes[found.predicted]
            return {**build_occlusion(found), "predicted": predicted}

        key = (self._engine.revision, image, layer, filter_index, box)
        return {"image": image, "layer": layer, "filter": filter_index, **self._answer("lab_occlusion", key, work)}

    def _effect(self, args: dict[str, Any]) -> Body:
        if args.get("cancel"):
            return self._cancelled("lab_effect")
        key = (self._engine.revision, args.get("images"))

        def work(task: Task) -> Body:
            return {"effect": build_effect(self._lab.effect(args.get("images", 0), task.note, task.check))}

        return self._answer("lab_effect", key, work)

    def _cancelled(self, name: str) -> Body:
        working = self._working.pop(name, None)
        if working is not None:
            working[1].cancel()
        return {"status": "cancelled"}

    def _answer(self, name: str, key: Hashable, work: Callable[[Task], Body]) -> Body:
        """What was found, or how far it is: then the page asks again."""
        known = self._known.get(name)
        if known is not None and known[0] == key:
            return {"status": "done", **known[1]}
        before = self._working.get(name)
        if before is not None and (before[0] != key or before[1].error is not None):
            before[1].cancel()
            before = None
        if before is None:

            def run(task: Task) -> None:
                self._known[name] = key, work(task)

            before = key, Task("filterscope lab", run, lambda: GIVE_WAY_SECONDS if self._someone_waits() else 0.0)
            self._working[name] = before
        task, until = before[1], time.monotonic() + CROPS_SECONDS
        while not task.done and time.monotonic() < until and not self._someone_waits():
            task.wait(GIVE_WAY_SECONDS)
        if task.error is not None:
            self._working.pop(name, None)
            raise task.error
        known = self._known.get(name)
        if known is not None and known[0] == key:
            self._working.pop(name, None)
            return {"status": "done", **known[1]}
        return {"status": "running", "done": task.progress.done, "total": task.progress.total}


def _pixels_in(args: dict[str, Any]) -> np.ndarray:
    """The picture of a request: its shape, and its bytes as base64."""
    shape, text = args.get("shape"), args.get("pixels")
    sides = [as_index(side) for side in shape] if isinstance(shape, list) and len(shape) in (2, 3) else []
    if not sides or any(side is None or not 1 <= side <= _MOST_SIDE for side in sides) or not isinstance(text, str):
        raise ValueError("the page sent no picture; a picture has a shape (H, W) or (H, W, 3) and its bytes as base64")
    count = int(np.prod([side for side in sides if side is not None]))
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        data = b""
    if len(data) != count:
        raise ValueError(f"the page sent {len(data)} bytes for a picture of {count}")
    return np.frombuffer(data, np.uint8).reshape([side for side in sides if side is not None])


def _plane(values: np.ndarray, rank: int) -> np.ndarray:
    return values[len(values) // 2] if rank == 3 else values

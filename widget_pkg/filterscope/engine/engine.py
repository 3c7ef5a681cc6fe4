"""A net and a data set, and everything the explorer can ask of them; knows no widget.

Holds what was computed lately, and notices when the weights changed.
"""

from __future__ import annotations

import math
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import torch
from torch import nn

from filterscope.data.sample import Sample
from filterscope.data.source import SampleSource, first_readable
from filterscope.engine.classes import Classes, Looked, Prediction
from filterscope.engine.lock import EngineLock
from filterscope.engine.map_store import MapStore, kept_maps
from filterscope.engine.moment import Moment
from filterscope.engine.responses import ResponseStore
from filterscope.engine.samples import Samples
from filterscope.engine.shown_net import CheckpointNets, ShownNet
from filterscope.errors import NetError, SampleError, describe_exception
from filterscope.filters import response
from filterscope.filters.response import Source
from filterscope.inputs import Inputs
from filterscope.nets.calling import Forward
from filterscope.nets.kernel_edits import KernelEdit, KernelEdits
from filterscope.nets.layers import ConvLayer, left_out_in_words
from filterscope.nets.net_state import template_of
from filterscope.nets.outputs import KnownClasses
from filterscope.nets.passes import Maps
from filterscope.nets.runner import NetRunner, float32
from filterscope.outputs.kind import Answer
from filterscope.timeline.checkpoints import Checkpoint, Checkpoints
from filterscope.timeline.record import Recorder


class Engine:
    """Computes what a net does to the images of a data set.

    All methods may be called from any thread. Arrays are the caller's own, but those that are said to be shared.

    Args:
        net: The user's net; it is never changed, see `filterscope.nets.twin`.
        source: The data set.
        first_image: Index of the image with which the layers are found.
        forward: The user's own way of calling the net, a function of net and image; see `filterscope.nets.calling`.
        checkpoints: States of the net at other moments; see `filterscope.timeline.checkpoints`.

    Attributes:
        lock: Held while the net runs, and while what was computed is kept or dropped; set down while a sample is read.
        live_revision: Of the user's own net: goes up whenever what was computed with it before no longer holds.
        source: The data set.
        samples: The samples looked at last.
        response_store: The responses of recent layers.
        checkpoints: The net's states at other moments.
        recorder: Adds to them while the net trains.
        selected_checkpoint: Gives the index of the checkpoint that is selected; by default None, for the net itself.
        classes: The classes among which it chooses.
        first_image: The image with which the layers were found.
        net_name: The net's class.
        trials: How many of these revisions are trials: another kernel or image, of the same weights and data.
        structure: Goes up whenever the layers are found anew, as after a change of the net's structure.
        selected_image: Gives the image whose kernels a layer has of which each image has others; by default the first
            image.
        moved: When somebody last waited for a picture, in seconds of `time.monotonic`.

    Raises:
        TypeError: If `net` is no net, or `forward` no function.
        NetError: If it cannot be shown, refuses the image, or has no convolution that the pass reaches.
        SampleError: If the image cannot be read.
        ValueError: If there are fewer class names than the net has classes.
    """

    def __init__(
        self,
        net: nn.Module,
        source: SampleSource,
        first_image: int = 0,
        forward: Forward | None = None,
        checkpoints: Any = None,
    ) -> None:
        runner = NetRunner(net, forward)
        self.lock = EngineLock()
        self.live_revision = self._newest_revision = 0
        self._revisions: dict[Checkpoint, int] = {}
        self._showing = threading.local()
        self.selected_checkpoint: Callable[[], int | None] = lambda: None
        self.structure = 0
        self.trials = 0
        self.moved = -math.inf
        self.selected_image: Callable[[], int] = lambda: self.first_image
        self.closed = False
        self.net_name = type(runner.net).__name__
        self.source = source
        self.samples = Samples(source, self.lock)
        kept = kept_maps()
        self._live = ShownNet(runner, MapStore(runner, self.samples, self.lock, kept))
        self.response_store = ResponseStore(self.lock)
        self._checksum = runner.checksum()
        self._checked = time.monotonic()
        self._outdated = False  # whether the layers are to be found anew, as after a change of the net's structure
        self._refusal: ValueError | None = None  # why they could not be
        self.first_image = first_readable(self.sample, len(source), first_image).index
        self._find_layers()
        if runner.checksum() != self._checksum:
            warnings.warn(
                "this net writes to its own weights or buffers when it runs, through filterscope as well", stacklevel=3
            )
        if runner.note:
            warnings.warn(runner.note, stacklevel=3)
        if runner.left_out:
            left_out = left_out_in_words(runner.left_out)
            warnings.warn(f"convolutions that cannot be shown are left out: {left_out}", stacklevel=3)
        self.checkpoints = Checkpoints(checkpoints, template_of(runner.net))
        self.recorder = Recorder(self.checkpoints)
        parts = self._live, self.checkpoints, self.samples, self.lock, kept
        self._checkpoint_nets = CheckpointNets(*parts, self.weights)
        if self.checkpoints and runner.in_place:
            raise NetError("this net cannot be copied, so its checkpoints cannot be shown; leave checkpoints out")

    # Which net is shown

    @property
    def checkpoint(self) -> int | None:
        """Index of the checkpoint that is shown; None for the net itself.

        In the body of `showing` it is that one, and else the selected one.
        """
        asked: Callable[[], int | None] = getattr(self._showing, "checkpoint", self.selected_checkpoint)
        return asked()

    @contextmanager
    def showing(self, checkpoint: int | None) -> Iterator[None]:
        """Shows a checkpoint, or with None the net itself, to this thread alone."""
        before = getattr(self._showing, "checkpoint", self.selected_checkpoint)
        self._showing.checkpoint = lambda: checkpoint
        try:
            yield
        finally:
            self._showing.checkpoint = before

    @property
    def _shown(self) -> ShownNet:
        checkpoint = self.checkpoint
        if checkpoint is None:
            return self._live
        with self.lock:
            return self._checkpoint_nets.of(checkpoint)

    @property
    def runner(self) -> NetRunner:
        """Runs the net that is shown."""
        return self._shown.runner

    @property
    def map_store(self) -> MapStore:
        """The maps of recent images in the net that is shown."""
        return self._shown.map_store

    @property
    def revision(self) -> int:
        """Stands for the weights that are shown: what was computed under another one no longer holds."""
        index = self.checkpoint
        if index is None:
            return self.live_revision
        checkpoint = self.checkpoints[index]
        if checkpoint not in self._revisions:
            self._newest_revision += 1
            self._revisions[checkpoint] = self._newest_revision
        return self._revisions[checkpoint]

    @property
    def net(self) -> nn.Module:
        """The net that is shown: the user's own, or a copy with a checkpoint's weights."""
        return self.runner.net

    @property
    def forward(self) -> Forward | None:
        """The user's own way of calling the net."""
        return self._live.runner.forward

    @property
    def layers(self) -> tuple[ConvLayer, ...]:
        """The net's convolutions in execution order; their weights are those of the net that is shown."""
        return self._live.runner.layers

    @property
    def note(self) -> str:
        """Sentences about the whole data set and how the net is called with it; empty where there is none to say."""
        return " ".join(filter(None, [self.source.note, self._live.runner.call_note, self._trial_note]))

    @property
    def _trial_note(self) -> str:
        edits = self.edits
        if not edits or self.checkpoint is not None:
            return ""
        names = ", ".join(f"{edit.layer} filter {edit.filter}" for edit in edits[:3])
        more = f" and {len(edits) - 3} more" if len(edits) > 3 else ""
        return f"A trial: {names}{more} has other kernels here than in your net."

    @property
    def tells(self) -> str:
        """What the net's output is: `"classes"`, `"boxes"`, `"masks"` or `"embedding"`."""
        kind = self._live.runner.known.kind
        return "classes" if kind is None else kind.name

    @property
    def runs_the_net_itself(self) -> bool:
        """Whether the net cannot be copied, so that nothing may run it in the background."""
        return not self.closed and self._live.runner.in_place

    def _find_layers(self) -> None:
        self.structure += 1
        first, runner = self.sample(self.first_image), self._live.runner
        objective = self.source.objective
        runner.known = KnownClasses(len(self.source.classes), first.label_is_no_class, objective, first.target)
        try:
            output = runner.find_layers(first.net_input, self.weights)
        except NetError as error:
            if not self.source.table_note:
                raise
            raise NetError(f"{error} {self.source.table_note}") from error
        if output is None and self.forward is None:
            raise NetError(
                f"the net returned None for an image; does {self.net_name}.forward lack its return? A net that gives "
                "nothing on purpose is shown with forward=lambda net, image: net(image)"
            )
        known = runner.known
        answer = runner.answers(output, 1, runner.image_shape[1:])[0]
        count = len(answer) if known.tells_classes and answer is not None else 0
        self.classes = Classes(self.source, count, of_parts=self.tells in ("boxes", "masks"))
        self._live.map_store.begin(self.first_image, output)
        if (known.scorer is not None) != self.source.holds_targets and not self.source.random:
            self.source.holds_targets = known.scorer is not None
            self.samples.clear()  # what was said of their labels holds no more

    # Whether it still holds

    @property
    def looked(self) -> float:
        """When somebody last asked for something that depends on the weights, in seconds of `time.monotonic`."""
        return self._checked

    def check(self, within: float = 0.0) -> bool:
        """Whether weights or buffers of the net changed since the last look; then what was computed is dropped.

        What was seen is noted when the work is done: a look that is broken off is none, and the next one does it again.
        What is wrong with a changed net is said where it is asked for, and the next look tries it again.

        Args:
            within: A look that is no more than so many seconds old counts as this one.
        """
        with self.lock:
            self._stay_open()
            if time.monotonic() - self._checked < within:
                return False
            if self.checkpoint is not None:  # its weights are a copy of our own
                self._checked = time.monotonic()
                return False
            checksum = self._live.runner.checksum()
            weights_changed = checksum != self._checksum
            found_anew = False
            if weights_changed:
                self._forget()
                self._outdated = self._outdated or self._live.runner.changed_in_structure()
            if self._outdated:
                with suppress(ValueError):
                    self._read_anew()
                    found_anew = True
            if found_anew and not weights_changed:
                self._forget()
            self._checksum, self._checked = checksum, time.monotonic()
            return weights_changed or found_anew

    def check_structure(self) -> bool:
        """Whether the net's structure changed, which `check` then takes in; quick, whatever the net's size."""
        with self.lock:
            self._stay_open()
            if self.checkpoint is not None:
                return False
            return (self._outdated or self._live.runner.changed_in_structure()) and self.check()

    def refresh(self) -> None:
        """Reads net and data set anew: changed structure, attributes and samples are seen too.

        Raises:
            NetError: If the net can no longer be shown.
            SampleError: If none of the first images can be read any more.
            ValueError: If the data set is empty now.
        """
        with self.lock:
            self._stay_open()
            self._outdated = True
            self.samples.clear()
            self._forget()
            self.samples.measure()
            self._stay_open()  # meanwhile the lock was set down
            self.samples.clear()
            self._checkpoint_nets.drop()
            checksum = self._live.runner.checksum()
            self._read_anew()
            self._checksum = checksum

    def _read_anew(self) -> None:
        """Copies the net and finds its layers; until that is done they are outdated.

        Raises:
            ValueError: If the net can no longer be shown, or no image be read.
        """
        self._refusal = None
        try:
            images = len(self.source)
            # First: while it is read the lock is set down, and the net may change.
            self.first_image = first_readable(self.sample, images, min(self.first_image, images - 1)).index
            runner = self._live.runner
            runner.rebuild()
            edits, runner.edits = runner.edits, KernelEdits()  # the layers are the net's own
            try:
                self._find_layers()
                edits = edits.fitting(self.layers)
            finally:
                runner.edits = edits
            if edits:
                self._live.map_store.clear()
            self._checkpoint_nets.drop()
        except Exception as error:
            refusal = error if isinstance(error, ValueError) else NetError(_cannot_be_shown(error))
            self._refusal = refusal
            raise refusal from error.__cause__
        self._outdated = False

    def record(self, name: str | None, epoch: int | None) -> int:
        """Keeps the user's net as it is now as a checkpoint; see `Explorer.record`.

        Returns:
            Its index.

        Raises:
            NetError: If the net cannot be copied.
        """
        self._stay_open()
        if self._live.runner.in_place:
            raise NetError("this net cannot be copied, so its snapshots could not be shown")
        index, thinned = self.recorder.record(self._live.runner.net, name, epoch)
        if thinned:  # others have their indices now: whoever holds something by its index lets go of it
            with self.lock:
                self._newest_revision += 1
                self.live_revision = self._newest_revision
                self._revisions.clear()
        return index

    def sleep(self) -> None:
        """Lets go of all that can be computed anew, and of the copy of the net; whoever asks for something wakes it.

        The newest sample is kept where another reading might give another image.
        """
        with self.lock:
            if self.closed:
                return
            self.samples.sleep(keep_newest=self.source.random or self.source.is_stream)
            self._live.map_store.clear()
            self._checkpoint_nets.drop()
            self.response_store.clear()
            self._live.runner.sleep()

    def close(self) -> None:
        """Lets go of the net, the data set and all that was computed."""
        with self.lock:
            if self.closed:
                return
            self._forget()
            self._live.map_store.close()
            self._checkpoint_nets.drop()
            self.samples.close()
            self.closed = True
            del self._live, self._checkpoint_nets, self.checkpoints, self.source

    def _stay_open(self) -> None:
        if self.closed:
            raise RuntimeError("this explorer is closed; make a new one")

    def _stay_whole(self) -> None:
        """Sees to it that the layers are the net's.

        Raises:
            ValueError: If they cannot be found any more: what `refresh` would say.
        """
        self._stay_open()
        if self._outdated and self._refusal is None:  # a look was broken off
            self.check()
        if self._refusal is not None:
            raise self._refusal.with_traceback(None)

    def _forget(self) -> None:
        self._newest_revision += 1
        self.live_revision = self._newest_revision
        self._revisions.clear()  # a page takes nothing that was computed before this one
        self._live.runner.edits.forget()
        self._live.map_store.clear()
        self.response_store.clear()

    # A trial

    @property
    def edits(self) -> tuple[KernelEdit, ...]:
        """The kernels that stand in place of the net's own; a checkpoint is shown without them."""
        return () if self.closed else self._live.runner.edits.edits

    def edit(self, edits: Sequence[KernelEdit]) -> None:
        """Runs the twin with other kernels from now on; the user's net stays as it is.

        Args:
            edits: All of them, at most one a filter, each of an `editable` layer.

        Raises:
            NetError: If the net cannot be copied.
            ValueError: If a checkpoint is shown.
        """
        with self.lock:
            self._stay_whole()
            if edits and self.checkpoint is not None:
                raise ValueError(
                    "a checkpoint is shown, and a kernel is edited in the net itself; select checkpoint None first"
                )
            if edits and self._live.runner.in_place:
                raise NetError(
                    "this net cannot be copied, so no kernel of it can be edited: it runs itself in each pass"
                )
            self._live.runner.edits = KernelEdits(edits)
            self.trials += 1
            self._forget()

    @contextmanager
    def unedited(self) -> Iterator[None]:
        """Under the lock, passes of the runner's own without the edits in the body; what is kept has them."""
        with self.lock:
            runner = self._live.runner
            edits, runner.edits = runner.edits, KernelEdits()
            try:
                yield
            finally:
                runner.edits = edits

    def try_image(self, sample: Sample | None) -> None:
        """Shows an image in place of one of the data set's, whose index it has; None: those of the data set again."""
        with self.lock:
            self._stay_open()
            self.samples.trial = sample
            self.trials += 1
            self._forget()
            self._checkpoint_nets.drop()

    # Samples

    def sample(self, image: int) -> Sample:
        """A sample, the same one while it is among those looked at last.

        Raises:
            SampleError: If it cannot be read.
        """
        self._stay_open()
        return self.samples.sample(image)

    def preload(self, image: int) -> None:
        """Reads a sample that `sample` will be asked for.

        Raises:
            SampleError: If it cannot be read.
        """
        self._stay_open()
        self.samples.preload(image)

    def read(self, image: int) -> Sample:
        """A sample that is not kept, as for a look at many.

        Raises:
            SampleError: If it cannot be read.
        """
        self._stay_open()
        return self.samples.read(image)

    def read_for_net(self, images: Sequence[int]) -> list[Sample | SampleError]:
        """Samples that are given to the net and not kept nor drawn; for one that cannot be read, its error.

        Images that differ from an earlier read of theirs are not noticed here.
        """
        self._stay_open()
        return self.samples.read_for_net(images)

    def has(self, image: int, seconds: float | None = None) -> bool:
        """Whether there is an image of that index; a stream is read on to know, for so many seconds."""
        self._stay_open()
        return self.samples.has(image, seconds)

    def labels(self) -> list[str | int | None] | None:
        """The classes of all samples, where the data set holds them beside its images and some samples agree."""
        return self.source.labels(lambda image: self.read(image).label)

    # One image and one layer

    def maps(self, image: int, layer: int) -> Maps:
        """What a layer did to an image, as the net's tensors; see `MapStore.maps`."""
        with self.lock:
            if (image, layer) not in self.map_store:
                self.sample(image)  # first, as in `moment`
            self._stay_whole()
            return self.map_store.maps(image, layer)

    def complete(self, image: int) -> None:
        """One pass to the end; see `MapStore.complete`."""
        with self.lock:
            self.sample(image)  # first, as in `moment`
            self._stay_whole()
            self.map_store.complete(image)

    def moment(self, image: int, layer: int) -> Moment:
        """What a layer does to an image now; whether the weights changed is for the caller to `check`.

        Raises:
            SampleError: If the sample cannot be read.
            NetError: If the net refuses it, or does not reach the layer with it.
        """
        with self.lock:
            sample = self.sample(image)  # first: while it is read the lock is set down, and the net may change
            self._stay_whole()
            maps = self.map_store.maps(image, layer)
            weight, bias = self.map_store.weights(layer, image)
            return Moment(
                revision=self.revision,
                image=image,
                images=len(self.source),
                sample=sample,
                note=self.note,
                layer=self.layers[layer],
                maps=maps,
                dynamic=self.map_store.is_dynamic(layer),
                own_weights=self.map_store.has_own_weights(layer),
                weight=weight,
                live_bias=bias,
                prediction=self.prediction(image) if self.map_store.has_scores(image) else None,
                answer=self.answer(image) if self.map_store.has_scores(image) else None,
                tells=self.tells,
                store=self.response_store,
            )

    def weights(self, layer: int, image: int | None = None) -> tuple[np.ndarray, np.ndarray | None]:
        """A layer's live kernels, float32 `(F, C_in/groups, *k)`, and bias, float32 `(F,)` or None.

        Args:
            layer: Index of the layer.
            image: Whose kernels they are, where each image has its own; None for the selected one.
        """
        with self.lock:
            self.check()
            self._stay_whole()
            weight, bias = self.map_store.weights(layer, self.selected_image() if image is None else image)
            return float32(weight), None if bias is None else float32(bias)

    def kernels(self, layer: int, image: int | None = None) -> np.ndarray:
        """A layer's live kernels, float32 `(F, C_in/groups, *k)`; see `weights`."""
        return self.weights(layer, image)[0]

    def response(self, image: int, layer: int, filter_index: int, channel: int | None, source: Source) -> np.ndarray:
        """The response of one filter by `cv2.filter2D` alone, as `filterscope.filters.response` computes it."""
        with self.lock:
            pixels = self.sample(image).image  # first, as in `moment`
            self._stay_whole()
            record = self.layers[layer]
            kernel = float32(self.map_store.weights(layer, image)[0][filter_index])
            if source == "image":
                return response.response_over_image(pixels, kernel, record, channel)
            layer_input = float32(self.map_store.maps(image, layer).input)
        return response.response_over_input(layer_input, kernel, record, filter_index, channel)

    # The net's output

    def prediction(self, image: int) -> Prediction:
        """Every class with its probability, best first; of boxes each object's, of masks each class's share of pixels.

        Empty where the net's output says none of these.
        """
        return self.classes.ranked(self.answer(image))

    def answer(self, image: int) -> Answer | None:
        """What the net says of an image: probabilities of the classes, objects in boxes, or a class for each pixel."""
        with self.lock:
            if not self.map_store.has_scores(image):
                self.sample(image)  # first, as in `moment`
            self._stay_whole()
            return self.map_store.answer(image)

    def classify(self, images: Sequence[np.ndarray | Inputs]) -> list[str | int | None]:
        """What the net says first of each of some images of one shape; None where that is nothing that can be told.

        Raises:
            Exception: What the net raises.
        """
        with self.lock:
            answers, _ = self.runner.answers_and_scores(images)
        return [self.classes.best(one) for one in answers]

    def look_at(self, samples: Sequence[Sample]) -> list[Looked]:
        """What the net says of each of some images of one shape, and whether it is right.

        Raises:
            Exception: What the net or the user's score raises.
        """
        images = [sample.net_input for sample in samples]
        with self.lock:
            answers, scores = self.runner.answers_and_scores(images, [sample.target for sample in samples])
            scorer = self.runner.known.scorer
        right: list[bool | None] = [None] * len(answers)
        if scorer is not None and scores is not None:
            right = [None if np.isnan(score) else bool(score >= scorer.right_from) for score in scores]
        return [Looked(self.classes.best(one), outcome) for one, outcome in zip(answers, right, strict=True)]

    # For passes of one's own

    @contextmanager
    def passing(self, image: int) -> Iterator[tuple[NetRunner, torch.Tensor]]:
        """The runner, and an image as a batch, for a pass of one's own under the lock.

        Raises:
            SampleError: If the sample cannot be read.
            NetError: If the body raises: what the net refuses, in words.
        """
        with self.lock:
            sample = self.sample(image)  # first, as in `moment`
            self._stay_whole()
            batch = self.runner.batch([sample.net_input])
            try:
                yield self.runner, batch
            except Exception as error:
                raise self.runner.refusal(batch, error) from error

    def snapshot(self) -> nn.Module:
        """A copy of the net as it is now, in eval mode, for work beside the person: whatever becomes of the net.

        Raises:
            NetError: If it cannot be copied.
        """
        with self.lock:
            self._stay_whole()
            if self.runner.in_place:
                raise NetError(
                    "this net cannot be copied, so nothing may run it in the background; filterscope.diagnose(net, "
                    "data) runs it while nothing else does"
                )
            return self.runner.snapshot()


def _cannot_be_shown(error: Exception) -> str:
    return f"the net can no longer be shown: {describe_exception(error)}. Make a new explorer, or mend the net"

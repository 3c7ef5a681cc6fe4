"""The user's own net: its layers, found with an image that can be read, and whether what was read of it still holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from filterscope.data.source import SampleSource, first_readable
from filterscope.engine.classes import Classes
from filterscope.engine.samples import Samples
from filterscope.engine.shown_net import ShownNet
from filterscope.errors import NetError, describe_exception
from filterscope.nets.kernel_edits import KernelEdit, KernelEdits
from filterscope.nets.layers import ReadWeights, left_out_in_words
from filterscope.nets.outputs import KnownClasses


class LiveNet:
    """The user's own net, which may change at any time; hold the engine's lock.

    Args:
        shown: Runs it.
        source: The data set.
        samples: Gives its images.
        first_image: Index of the image with which the layers are found; where it cannot be read, another one.
        read_weights: Returns kernels and bias of the net that is shown, by the layer's index.

    Attributes:
        shown: Runs the net, and keeps the maps of recent images.
        runner: Runs the net.
        first_image: The image with which the layers were found.
        structure: Goes up whenever the layers are found anew, as after a change of the net's structure.
        classes: The classes among which it chooses.
        looked: When its weights were last looked at, in seconds of `time.monotonic`.

    Raises:
        NetError: If it refuses the image, or has no convolution that the pass reaches.
        SampleError: If no image can be read.
        ValueError: If there are fewer class names than the net has classes.
    """

    classes: Classes

    def __init__(
        self, shown: ShownNet, source: SampleSource, samples: Samples, first_image: int, read_weights: ReadWeights
    ) -> None:
        self.shown, self.runner = shown, shown.runner
        self._source, self._samples, self._read_weights = source, samples, read_weights
        self._checksum = self.runner.checksum()
        self.looked = time.monotonic()
        self.structure = 0
        self._outdated = False  # whether the layers are to be found anew, as after a change of the net's structure
        self._refusal: ValueError | None = None  # why they could not be
        self.first_image = first_readable(samples.sample, len(source), first_image).index
        self._find_layers()

    @property
    def peculiarities(self) -> list[str]:
        """Sentences on what of it cannot be shown, or not as people expect."""
        sentences = []
        if self.runner.checksum() != self._checksum:
            sentences.append("this net writes to its own weights or buffers when it runs, through filterscope as well")
        if self.runner.note:
            sentences.append(self.runner.note)
        if self.runner.left_out:
            left_out = left_out_in_words(self.runner.left_out)
            sentences.append(f"convolutions that cannot be shown are left out: {left_out}")
        return sentences

    @property
    def name(self) -> str:
        """Its class."""
        return type(self.runner.net).__name__

    @property
    def tells(self) -> str:
        """What its output is: `"classes"`, `"boxes"`, `"masks"` or `"embedding"`."""
        kind = self.runner.known.kind
        return "classes" if kind is None else kind.name

    # Its layers

    def _find_layers(self) -> None:
        self.structure += 1
        first, runner, source = self._samples.sample(self.first_image), self.runner, self._source
        runner.known = KnownClasses(len(source.classes), first.label_is_no_class, source.objective, first.target)
        try:
            output = runner.find_layers(first.net_input, self._read_weights)
        except NetError as error:
            if not source.table_note:
                raise
            raise NetError(f"{error} {source.table_note}") from error
        if output is None and runner.forward is None:
            raise NetError(
                f"the net returned None for an image; does {self.name}.forward lack its return? A net "
                "that gives nothing on purpose is shown with forward=lambda net, image: net(image)"
            )
        known = runner.known
        answer = runner.known.answers(output, 1, runner.image_shape[1:])[0]
        count = len(answer) if known.tells_classes and answer is not None else 0
        self.classes = Classes(source, count, of_parts=self.tells in ("boxes", "masks"))
        self.shown.map_store.begin(self.first_image, output)
        if (known.scorer is not None) != source.holds_targets and not source.random:
            source.holds_targets = known.scorer is not None
            self._samples.clear()  # what was said of their labels holds no more

    # Whether that still holds

    @property
    def outdated(self) -> bool:
        """Whether its structure changed since the layers were found; quick, whatever the net's size."""
        return self._outdated or self.runner.changed_in_structure()

    def outdate(self) -> None:
        """Has the layers found anew at the next look, as after a change that weights do not show."""
        self._outdated = True

    def look(self, forget: Callable[[], None]) -> bool:
        """Whether weights, buffers or structure changed since the last look; then the layers are found anew.

        What was seen is noted when the work is done: a look that is broken off is none, and the next one does it again.
        What is wrong with a changed net is said where it is asked for, and the next look tries it again.

        Args:
            forget: Drops what was computed, which holds no more.
        """
        checksum = self.runner.checksum()
        weights_changed = checksum != self._checksum
        layers_found = False
        if weights_changed:
            forget()
            self._outdated = self.outdated
        if self._outdated:
            with suppress(ValueError):
                self._find_layers_anew()
                layers_found = True
        if layers_found and not weights_changed:
            forget()
        self._checksum, self.looked = checksum, time.monotonic()
        return weights_changed or layers_found

    def find_layers_anew(self) -> None:
        """Copies the net and finds its layers.

        Raises:
            ValueError: If the net can no longer be shown, or no image be read.
        """
        checksum = self.runner.checksum()
        self._find_layers_anew()
        self._checksum = checksum

    def _find_layers_anew(self) -> None:
        self._refusal = None
        try:
            images = len(self._source)
            # First: while it is read the lock is set down, and the net may change.
            self.first_image = first_readable(self._samples.sample, images, min(self.first_image, images - 1)).index
            self.runner.rebuild()
            with self.unedited():  # the layers are the net's own
                self._find_layers()
            self.runner.edits = self.runner.edits.fitting(self.runner.layers)
            if self.runner.edits:
                self.shown.map_store.clear()
        except Exception as error:
            refusal = error if isinstance(error, ValueError) else NetError(_cannot_be_shown(error))
            self._refusal = refusal
            raise refusal from error.__cause__
        self._outdated = False

    def check_layers(self, look: Callable[[], object]) -> None:
        """Sees to it that the layers are the net's.

        Args:
            look: Looks again, after a look that was broken off.

        Raises:
            ValueError: If they cannot be found any more: what `find_layers_anew` would say.
        """
        if self._outdated and self._refusal is None:
            look()
        if self._refusal is not None:
            raise self._refusal.with_traceback(None)

    # Other kernels in place of its own

    def edit(self, edits: Sequence[KernelEdit]) -> None:
        """Runs the twin with other kernels from now on.

        Raises:
            NetError: If the net cannot be copied.
        """
        if edits and self.runner.in_place:
            raise NetError("this net cannot be copied, so no kernel of it can be edited: it runs itself in each pass")
        self.runner.edits = KernelEdits(edits)

    @contextmanager
    def unedited(self) -> Iterator[None]:
        """Passes of the runner's own without the edits in the body; what is kept has them."""
        edits, self.runner.edits = self.runner.edits, KernelEdits()
        try:
            yield
        finally:
            self.runner.edits = edits

    # Letting go

    def forget(self) -> None:
        """Drops what was computed with the net as it was."""
        self.runner.edits.forget()
        self.shown.map_store.clear()

    def sleep(self) -> None:
        """Lets go of all that can be computed anew, and of the copy of the net."""
        self.shown.map_store.clear()
        self.runner.sleep()

    def close(self) -> None:
        """Lets go of the net and the data set."""
        self.shown.map_store.close()
        del self.shown, self.runner, self._source, self._samples, self._read_weights


def _cannot_be_shown(error: Exception) -> str:
    return f"the net can no longer be shown: {describe_exception(error)}. Make a new explorer, or mend the net"

"""A scan that grows in the background: what is known so far can be read at any moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from filterscope.errors import NetError
from filterscope.host.timing import SCAN_PIECE_SECONDS
from filterscope.nets.runner import NetRunner
from filterscope.nets.step_size import StepSize
from filterscope.scans.choice import shards_of, shards_of_stream
from filterscope.scans.crops import Cropper
from filterscope.scans.identity import PRE_ACTIVATION, ScanIdentity, identify, identify_layer
from filterscope.scans.result import Scan
from filterscope.scans.sampling import Samples, find_out_batches, one_at_a_time_note
from filterscope.scans.shard import SHARD_IMAGES, ShardScanner
from filterscope.scans.state import ScanState
from filterscope.verdicts.run.task import Task, TaskProgress

_FIRST = 20  # images that tell whether several may go in one pass
_FIRST_PIECE = 64


@dataclass(frozen=True, eq=False)
class Prepared:
    """What a scan in the background works with.

    Attributes:
        runner: Runs the net, with looks at whether to go on.
        samples: The data set, the same.
        crop_runner: Runs the net for crops, whatever becomes of the scan.
        crop_samples: The data set, for crops.
    """

    runner: NetRunner
    samples: Samples
    crop_runner: NetRunner
    crop_samples: Samples


class RunningScan(Scan):
    """A `Scan` that is still being made, or was: `done` says which.

    Everything that a `Scan` has is here too, for the images seen so far, and is exact for these. Crops are cut from the
    explorer's data set, so they are there as long as the explorer is not closed.

    Args:
        prepare: Makes net and data set; called in the background.
        identity: What is scanned, as far as it is known before that: layers, count and class names.
        chosen: Indices of the chosen images, int64, ascending; of a stream how many, or None for all.
        earlier: A scan to go on from, where it is of the same.
        seconds_until_idle: For how long the person still comes first.
        finished: Called with it in the background when it has seen all images.

    Example:
        >>> from filterscope import Explorer, demo
        >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
        >>> found = explorer.scan(images=100).wait()
        >>> found.images, len(found.top("conv2", 3))
        (100, 9)
    """

    def __init__(
        self,
        prepare: Callable[[Task], Prepared],
        identity: ScanIdentity,
        chosen: np.ndarray | int | None,
        earlier: Scan | None = None,
        seconds_until_idle: Callable[[], float] = lambda: 0.0,
        finished: Callable[[Scan], object] = lambda scan: None,
    ) -> None:
        super().__init__(identity, ScanState())
        self._when_finished = finished
        self._prepare, self._chosen_images, self._earlier = prepare, chosen, earlier
        self._finished = False
        self._version = 0
        self._task = Task("filterscope scan", self._work, seconds_until_idle)

    # How far it is

    @property
    def done(self) -> bool:
        """Whether it has ended: finished, cancelled or failed."""
        return self._task.done

    @property
    def error(self) -> Exception | None:
        """What ended it, where it failed."""
        return self._task.error

    @property
    def cancelled(self) -> bool:
        """Whether it was cancelled before it was finished."""
        return self._task.cancelled.is_set() and not self._finished

    @property
    def progress(self) -> TaskProgress:
        """Stage, done, total, how many a second, and how long it still takes."""
        return self._task.progress

    @property
    def version(self) -> int:
        """Goes up whenever there is more to read."""
        return self._version

    @property
    def asked(self) -> int:
        """How many images were asked for; 0 where that is not known, as of a whole stream."""
        chosen = self._chosen_images
        return len(chosen) if isinstance(chosen, np.ndarray) else chosen or 0

    def wait(self, timeout: float | None = None) -> RunningScan:
        """Waits until it has ended.

        Args:
            timeout: Seconds to wait at most; None waits for as long as it takes.

        Returns:
            Itself, whether it has ended or not; see `done`.

        Raises:
            Exception: What ended it, where it failed.
        """
        self._task.wait(timeout)
        if self._task.error is not None:
            raise self._task.error
        return self

    def cancel(self) -> RunningScan:
        """Ends it within a moment and returns at once; what was seen is kept, and exact for these images."""
        self._task.cancel()
        return self

    def so_far(self) -> Scan:
        """A scan of the images seen up to now, which grows no more."""
        return Scan(self.identity, self.state, self._cropper, self.notes)

    def close(self) -> None:
        """Ends it, and waits until it has."""
        self._task.close()

    @property
    def notes(self) -> tuple[str, ...]:
        """What else there is to know, sentences; while it runs, how far it is."""
        notes = super().notes if self.images else self._notes
        if not self.done:
            return (*notes, f"Still running: {self._words()}.")
        if self.error is not None:
            return (*notes, f"It stopped: {self.error}")
        return (*notes, f"It was cancelled after {self.images:,} images.") if self.cancelled else notes

    def __repr__(self) -> str:
        if not self.done:
            return f"RunningScan(running: {self._words()})"
        how = "failed" if self.error is not None else "cancelled" if self.cancelled else "done"
        return f"RunningScan({how}: {super().__repr__().removeprefix('Scan(')}"

    def _words(self) -> str:
        at = self.progress
        if not at.stage:
            return "starting"
        of = f" of {at.total:,}" if at.total else ""
        left = f", {at.seconds_left:.0f} s left" if at.total and at.seconds_left is not None else ""
        return f"{at.done:,}{of} images{left}"

    # The work, in its thread

    def _work(self, task: Task) -> None:
        prepared = self._prepare(task)
        runner, samples, asked_for = prepared.runner, prepared.samples, self.identity
        now = {layer.index: identify_layer(layer) for layer in runner.layers}
        if any(now.get(layer.index) != layer for layer in asked_for.layers):
            raise NetError(
                "the net took another path for the first image of the data set than for the one the explorer was made "
                "with, so its layers are others; give the explorer an image_index that stands for the rest"
            )
        layers, pre_activation = [layer.index for layer in asked_for.layers], asked_for.maps == PRE_ACTIVATION
        find_out_batches(runner, samples, self._first(samples))
        identity = identify(runner, samples, layers, pre_activation)
        self._notes = tuple(filter(None, [one_at_a_time_note(runner)]))
        self._cropper = Cropper(prepared.crop_runner, prepared.crop_samples, pre_activation)
        self.identity = identity
        self._publish(self._beginning(identity))
        task.begin("images", len(self.state.asked), self.asked)
        scanner = ShardScanner(runner, samples, layers, pre_activation, task.check)
        size = StepSize(SCAN_PIECE_SECONDS, 2 * SCAN_PIECE_SECONDS, _FIRST_PIECE, SHARD_IMAGES)
        for piece in _in_pieces(self._shards(samples), size):
            task.check()
            start = time.monotonic()
            self._publish(self.state.merge(scanner.scan(piece)))
            task.note("images", len(self.state.asked), self.asked)
            size.took(len(piece), time.monotonic() - start)
        refused, cause = self.state.refused
        if refused and not self.images:
            raise NetError(f"the net refused all {refused} images: {cause}")
        self._finished = True
        with suppress(ValueError):  # the scan is there, whatever becomes of who takes it over
            self._when_finished(self)

    def _publish(self, state: ScanState) -> None:
        self.state = state
        self._version += 1

    def _first(self, samples: Samples) -> np.ndarray:
        if isinstance(self._chosen_images, np.ndarray):
            return self._chosen_images[:_FIRST]
        samples.has(_FIRST - 1)
        return np.arange(min(len(samples), _FIRST))

    def _beginning(self, identity: ScanIdentity) -> ScanState:
        """What the earlier scan saw, where it is of the same and of no other images than these, or nothing."""
        earlier, self._earlier = self._earlier, None
        if earlier is None or identity.difference(earlier.identity) or identity.data.random:
            return ScanState()
        seen, chosen = earlier.state.asked, self._chosen_images
        if isinstance(chosen, np.ndarray):
            return earlier.state if np.isin(seen, chosen).all() else ScanState()
        return earlier.state if chosen is None or len(seen) <= chosen else ScanState()

    def _shards(self, samples: Samples) -> Iterable[np.ndarray]:
        seen, chosen = self.state.asked, self._chosen_images
        if isinstance(chosen, np.ndarray):
            return shards_of(chosen, seen)
        return shards_of_stream(chosen, samples, seen)


def _in_pieces(shards: Iterable[np.ndarray], size: StepSize) -> Iterator[np.ndarray]:
    """Shards in pieces of the size that is right at that moment."""
    for shard in shards:
        while len(shard):
            images = size.images
            yield shard[:images]
            shard = shard[images:]

"""Images that a net refuses: each is left out, counted and said, and the others of its batch are not."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

import torch

from filterscope.errors import EndsWork, NetError, describe_exception
from filterscope.nets.runner import NetRunner
from filterscope.scans.sampling import ImageBatch

Result = TypeVar("Result")

MOST_REFUSED = 20
"""A net that refuses so many images, and took none before, is taken to refuse all."""


def run_accepted(
    batch: ImageBatch, run: Callable[[ImageBatch], Result]
) -> tuple[ImageBatch, Result | None, list[Exception]]:
    """Runs a net on those images of a batch that it does not refuse.

    Where it refuses the batch, each image is tried alone, and then those that it took together.

    Args:
        batch: The images.
        run: Runs the net on a batch and has no other effect.

    Returns:
        The images that the net took; what `run` gave for them, None where there are none; and what the net raised for
        each of the others.
    """
    nothing = batch.only([])
    if not len(batch.images):
        return batch, None, []
    try:
        return batch, run(batch), []
    except Exception as error:
        if len(batch.images) == 1:
            return nothing, None, [error]
    accepted: list[int] = []
    refusals: list[Exception] = []
    for index in range(len(batch.images)):
        if not accepted and len(refusals) == MOST_REFUSED:
            return nothing, None, refusals + [refusals[0]] * (len(batch.images) - index)
        try:
            run(batch.only([index]))
        except Exception as error:
            refusals.append(error)
        else:
            accepted.append(index)
    if not accepted:
        return nothing, None, refusals
    part = batch.only(accepted)
    try:
        return part, run(part), refusals
    except Exception as error:  # each alone, and not together
        return nothing, None, refusals + [error] * len(accepted)


class FittingPasses:
    """Runs a net on batches, in as many passes as its memory needs: one that does not fit is halved until it does.

    Attributes:
        most: How many images go in one pass; fewer once so many did not fit.
    """

    def __init__(self) -> None:
        self.most = 2**31

    def run(
        self, batch: ImageBatch, run: Callable[[ImageBatch], Result]
    ) -> Iterator[tuple[ImageBatch, ImageBatch, Result | None, list[Exception]]]:
        """Of each part of a batch the part itself, and what `run_accepted` gives for it."""

        def watched(part: ImageBatch) -> Result:
            try:
                return run(part)
            except Exception as error:
                if len(part.images) > 1 and _is_out_of_memory(error):
                    raise _TooMany from error
                raise

        waiting = deque([batch])
        while waiting:
            part, *rest = _parts_of(waiting.popleft(), self.most)
            waiting.extendleft(reversed(rest))
            try:
                accepted = run_accepted(part, watched)
            except _TooMany:
                self.most = (len(part.images) + 1) // 2
                waiting.appendleft(part)
                continue
            yield part, *accepted


class _TooMany(EndsWork):
    """So many images do not fit into memory in one pass. Not an `Exception`: the net refuses none of them."""


def _is_out_of_memory(error: Exception) -> bool:
    if isinstance(error, torch.cuda.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and re.search("out of memory|can't allocate memory", str(error)) is not None


def _parts_of(batch: ImageBatch, most: int) -> list[ImageBatch]:
    """A batch in parts of so many images at most; samples that cannot be read count in the first."""
    count = len(batch.images)
    if count <= most:
        return [batch]
    parts = [batch.only(range(start, min(start + most, count))) for start in range(0, count, most)]
    return [parts[0], *(replace(part, unreadable=0, cause="") for part in parts[1:])]


class LeftOut:
    """Counts the images that a measurement leaves out.

    Args:
        runner: Runs the net.

    Attributes:
        images: How many images were taken.
    """

    def __init__(self, runner: NetRunner) -> None:
        self._runner = runner
        self.images = 0
        self._unreadable = self._refused = 0
        self._refusal: NetError | None = None
        self._cause = ""

    def run(self, batch: ImageBatch, run: Callable[[ImageBatch], Result]) -> tuple[ImageBatch, Result | None]:
        """What `run_accepted` gives, the rest counted.

        Raises:
            NetError: If the net refused the first images, all of `MOST_REFUSED`.
        """
        accepted, result, refusals = run_accepted(batch, run)
        self._unreadable += batch.unreadable
        self._refused += len(refusals)
        self.images += len(accepted.images)
        if refusals:
            self._cause = describe_exception(refusals[0])
            self._refusal = self._runner.refusal(self._runner.batch(batch.images[:1]), refusals[0])
            if self._refused >= MOST_REFUSED:
                self.check()
        return accepted, result

    def check(self) -> None:
        """Whether any image was taken.

        Raises:
            NetError: If the net refused all there were.
        """
        if not self.images and self._refusal is not None:
            raise self._refusal

    @property
    def notes(self) -> tuple[str, ...]:
        """What is left out, sentences."""
        return left_out_notes(self._unreadable, self._refused, self._cause)


def left_out_notes(unreadable: int, refused: int, cause: str) -> tuple[str, ...]:
    """Sentences on how many images are left out; none where all were taken.

    Args:
        unreadable: Samples that could not be read.
        refused: Images that the net refused.
        cause: Why the first of these.
    """
    of_unreadable = f"{unreadable} samples could not be read and are left out."
    of_refused = f"the net refused {refused} images, which are left out: {cause}."
    return tuple(filter(None, [of_unreadable if unreadable else "", of_refused if refused else ""]))

"""Images that a net refuses: each is left out, counted and said, and the others of its batch are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from filterscope.errors import NetError, describe_exception
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

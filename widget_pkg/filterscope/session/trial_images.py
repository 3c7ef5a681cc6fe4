"""Other images in place of the data set's, and places of one that are covered in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from filterscope.data.sample import Sample
from filterscope.data.trial import painted_sample, trial_sample
from filterscope.engine.engine import Engine
from filterscope.lab.occlusion import Occlusion, occlude
from filterscope.nets.rng import RandomStream
from filterscope.session.selection import Selection


class TrialImages:
    """Shows another image in place of one of the data set's, which stays as it is.

    Args:
        engine: The net and the data set.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def index(self) -> int | None:
        """In place of which image another one stands; None where all are the data set's."""
        trial = self._engine.samples.trial
        return None if trial is None else trial.index

    def show(self, picture: Any, image: int) -> None:
        """Shows a picture in place of an image; see `filterscope.data.trial.trial_sample`."""
        transform = self._engine.source.picture_transform

        def made(like: Sample) -> Sample:
            with RandomStream().isolated(wait=False):
                return trial_sample(picture, like, transform)

        self._show(made, image)

    def show_pixels(self, pixels: np.ndarray, plane: int | None, image: int) -> None:
        """Shows an image with other pixels; see `filterscope.data.trial.painted_sample`."""
        self._show(lambda like: painted_sample(pixels, like, plane), image)

    def take_back(self) -> bool:
        """Shows the data set's own image again.

        Returns:
            Whether there was another.
        """
        engine = self._engine
        with engine.lock:
            there = engine.samples.trial is not None
            if there:
                engine.try_image(None)
            return there

    def _show(self, make: Callable[[Sample], Sample], image: int) -> None:
        engine = self._engine
        with engine.lock:
            sample = make(engine.samples.own(image))
            batch = engine.runner.batch([sample.net_input])
            try:  # first, so that a picture that the net cannot take is never shown
                engine.runner.keep(batch, (), to_the_end=True)
            except Exception as error:
                raise engine.runner.refusal(batch, error) from error
            engine.try_image(sample)

    def occlusion(
        self,
        at: Selection,
        box: int | None,
        on_progress: Callable[[str, int, int], None],
        check: Callable[[], None],
    ) -> Occlusion:
        """Covers one place of an image after the other; see `Lab.occlusion`."""
        engine = self._engine
        image = engine.sample(at.image).image
        side = max(1, round(min(image.shape[-2:]) / 7)) if box is None else box

        @contextmanager
        def turn() -> Iterator[None]:
            check()
            with engine.lock:
                yield

        return occlude(engine.runner, image, at.layer, at.filter, side, on_progress, turn)

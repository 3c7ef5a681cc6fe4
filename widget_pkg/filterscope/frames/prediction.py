"""An image's prediction as a page shows it."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from filterscope.engine.classes import Prediction
from filterscope.frames.overlay import OverlayBody


class PredictionBody(TypedDict):
    """A prediction that a frame came without."""

    revision: int
    image: int
    prediction: Prediction
    overlay: OverlayBody | None


def build_prediction(
    revision: int, image: int, prediction: Prediction, overlay: OverlayBody | None = None
) -> PredictionBody:
    """The best classes of an image, for a frame that came without them, and what is laid over it."""
    return {"revision": revision, "image": image, "prediction": best_of(prediction), "overlay": overlay}


def best_of(prediction: Prediction) -> Prediction:
    """The ten best; none where the net's output is not finite, which no bar can show."""
    return prediction[:10] if all(np.isfinite(probability) for _, probability in prediction) else []
